"""Runs benches one after the other, and ends with a table: ours, the reference's figure, ratio, goal, met or not.

Run: python -m bench.every_bench NAME…, which `make bench` does with all names. Figures are read from what the benches
print. Those of the reference were measured on 2026-11-28, partly on other hardware. Nothing fails because of a figure:
times depend on the machine. The exit status is 1 when a bench itself failed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A number in the output of a bench, and what it should be: at most `at_most`, or at least `at_least`."""

    what: str
    bench: str
    pattern: str
    """The first match of its group, commas removed, is the number."""
    unit: str
    reference: float | None = None
    at_most: float | None = None
    at_least: float | None = None


def _http(name: str, reference_per_s: float) -> Figure:
    return Figure(
        f"HTTP, {name}", "http_requests", rf"^{name} +([\d,]+)/s", "/s", reference_per_s, at_least=5 * reference_per_s
    )


FIGURES = (
    Figure("pio --help", "cli_startup", r"^pio --help .* ([\d.]+) x", "× python -c pass", at_most=3.0),
    Figure("pio version", "cli_startup", r"^pio version  .* ([\d.]+) x", "× python -c pass", at_most=1.5),
    Figure("pio jobs list running", "cli_startup", r"^pio jobs list .* ([\d.]+) x", "× python -c pass"),
    _http("experiments", 359.0),
    _http("workers", 171.0),
    _http("recent logs", 368.0),
    _http("series of 24 h", 34.0),
    Figure("writer, batches of 250", "writer", r"^250 +([\d,]+) ", "rows/s", 4_400.0, at_least=25_000.0),
    Figure("writer, of executemany", "writer", r"^250 +[\d,]+ +[\d,]+ +([\d.]+)", "×", at_least=0.6),
    Figure("export of 1 M rows, CSV", "export", r"^csv +([\d.]+) s", "s", 13.1, at_most=0.25 * 13.1),
    Figure("export, CSV, memory", "export", r"^csv .* ([\d.]+) MB peak", "MB", 41.0, at_most=40.0),
    Figure("export, Parquet", "export", r"^parquet +([\d.]+) s", "s"),
    Figure("export, Parquet, memory", "export", r"^parquet .* ([\d.]+) MB peak", "MB", at_most=60.0),
    Figure("10 M rows, whole", "zoom", r"^whole +[\d,]+ +([\d,.]+)", "ms"),
    Figure("first chart, cold page", "first_chart", r"^first chart on a cold page +([\d.]+) s", "s", at_most=1.0),
    Figure("first chart, CPU ÷ 4", "first_chart", r"^at a CPU slowed four times +([\d.]+) s", "s", at_most=3.0),
    Figure("a simulated day of a unit", "simulate", r"a day ([\d.]+) s", "s", at_most=60.0 / 7),
    Figure("worker with all jobs", "jobs", r"^own processes +([\d.]+) MB", "MB", at_most=60.0),
    Figure("30 units, page of 20 browsers", "site", r"^whole page +([\d,]+) ", "ms"),
)


def run(bench: str) -> tuple[str, bool]:
    """Run a bench, showing what it prints; return that, and whether it succeeded."""
    print(f"\n== bench.{bench}", flush=True)
    lines = []
    with subprocess.Popen([sys.executable, "-m", f"bench.{bench}"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    return "".join(lines), process.returncode == 0


def line_of(figure: Figure, output: str) -> str:
    """Return a figure's line of the table."""
    found = re.search(figure.pattern, output, re.MULTILINE | re.IGNORECASE)
    if found is None:
        return f"{figure.what:<32}{'not measured':>14}"
    ours = float(found[1].replace(",", ""))
    reference = "" if figure.reference is None else f"{figure.reference:,.6g}"
    ratio = "" if figure.reference is None else f"{ours / figure.reference:.2f} x"
    is_met = (figure.at_most is None or ours <= figure.at_most) and (figure.at_least is None or ours >= figure.at_least)
    goals = [("≤", figure.at_most), ("≥", figure.at_least)]
    goal = " ".join(f"{sign} {limit:,.4g}" for sign, limit in goals if limit is not None)
    verdict = "" if not goal else "met" if is_met else "not met"
    return f"{figure.what:<32}{f'{ours:,.6g}':>14}{reference:>12}{ratio:>9}{goal:>12}  {verdict:<8}{figure.unit}"


def main(benches: list[str]) -> int:
    outputs, failed = {}, []
    for bench in benches:
        outputs[bench], succeeded = run(bench)
        failed += [] if succeeded else [bench]
    print(f"\n{'figure':<32}{'ours':>14}{'reference':>12}{'ratio':>9}{'goal':>12}  {'goal is':<8}unit")
    for figure in FIGURES:
        if figure.bench in outputs:
            print(line_of(figure, outputs[figure.bench]))
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
