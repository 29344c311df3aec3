"""Several units are updated one after the other, and the first failure ends it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from pioreactor.exc import UnitUnreachableError
from pioreactor.updates.archives import Archive
from pioreactor.updates.cluster_update import ClusterUpdate
from pioreactor.updates.errors import UpdateFailedError, UpdateRefusedError
from pioreactor.updates.progress import Progress
from pioreactor.updates.unit_update import UpdateRequest, UpdateState
from pioreactor.updates.update_journal import UpdateResult


@dataclass
class Workers:
    """Units that answer as their web servers do; while one is updated, it is away for a moment."""

    failing: str = ""
    absent: str = ""
    busy: str = ""
    versions: dict[str, str] = field(default_factory=lambda: dict.fromkeys(("w1", "w2", "w3"), "1.0"))
    asked: list[str] = field(default_factory=list)
    received: dict[str, bytes] = field(default_factory=dict)
    results: dict[str, UpdateResult] = field(default_factory=dict)
    away: int = 0

    def ask(self, unit: str, method: str, path: str, *, json: object = None, timeout_s: float = 10.0) -> object:
        if unit == self.absent:
            raise UnitUnreachableError(f"{unit} does not answer")
        if method == "GET":
            self.away -= 1
            if self.away >= 0:
                raise UnitUnreachableError(f"{unit} does not answer")
            jobs = ["stirring"] if unit == self.busy else []
            state = UpdateState(unit, False, self.versions[unit], True, [], jobs, [], last=self.results.get(unit))
            return msgspec.to_builtins(state)
        if path.endswith("/finish"):
            sent = path.split("/")[-2]
            return msgspec.to_builtins(Archive("release_2.0.zip", sent, "2.0", "stable", "t", "", 1, is_on_usb=False))
        if path.endswith("/app"):
            assert json == {"options": {"source": "release_2.0.zip", "allow_older": False, "even_with_jobs": False}}
            self.asked.append(unit)
            self.away, works = 2, unit != self.failing
            self.versions[unit] = "2.0" if works else "1.0"
            message = "runs" if works else "the migration failed"
            self.results[unit] = UpdateResult("1.0", "2.0", "t", f"ended {len(self.asked)}", works, message)
        return None

    def send(self, unit: str, method: str, path: str, *, body: bytes | None = None) -> bytes:
        assert body is not None
        self.received[unit] = self.received.get(unit, b"") + body
        return b""


def _raise(_: str) -> None:
    raise BrokenPipeError


def update_of(workers: Workers, reports: list[str]) -> ClusterUpdate:
    return ClusterUpdate(workers.ask, workers.send, lambda _: None, Progress((_raise, reports.append)))


def run(workers: Workers, folder: Path) -> list[str]:
    (archive := folder / "release_as_it_was_saved.zip").write_bytes(bytes(9_000_000))
    reports: list[str] = []
    update_of(workers, reports).run(["w1", "w2", "w3"], archive, "2.0", UpdateRequest())
    return reports


def test_each_worker_gets_the_archive_and_is_waited_for(tmp_path: Path) -> None:
    workers = Workers()
    reports = run(workers, tmp_path)
    assert workers.asked == ["w1", "w2", "w3"]
    assert set(workers.versions.values()) == {"2.0"}
    assert {len(content) for content in workers.received.values()} == {9_000_000}
    assert [line for line in reports if line.endswith("runs")] == [f"w{n}: version 2.0 runs" for n in (1, 2, 3)]


def test_the_first_failure_leaves_the_others_alone(tmp_path: Path) -> None:
    workers = Workers(failing="w2")
    with pytest.raises(UpdateFailedError, match=r"w2 keeps its version: the migration failed\. Not updated either: w3"):
        run(workers, tmp_path)
    assert workers.versions == {"w1": "2.0", "w2": "1.0", "w3": "1.0"}


def test_a_worker_with_the_version_is_left_alone(tmp_path: Path) -> None:
    workers = Workers(versions={"w1": "2.0", "w2": "2.0", "w3": "1.0"})
    run(workers, tmp_path)
    assert workers.asked == ["w3"]


def test_a_worker_that_is_away_is_left_out_and_named(tmp_path: Path) -> None:
    workers = Workers(absent="w2")
    with pytest.raises(UpdateFailedError, match="do not answer: w2") as failed:
        run(workers, tmp_path)
    assert workers.versions == {"w1": "2.0", "w2": "1.0", "w3": "2.0"}
    assert failed.value.remedy == "When they are back: pios update app --source release_as_it_was_saved.zip --units w2"
    workers.absent = ""
    run(workers, tmp_path)
    assert set(workers.versions.values()) == {"2.0"}


def test_jobs_of_any_worker_are_named_before_anything_is_updated() -> None:
    workers = Workers(busy="w3", absent="w1")
    update = update_of(workers, [])
    with pytest.raises(UpdateRefusedError, match="w3 runs stirring"):
        update.refuse_early(["w1", "w2", "w3"], "2.0", UpdateRequest())
    update.refuse_early(["w1", "w2", "w3"], "2.0", UpdateRequest(even_with_jobs=True))
    update.refuse_early(["w3"], "1.0", UpdateRequest())
    assert workers.asked == []


def test_a_worker_with_a_newer_version_is_named_before_anything_is_updated() -> None:
    workers = Workers(versions={"w1": "1.0", "w2": "3.0", "w3": "2.0"}, absent="w1")
    update = update_of(workers, [])
    with pytest.raises(UpdateRefusedError, match=r"2\.0 is older than 3\.0, which is installed on w2") as refused:
        update.refuse_early(["w1", "w2", "w3"], "2.0", UpdateRequest())
    assert refused.value.remedy is not None and "--allow-older" in refused.value.remedy
    update.refuse_early(["w1", "w2", "w3"], "2.0", UpdateRequest(allow_older=True))
    assert workers.asked == []
