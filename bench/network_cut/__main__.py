"""The command line of the benchmark, outside of its namespaces and inside."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import bench.network_cut
from bench.network_cut.netns import CUTS, INSIDE, missing_requirement
from bench.network_cut.report import table
from bench.network_cut.run import count
from bench.network_cut.scenario import scenario


def main() -> int:
    parser = argparse.ArgumentParser(
        description=bench.network_cut.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cut-s", type=float, default=30.0, help="length of each cut in real time [s]")
    parser.add_argument("--speed", type=float, default=20.0, help="how many times faster the cluster lives")
    parser.add_argument("--kinds", default=",".join(CUTS), help="of cuts, in order, separated by commas")
    parser.add_argument("--json", type=Path, default=None, help="where to write the report")
    parser.add_argument("--data", type=Path, default=None, help=argparse.SUPPRESS)
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.inside:
        return _outside(asked)
    kinds: list[Any] = [kind.strip() for kind in asked.kinds.split(",")]
    began = time.monotonic()

    def log(words: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {words}", file=sys.stderr, flush=True)

    with scenario(asked.data, speed=asked.speed, log=log) as made:
        for kind in kinds:
            made.cut(kind, asked.cut_s)
            made.live(1.0)
        report = made.finish()
    asked.json.write_text(json.dumps(asdict(report)))
    return 0


def _outside(asked: argparse.Namespace) -> int:
    fault = missing_requirement()
    if fault is not None:
        print(f"This machine cannot make network namespaces: {fault}", file=sys.stderr)
        return 2
    report = count(["--cut-s", str(asked.cut_s), "--speed", str(asked.speed), "--kinds", asked.kinds])
    if asked.json is not None:
        asked.json.write_text(json.dumps(asdict(report), indent=2) + "\n")
    print(table(report))
    return int(bool(report.lost or report.duplicated or report.lies))


if __name__ == "__main__":
    sys.exit(main())
