"""Runs everything that must hold before a change lands, shows how long each part took, and counts the tests.

Run `python scripts/run_checks.py [PART...]`; without names all parts run, in two lanes at once. One checks the code and
runs the tests that compute, at the lowest priority; the other checks the UI and runs the tests that wait much of their
time: those of processes, and those in a browser. In CI (`CI=true`) a test that is skipped for want of a program counts
as failed.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
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
SHARED = ("-n", "auto", "--dist", "worksteal")
COUNT = re.compile(r"(\d+) (passed|failed|error|skipped)")
LOW_PRIORITY = ("nice", "-n", "19")
"""For tests that compute: processes that other tests wait for come first, and these take what is left."""
COLOR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Part:
    """One command of the checks."""

    name: str
    command: Sequence[str]
    folder: Path = ROOT
    environment: Mapping[str, str] | None = None
    is_shown: bool = False
    """Whether its output is of interest when it succeeded, too."""
    after: str = ""
    """A part of another lane that has to end first."""


@dataclass(frozen=True)
class Outcome:
    """How a part ended, and what its tests counted."""

    part: Part
    seconds: float
    processor_s: float
    """Of all its processes that ended before it."""
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


def test_part(name: str, *options: str, low_priority: bool = False, after: str = "") -> Part:
    environment = {**build_ui.node_environment(), "PYTHONPATH": str(ROOT / "scripts")}  # where `line_coverage` is
    command = (*(LOW_PRIORITY if low_priority else ()), *PYTEST, *options, "--durations=5")
    return Part(name, command, environment=environment, is_shown=True, after=after)


def computing_tests() -> list[Part]:
    alone = "not system and not browser and not hardware"
    # A web server is tried with the pages that are built.
    return [test_part("tests", "-p", "line_coverage", *SHARED, "-m", alone, low_priority=True, after="ui-build")]


def waiting_tests() -> list[Part]:
    # Beside tests of the lowest priority these wait for nothing but themselves: the pumps of a cluster in the browser,
    # which run sixty times faster than real, would run over on a machine that is late.
    return [
        test_part("system", *SHARED, "-m", "system and not browser and not hardware"),
        test_part("clusters", "tests/browser/cluster", "-m", "browser and not hardware"),
        test_part("pages", "tests/browser/pages", "-m", "browser and not hardware"),
    ]


def run(part: Part, *, show: bool) -> Outcome:
    """Run one part; its output is shown when it ends, or only when it failed."""
    print_line(f"... {part.name}")
    started = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            part.command,
            cwd=part.folder,
            env=part.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, wait_status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(wait_status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    lines = text.splitlines()
    counts = count(lines)
    skipped_in_ci = counts.get("skipped", 0) if os.environ.get("CI") == "true" else 0
    outcome = Outcome(
        part,
        time.monotonic() - started,
        usage.ru_utime + usage.ru_stime,
        process.returncode if process.returncode != 0 else int(skipped_in_ci > 0),
        passed=counts.get("passed", 0),
        failed=counts.get("failed", 0) + counts.get("error", 0) + skipped_in_ci,
        skipped=counts.get("skipped", 0) - skipped_in_ci,
    )
    if outcome.status != 0:
        print_line(f"\n== {part.name} failed: {' '.join(part.command)}\n{text}")
    elif show:
        print_line(f"\n== {part.name}\n{text}")
    times = f"{outcome.seconds:6.1f} s, {outcome.processor_s:6.1f} s of processor time"
    print_line(f"{'ok ' if outcome.status == 0 else 'BAD'} {part.name:<10} {times}")
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
    """Run each lane's parts in order, the lanes at once; a part waits for those of other lanes that it needs."""
    outcomes: list[list[Outcome]] = [[] for _ in lanes]
    ended = {part.name: threading.Event() for lane in lanes for part in lane}

    def work(lane: Sequence[Part], into: list[Outcome]) -> None:
        for part in lane:
            if part.after in ended:
                ended[part.after].wait()
            try:
                into.append(run(part, show=part.is_shown))
            finally:
                ended[part.name].set()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(lanes, outcomes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lane in outcomes:
        yield from lane


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    width = max(len(outcome.part.name) for outcome in outcomes)
    processor_s = sum(outcome.processor_s for outcome in outcomes)
    lines = [
        f"  {outcome.part.name:<{width}}  {outcome.seconds:6.1f} s  {outcome.processor_s:6.1f} s of processor time  "
        f"{'ok' if outcome.status == 0 else 'FAILED'}"
        for outcome in outcomes
    ]
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed + outcome.missed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    total = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    return "\n".join(
        ["", *lines, f"  {'all':<{width}}  {seconds:6.1f} s  {processor_s:6.1f} s of processor time", "", total]
    )


def main() -> int:
    # A script that started this in the background made SIGINT ignored, and every child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="run only these")
    wanted = set(parser.parse_args().parts)
    lanes = [code_parts() + computing_tests(), ui_parts() + waiting_tests()]
    unknown = wanted - {part.name for lane in lanes for part in lane}
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    chosen = [[part for part in lane if not wanted or part.name in wanted] for lane in lanes]
    started = time.monotonic()
    outcomes = list(run_side_by_side([lane for lane in chosen if lane]))
    print_line(summary(outcomes, time.monotonic() - started))
    return int(any(outcome.status != 0 for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
