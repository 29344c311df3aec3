"""A pytest plugin that reports which lines of the package the tests ran: `pytest -p line_coverage`.

Lines are counted by instrumented bytecode that removes itself once a line has run. A tracer, as coverage.py uses on
Python 3.11, makes this suite four times slower. With pytest-xdist each worker counts, and the controller adds up.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from slipcover import FileMatcher, ImportManager, Slipcover, merge_coverage, wrap_pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "pioreactor"
SHOWN_MODULES = 10


class LineCoverage:
    """Counts the lines of one process, and in the controller of pytest-xdist those of its workers."""

    def __init__(self) -> None:
        already = [name for name in sys.modules if name.split(".")[0] == "pioreactor"]
        if already:
            raise pytest.UsageError(f"coverage has to start before the package is imported: {already[:3]}")
        matcher = FileMatcher(sources=[str(PACKAGE)])
        self._slipcover = Slipcover(source=[str(PACKAGE)])
        wrap_pytest(self._slipcover, matcher)  # modules whose assertions pytest rewrites
        self._importing = ImportManager(self._slipcover, matcher)
        self._importing.__enter__()
        self._of_workers: dict[str, Any] | None = None

    def _counted(self) -> dict[str, Any]:
        own: dict[str, Any] = self._slipcover.get_coverage()
        return own if self._of_workers is None else merge_coverage(own, self._of_workers)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output["line_coverage"] = json.dumps(self._counted())

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        counted = json.loads(node.workeroutput.get("line_coverage", "null"))
        if counted is not None:
            self._of_workers = counted if self._of_workers is None else merge_coverage(self._of_workers, counted)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("lines of the package that the tests ran")
        for line in report(self._counted()["files"]):
            terminalreporter.write_line(line)


def report(files: dict[str, Any]) -> Iterator[str]:
    """Yield the total, and the modules with most lines that never ran."""
    missing = {name: len(found["missing_lines"]) for name, found in files.items()}
    executed = sum(len(found["executed_lines"]) for found in files.values())
    total = executed + sum(missing.values())
    yield f"{executed} of {total} lines, {100 * executed / max(total, 1):.1f} %; most lines that never ran:"
    for name in sorted(missing, key=lambda name: -missing[name])[:SHOWN_MODULES]:
        yield f"  {missing[name]:4} {Path(name).resolve().relative_to(ROOT)}"


# At import: pytest imports plugins named by `-p` before those of installed packages, of which this package is one.
_coverage = LineCoverage()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_coverage, "line coverage")
