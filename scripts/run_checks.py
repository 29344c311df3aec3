"""Runs everything that must hold before a change lands, shows how long each part took, and counts the tests.

Run `python scripts/run_checks.py [PART...]`; without names all parts run. Style, types and the UI are checked side by
side, then the tests run. In CI (`CI=true`) a test that is skipped for want of a program counts as failed.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import build_ui

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (sys.executable, "-m")
BIN = Path(sys.executable).parent
PYTEST = (*PYTHON, "pytest")
COUNT = re.compile(r"(\d+) (passed|failed|error|skipped)")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Part:
    """One command of the checks."""

    name: str
    command: Sequence[str]
    folder: Path = ROOT
    environment: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a part ended, and what its tests counted."""

    part: Part
    seconds: float
    status: int
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def missed(self) -> int:
        """Failures that the part's own tests did not count."""
        return int(self.status != 0 and self.failed == 0)


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def code_parts() -> list[Part]:
    return [
        Part("ruff", (*PYTHON, "ruff", "check", ".")),
        Part("format", (*PYTHON, "ruff", "format", "--check", ".")),
        Part("layers", (str(BIN / "lint-imports"),)),
        Part("mypy", (*PYTHON, "mypy")),
        Part("spelling", (*PYTHON, "codespell_lib")),
        Part("docs", (sys.executable, "scripts/build_docs.py")),
    ]


def ui_parts() -> list[Part]:
    environment = build_ui.node_environment()
    ui = ROOT / "ui"
    return [
        Part("ui-build", (sys.executable, "scripts/build_ui.py")),
        Part("ui-lint", ("npm", "run", "--silent", "lint"), ui, environment),
        Part("ui-types", ("npm", "exec", "--offline", "--", "tsc", "--noEmit"), ui, environment),
        Part("ui-tests", ("npm", "run", "--silent", "test"), ui, environment),
    ]


def test_parts() -> list[Part]:
    environment = build_ui.node_environment()
    shared = ("-n", "auto", "--dist", "worksteal")
    covered = {**environment, "PYTHONPATH": str(ROOT / "scripts")}  # where the plugin `line_coverage` is
    alone = "not system and not browser and not hardware"
    parts = [
        Part(
            "tests",
            (*PYTEST, "-p", "line_coverage", *shared, "-m", alone, "--durations=5"),
            environment=covered,
        ),
        Part(
            "system",
            (*PYTEST, *shared, "-m", "system and not browser and not hardware", "--durations=5"),
            environment=environment,
        ),
    ]
    if any((ROOT / "tests" / "browser").glob("test_*.py")):
        parts.append(
            Part(
                "browser",
                (*PYTEST, "-m", "browser and not hardware", "--durations=5"),
                environment=environment,
            )
        )
    return parts


def run(part: Part, *, show: bool) -> Outcome:
    """Run one part; its output is shown as it comes, or only when it failed."""
    started = time.monotonic()
    lines = []
    with subprocess.Popen(
        part.command,
        cwd=part.folder,
        env=part.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if show:
                sys.stdout.write(line)
                sys.stdout.flush()
    counts = count(lines)
    skipped_in_ci = counts.get("skipped", 0) if os.environ.get("CI") == "true" else 0
    outcome = Outcome(
        part,
        time.monotonic() - started,
        process.returncode if process.returncode != 0 else int(skipped_in_ci > 0),
        passed=counts.get("passed", 0),
        failed=counts.get("failed", 0) + counts.get("error", 0) + skipped_in_ci,
        skipped=counts.get("skipped", 0) - skipped_in_ci,
    )
    if outcome.status != 0 and not show:
        sys.stdout.write(f"\n== {part.name} failed: {' '.join(part.command)}\n{''.join(lines)}\n")
    print_line(f"{'ok ' if outcome.status == 0 else 'BAD'} {part.name:<10} {outcome.seconds:6.1f} s")
    return outcome


def count(lines: Sequence[str]) -> dict[str, int]:
    """Return what the last counting line of pytest or vitest says."""
    for line in reversed(lines):
        bare = COLOR.sub("", line)
        found = COUNT.findall(bare)
        if found and (" in " in bare or bare.strip().startswith("Tests")):
            return {word: int(number) for number, word in found}
    return {}


def run_side_by_side(lanes: Sequence[Sequence[Part]]) -> Iterator[Outcome]:
    """Run each lane's parts in order, the lanes at once."""
    outcomes: list[list[Outcome]] = [[] for _ in lanes]

    def work(lane: Sequence[Part], into: list[Outcome]) -> None:
        into.extend(run(part, show=False) for part in lane)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(lanes, outcomes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lane in outcomes:
        yield from lane


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    width = max(len(outcome.part.name) for outcome in outcomes)
    lines = [
        f"  {outcome.part.name:<{width}}  {outcome.seconds:6.1f} s  {'ok' if outcome.status == 0 else 'FAILED'}"
        for outcome in outcomes
    ]
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed + outcome.missed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    total = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    return "\n".join(["", *lines, f"  {'all':<{width}}  {seconds:6.1f} s", "", total])


def main() -> int:
    # Whoever started this in the background of a script made SIGINT ignored, and every child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="run only these")
    wanted = set(parser.parse_args().parts)
    code, ui, tests = ([part for part in parts if not wanted or part.name in wanted]
                       for parts in (code_parts(), ui_parts(), test_parts()))  # fmt: skip
    unknown = wanted - {part.name for part in (*code, *ui, *tests)}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    started = time.monotonic()
    outcomes = list(run_side_by_side([lane for lane in (code, ui) if lane]))
    for part in tests:
        print_line(f"\n== {part.name}")
        outcomes.append(run(part, show=True))
    print_line(summary(outcomes, time.monotonic() - started))
    return int(any(outcome.status != 0 for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
