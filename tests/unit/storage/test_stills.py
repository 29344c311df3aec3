"""Storage of stills: names, records, and what retention deletes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, StorageError
from pioreactor.storage.memory import MemoryUnitStores
from pioreactor.storage.still_retention import Retention, superfluous
from pioreactor.storage.stills import CACHE, StillStore
from pioreactor.structs.camera_still import CameraStill, CaptureReason, microsecond_timestamp

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
ROOMY = Retention(max_per_experiment=500, max_age=None, max_bytes=10**9, min_free_bytes=0)


def a_still(
    minute: float, *, reason: CaptureReason = "scheduled", experiment: str = "e", pinned: bool = False
) -> CameraStill:
    still = CameraStill(
        experiment=experiment,
        captured_at=microsecond_timestamp(BEGIN + timedelta(minutes=minute)),
        image_id=f"{experiment}-{minute:g}",
        capture_reason=reason,
    )
    if pinned:
        from msgspec.structs import replace

        return replace(still, pinned=True)
    return still


@pytest.fixture
def store(tmp_path: Path) -> StillStore:
    return StillStore(tmp_path / "stills", MemoryUnitStores().persistent(CACHE))


def ids(stills: list[CameraStill]) -> list[str]:
    return [still.image_id for still in stills]


def test_a_still_is_found_renamed_pinned_and_deleted(store: StillStore) -> None:
    for minute in (2, 0, 1):
        store.add(a_still(minute), b"jpeg")
    assert ids(store.of_experiment("e")) == ["e-0", "e-1", "e-2"]
    renamed = store.rename("e", "e-1", "nice.one")
    assert store.read(renamed) == b"jpeg"
    assert store.pin("e", "nice.one", pinned=True).is_kept
    assert store.find("e", "nice.one").pinned is True
    assert not store.pin("e", "nice.one", pinned=False).is_kept
    with pytest.raises(ConflictError, match="already"):
        store.rename("e", "e-0", "nice.one")
    store.delete(renamed)
    with pytest.raises(NotFoundError):
        store.find("e", "nice.one")
    assert ids(store.all()) == ["e-0", "e-2"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x.jpg", "x.JPG", "ü", "a b", "a" * 151, "a\n"])
def test_no_name_leaves_the_folder(store: StillStore, name: str) -> None:
    store.add(a_still(0), b"jpeg")
    with pytest.raises(InvalidRequestError):
        store.rename("e", "e-0", name)
    with pytest.raises(NotFoundError):
        store.find("e", name)


def test_a_still_of_another_experiment_is_not_found(store: StillStore) -> None:
    store.add(a_still(0, experiment="other"), b"jpeg")
    with pytest.raises(NotFoundError):
        store.find("e", "other-0")


def test_a_lost_file_or_a_broken_record_hides_no_other(store: StillStore, tmp_path: Path) -> None:
    records = MemoryUnitStores().persistent(CACHE)
    broken = StillStore(tmp_path / "stills", records)
    broken.add(a_still(0), b"jpeg")
    records.set("bad", "{")
    (tmp_path / "stills" / "e-0.jpg").unlink()
    [left] = broken.all()
    with pytest.raises(NotFoundError, match="gone"):
        broken.read(left)
    broken.delete(left)
    assert broken.all() == []


def test_an_old_record_without_a_reason_is_scheduled() -> None:
    import msgspec

    old = '{"experiment": "e", "captured_at": "2026-11-28T12:00:00.000000Z", "image_id": "x"}'
    assert msgspec.json.decode(old, type=CameraStill).capture_reason == "scheduled"
    assert b"pinned" not in msgspec.json.encode(a_still(0))


def test_stills_stop_before_the_disk_is_full(tmp_path: Path) -> None:
    store = StillStore(tmp_path / "s", MemoryUnitStores().persistent(CACHE), free_bytes=lambda _: 499_000_000)
    with pytest.raises(StorageError, match="499 MB of disk space are free"):
        store.check_space(Retention(500, None, 10**9, 500_000_000), "manual")


def test_what_people_keep_stops_the_schedule_and_not_the_person(store: StillStore) -> None:
    store.add(a_still(0, reason="manual"), b"x" * 100)
    tight = Retention(500, None, 100, 0)
    store.check_space(tight, "manual")
    with pytest.raises(StorageError, match="pinned"):
        store.check_space(tight, "scheduled")
    assert store.enforce(tight, BEGIN) == []


def test_old_stills_go_but_kept_ones(store: StillStore) -> None:
    for minute, reason in ((0, "scheduled"), (1, "manual"), (100, "scheduled")):
        store.add(a_still(minute, reason="manual" if reason == "manual" else "scheduled"), b"x")
    aged = Retention(500, timedelta(minutes=30), 10**9, 0)
    assert ids(store.enforce(aged, BEGIN + timedelta(minutes=110))) == ["e-0"]


def test_the_still_that_is_missed_least_goes_first() -> None:
    minutes = (0, 10, 11, 20, 30)
    sized = [(a_still(minute), 1) for minute in minutes]
    [gone] = superfluous(sized, Retention(4, None, 10**9, 0), BEGIN)
    assert gone.image_id in ("e-10", "e-11")


stills = st.lists(
    st.tuples(
        st.integers(0, 10_000), st.sampled_from(["scheduled", "manual"]), st.booleans(), st.sampled_from(["a", "b"])
    ),
    max_size=25,
    unique_by=lambda one: (one[0], one[3]),
)


@given(stills, st.integers(2, 8), st.integers(1, 30))
def test_retention_keeps_its_limits_and_never_what_a_person_keeps(
    drawn: list[tuple[int, CaptureReason, bool, str]], most: int, max_bytes: int
) -> None:
    sized = [(a_still(m, reason=reason, pinned=pinned, experiment=e), 1) for m, reason, pinned, e in drawn]
    gone = superfluous(sized, Retention(most, None, max_bytes, 0), BEGIN)
    assert len({still.image_id for still in gone}) == len(gone)
    assert not any(still.is_kept for still in gone)
    left = [still for still, _ in sized if still not in gone]
    for experiment in ("a", "b"):
        before = sorted((s for s, _ in sized if s.experiment == experiment), key=lambda s: s.captured_at)
        after = [s for s in left if s.experiment == experiment]
        if before:
            assert before[0] in after
            assert before[-1] in after
        scheduled = [s for s in after if s.capture_reason == "scheduled"]
        deletable = [s for s in after if not s.is_kept and s not in (before[0], before[-1])]
        assert len(scheduled) <= most or not deletable
    assert len(left) <= max_bytes or not any(
        not s.is_kept
        and any(o.captured_at < s.captured_at for o in left if o.experiment == s.experiment)
        and any(o.captured_at > s.captured_at for o in left if o.experiment == s.experiment)
        for s in left
    )
