"""The network of a unit in its own namespace is cut while its reactor runs: nothing is lost, and soon all is known."""

import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bench.network_cut.netns import missing_requirement, run_in_namespaces
from bench.network_cut.report import Report
from bench.network_cut.run import MODULE, count
from bench.network_cut.scenario import JOBS

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

CUT_S, SPEED = 9.0, 20.0
READING_EVERY_S, DOSE_EVERY_S = 5.0, 60.0


@pytest.fixture(autouse=True)
def namespaces() -> None:
    fault = missing_requirement()
    assert fault is None, f"network namespaces need root and `apt-get install util-linux iproute2`: {fault}"


def test_a_cut_network_costs_no_row_and_no_control() -> None:
    report = count(["--kinds", "silent", "--cut-s", str(CUT_S), "--speed", str(SPEED)], within_s=200.0)
    assert_nothing_is_lost(report)
    (cut,) = report.cuts
    assert cut.waiting > 50, "the cut was none"
    assert cut.readings > 0.7 * cut.cut_unit_s / READING_EVERY_S
    assert cut.doses >= int(cut.cut_unit_s / DOSE_EVERY_S) - 1
    assert cut.longest_pause_unit_s < 4 * READING_EVERY_S
    assert cut.growth_rates > 0.4 * cut.readings, (
        "jobs of a cut-off unit receive each other's messages once the loss is noticed"
    )
    assert cut.coldest_celsius > 30.0
    assert set(cut.heard_after_s) == {"monitor", *(name for name, _ in JOBS)}
    assert cut.states_true_after_s < 10.0, "how soon on an idle machine is measured in bench"
    assert cut.records_safe_after_s < 20.0


def assert_nothing_is_lost(report: Report) -> None:
    assert report.rows > 100
    assert report.lost_or_doubled == []
    assert (report.lost, report.duplicated, report.entries_missing_in_journal) == (0, 0, 0)
    assert report.lies == []
    assert report.longest_on_without_owner_s < 3.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder with a short path: what does not outlive a boot stays in it."""
    with tempfile.TemporaryDirectory(prefix="pio-cut-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


def test_a_trial_that_is_killed_leaves_no_process_and_so_no_network(folder: Path) -> None:
    words = ["--data", str(folder), "--json", str(folder / "report.json")]
    process = run_in_namespaces(MODULE, words, stderr=subprocess.DEVNULL)
    try:
        until(lambda: len(inhabitants_of(process)) > 6)
        inside = namespace_of(first_inside(process))
    finally:
        process.kill()
        process.wait()
    assert inside is not None
    until(lambda: not living_in(inside))


def first_inside(process: "subprocess.Popen[str]") -> int:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(children[0]) if children else process.pid


def inhabitants_of(process: "subprocess.Popen[str]") -> list[int]:
    inside = namespace_of(first_inside(process))
    return living_in(inside) if inside != namespace_of(process.pid) else []


def namespace_of(pid: int) -> Path | None:
    """Return the namespace of process numbers in which a process lives; None when it is gone."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink()
    except OSError:
        return None


def living_in(namespace: Path | None) -> list[int]:
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in pids if namespace_of(pid) == namespace]


def until(true: Callable[[], object], within_s: float = 60.0) -> None:
    waiting, end = threading.Event(), time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        waiting.wait(0.1)
