"""Rehearsals of short profiles: bands, bottles and hazards, the same wherever the runs are carried out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache

import msgspec
import pytest

from pioreactor.calibrations.curves import PolyFitCoefficients
from pioreactor.calibrations.models import SimplePeristalticPump
from pioreactor.exc import ConfigurationError
from pioreactor.experiment_profiles.profile_struct import InvalidProfileError, read_profile
from pioreactor.experiment_profiles.rehearsal_data import Rehearsal, RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import (
    RehearsalPlan,
    RehearsedUnit,
    RunningJob,
    checked_plan,
    profile_of_act,
)
from pioreactor.processes.worker_pool import Progress
from pioreactor.rehearsal.rehearse import rehearse, summarized
from pioreactor.rehearsal.schedulers import in_this_process
from pioreactor.rehearsal.strain import scenario_fields, scenario_of
from pioreactor.rehearsal.usual_hours import LONGEST_USUAL_HOURS, usual_hours

HEAD = 'version: "1.0"\nexperiment_profile_name: trial\n'
PROFILE = f"""{HEAD}common:
  jobs:
    add_media:
      actions:
        - {{type: repeat, t: 0, every: 2m, actions: [{{type: start, t: 0, options: {{ml: 0.8}}}}]}}
    led_automation:
      actions:
        - {{type: start, t: 1m, options: {{automation_name: nonsense}}}}
    stirring:
      actions:
        - {{type: start, t: 0, options: {{target_rpm: 400}}}}
        - {{type: update, t: 3m, options: {{target_rpm: 90000}}}}
        - {{type: when, t: 0, wait_until: "u1:od_reading:od1.od > 100", actions: [{{type: stop, t: 0}}]}}
