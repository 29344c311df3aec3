"""Starts a scenario in namespaces of its own, and takes its report out of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.network_cut.netns import run_in_namespaces
from bench.network_cut.report import CutReport, Report

MODULE = "bench.network_cut"


def count(arguments: Sequence[str], *, within_s: float = 3600.0) -> Report:
    """Run this benchmark in namespaces of its own; nothing of it is left when this returns or raises."""
    with tempfile.TemporaryDirectory(prefix="pio-cut-", ignore_cleanup_errors=True) as directory:
        result = Path(directory) / "report.json"
        process = run_in_namespaces(MODULE, [*arguments, "--data", directory, "--json", str(result)])
        try:
            status = process.wait(within_s)
        finally:
            process.kill()
            process.wait()
        if status != 0:
            raise RuntimeError(f"the scenario ended with {status}")
        read = json.loads(result.read_text())
    cuts = [CutReport(**cut) for cut in read.pop("cuts")]
    return Report(cuts, **read)
