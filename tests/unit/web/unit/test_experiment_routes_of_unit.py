"""What a unit keeps for an experiment is renamed with it, and not while something of it is pending."""

from typing import Any

import msgspec
import pytest

from pioreactor import topics
from pioreactor.automations.base import LAST_RUN_CACHE
from pioreactor.automations.diagnostics.pump_wear_monitor import REFERENCE_GAINS
from pioreactor.background_jobs.growth_rate_calculating.job import NORMALIZATION_CACHE, STATE_CACHE
from pioreactor.background_jobs.od_reading.od_calibration import BLANK_CACHE
from pioreactor.experiment_profiles.checkpoint import CheckpointStore, RunProgress
from pioreactor.jobs.restart_policy import DesiredJob, record_desired
from pioreactor.procedures.od_standard import REFERENCE_CACHE
from pioreactor.web.unit.experiment_rename import EXPERIMENT_CACHES

PATH = "/unit_api/experiments/old/rename"
STARTED_AT = "2030-01-01T00:00:00.000Z"


def test_every_cache_of_experiments_is_known() -> None:
    used = {
        BLANK_CACHE,
        NORMALIZATION_CACHE,
        STATE_CACHE,
        REFERENCE_CACHE,
        LAST_RUN_CACHE,
        REFERENCE_GAINS,
        "bioreactor",
    }
    assert set(EXPERIMENT_CACHES) == used


def test_everything_kept_for_an_experiment_gets_the_new_name(worker: Any, unit: Any) -> None:
    for name in EXPERIMENT_CACHES:
        cache = unit.stores.persistent(name)
        for experiment in ("old", "older", "other"):
            cache.set(experiment, f"{name} of {experiment}")
            cache.set((experiment, "current_volume_ml"), 12.5)
        cache.set(("other", "old"), 1)

    checked = worker.post(PATH, json={"experiment": "new", "check_only": True})
    assert (checked.status_code, checked.json()) == (200, {"values": 0})
    renamed = worker.post(PATH, json={"experiment": "new"})
    assert (renamed.status_code, renamed.json()) == (200, {"values": 2 * len(EXPERIMENT_CACHES)})
    for name in EXPERIMENT_CACHES:
        cache = unit.stores.persistent(name)
        assert (cache.get("new"), cache.get(("new", "current_volume_ml"))) == (f"{name} of old", 12.5)
        assert (cache.get("old"), cache.get(("old", "current_volume_ml"))) == (None, None)
        assert (cache.get("older"), cache.get(("other", "old"))) == (f"{name} of older", 1)
    assert worker.post(PATH, json={"experiment": "new"}).json() == {"values": 0}, "a second call has nothing to do"

    retained = {topic: payload for topic, payload, _, retain in unit.bus.published if retain}
    assert retained[topics.bioreactor("unit1", "old", "current_volume_ml")] == ""
    assert msgspec.json.decode(retained[topics.bioreactor("unit1", "new", "current_volume_ml")])["value"] == 12.5
    assert unit.stores.journal().last_seq() == 0, "nothing is recorded anew"


def running_job(unit: Any) -> None:
    import os

    unit.stores.jobs().register(
        unit="unit1", experiment="old", job_name="stirring", job_source="user", leader="leader1", pid=os.getpid(),
        is_long_running=False, started_at=STARTED_AT, exclusive=True,
    )  # fmt: skip


def job_to_resume(unit: Any) -> None:
    record_desired(unit.runtime, DesiredJob("stirring", "old", ("stirring",), STARTED_AT, "ready"))


def interrupted_profile(unit: Any) -> None:
    CheckpointStore(unit.stores, "1").save_run(RunProgress("1", "a.yaml", "", "old", "", STARTED_AT))


def unsent_record(unit: Any) -> None:
    topic = topics.setting("unit1", "old", "od_reading", "ods")
    fillers = [(topics.setting("unit1", "other", "od_reading", "ods"), b"{}", unit.clock.now())] * 1500
    unit.stores.journal().append([*fillers, (topic, b"{}", unit.clock.now())])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (running_job, "unit1 runs stirring in 'old'"),
        (job_to_resume, "unit1 has stirring of 'old' to resume"),
        (interrupted_profile, "unit1 has an interrupted profile of 'old'"),
        (unsent_record, "unit1 holds records of 'old' that have not reached the leader"),
    ],
)
def test_nothing_is_renamed_while_something_is_pending(worker: Any, unit: Any, make: Any, reason: str) -> None:
    unit.stores.persistent("od_blank").set("old", "{}")
    make(unit)
    for check_only in (True, False):
        refused = worker.post(PATH, json={"experiment": "new", "check_only": check_only})
        assert refused.status_code == 409
        assert reason in refused.json()["error"]
    assert unit.stores.persistent("od_blank").get("old") == "{}"
    assert worker.post("/unit_api/experiments/older/rename", json={"experiment": "new"}).status_code == 200


def test_records_that_the_leader_has_are_no_reason(worker: Any, unit: Any) -> None:
    unsent_record(unit)
    unit.stores.journal().acknowledge(unit.stores.journal().last_seq())
    assert worker.post(PATH, json={"experiment": "new"}).status_code == 200