"""


def unit(**values: object) -> RehearsedUnit:
    return msgspec.convert({"name": "u1", "model": ("pioreactor_20ml", "1.5"), **values}, RehearsedUnit)


def plan(profile: str = PROFILE, hours: float = 0.2, runs: int = 2, **values: object) -> RehearsalPlan:
    return RehearsalPlan(
        profile=profile,
        experiment="trial",
        units=(unit(**values),),
        scenario=scenario_fields("ecoli_turbidostat"),
        hours=hours,
        runs=runs,
    )


@cache
def rehearsed() -> Rehearsal:
    return rehearse(plan(bottles_ml={"media": 2.0}), scheduler=in_this_process)


def test_hazards_have_time_line_and_cure() -> None:
    found = {(one.kind, one.line): one for one in rehearsed().hazards}
    assert {kind for kind, _ in found} == {
        *("bottle_empty", "condition_never_met", "dose_refused", "job_not_started", "loop_never_ends"),
        *("setting_out_of_bounds",),
    }
    assert found["job_not_started", 10].at_h == pytest.approx(1 / 60, abs=0.01)
    assert ("setting_out_of_bounds", 14) in found
    assert all(one.remedy and one.runs == 2 for one in found.values())


def test_bottle_is_empty_when_its_liquid_is_used() -> None:
    [media] = [one for one in rehearsed().units[0].bottles if one.bottle == "media"]
    assert media.ends_in_runs == 2
    assert media.used_ml.high == 2.0
    assert media.ends_at_h is not None
    assert media.ends_at_h.median == pytest.approx(0.07, abs=0.03)


def test_bands_hold_the_runs_and_the_growth() -> None:
    band = rehearsed().units[0].od
    assert len(band.median) == len(rehearsed().hours)
    assert all(low <= middle <= high for low, middle, high in zip(band.low, band.median, band.high, strict=True))
    assert band.high[-1] > band.low[-1]


def test_result_does_not_depend_on_where_runs_are_carried_out() -> None:
    def backwards(of: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
        records = msgspec.json.encode(list(in_this_process(of, progress)))
        yield from reversed(msgspec.json.decode(records, type=list[RunRecord]))

    again = rehearse(plan(bottles_ml={"media": 2.0}), scheduler=backwards)
    assert msgspec.json.encode(again) == msgspec.json.encode(rehearsed())


def test_one_act_on_a_running_job_from_the_present_state() -> None:
    act = profile_of_act("u1", "stirring", "update", {"target_rpm": 800})
    present = plan(
        act, 0.05, 1, od=0.8, celsius=30.0, volume_ml=14.0, running=[RunningJob("stirring", {"target_rpm": 500.0})],
        calibrations={},
    )  # fmt: skip
    found = rehearse(present, scheduler=in_this_process)
    assert found.hazards == []
    assert found.units[0].volume_ml.median[0] == pytest.approx(14.0, abs=0.01)
    assert found.units[0].od.median[0] == pytest.approx(0.8, rel=0.02)


def test_calibrations_as_units_answer_them_are_used() -> None:
    """A unit answers its calibrations as JSON, in which a time is a text."""
    pump = SimplePeristalticPump(
        calibration_name="mine",
        calibrated_on_pioreactor_unit="u1",
        created_at=datetime(2030, 1, 1, tzinfo=UTC),
        curve_data_=PolyFitCoefficients([0.05, 0.0]),
        recorded_data={"x": [0.0, 10.0], "y": [0.0, 0.5]},
        hz=250.0,
        dc=100.0,
        voltage=12.0,
    )
    calibrations = {"media_pump": {**msgspec.to_builtins(pump), "is_active": True, "pioreactor_unit": "u1"}}
    act = profile_of_act("u1", "add_media", "start", {"ml": 1.0})
    found = rehearse(plan(act, 0.05, 1, calibrations=calibrations), scheduler=in_this_process)
    assert (found.failed_runs, found.hazards) == (0, [])
    assert found.units[0].media_ml.median[-1] == pytest.approx(1.0, rel=0.1)


def test_dose_without_a_calibration_is_a_hazard() -> None:
    act = profile_of_act("u1", "add_media", "start", {"ml": 1})
    [hazard] = rehearse(plan(act, 0.02, 1, calibrations={}), scheduler=in_this_process).hazards
    assert hazard.kind == "calibration_missing"


def test_canceled_rehearsal_has_the_runs_that_ended() -> None:
    found = rehearse(plan(hours=0.02, runs=3), scheduler=in_this_process, progress=lambda share: share < 0.5)
    assert found.runs == 1
    assert not found.is_complete


def test_failed_run_is_omitted_and_said() -> None:
    found = summarized(plan(runs=1), "trial", [RunRecord(0, error="KeyError: 'x'")])
    assert found.failed_runs == 1
    assert found.units == []
    assert "KeyError" in found.notes[0]


def test_profile_without_an_end_is_cut_off_and_it_is_said() -> None:
    forever = f"{HEAD}common: {{jobs: {{stirring: {{actions: [{{type: repeat, t: 0, every: 1h, actions: []}}]}}}}}}\n"
    a_year = f"{HEAD}common: {{jobs: {{stirring: {{actions: [{{type: stop, t: 365d}}]}}}}}}\n"
    assert usual_hours(read_profile(PROFILE))[0] == LONGEST_USUAL_HOURS
    assert "no end" in usual_hours(read_profile(forever))[1]
    assert "8760 h" in usual_hours(read_profile(a_year))[1]


@pytest.mark.parametrize(
    "fields",
    [{"strain": "unicorn"}, {"mu_max_per_h": -1.0}, {"wings": 2}, {"start_od": float("nan")}, {"strain": ["ecoli"]}],
)
def test_nonsense_about_the_strain_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        scenario_of(fields)


@pytest.mark.parametrize(
    "change", [{"hours": 9000.0}, {"hours": 0.0}, {"runs": 0}, {"units": []}, {"seed": -1}, {"unknown": 1}]
)
def test_plan_out_of_bounds_is_refused(change: dict[str, object]) -> None:
    fields = {**msgspec.to_builtins(plan()), **change}
    with pytest.raises(ConfigurationError):
        checked_plan(msgspec.json.encode(fields))


def test_text_that_is_no_profile_is_refused() -> None:
    with pytest.raises(InvalidProfileError):
        rehearse(plan("version: 2"), scheduler=in_this_process)
