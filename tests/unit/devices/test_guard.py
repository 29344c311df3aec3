"""Limits decide; they do nothing."""

import math

import pytest

from pioreactor.devices.guard import (
    Allowed,
    HeatingLimits,
    HeatingStage,
    TooMuch,
    check_fill,
    check_pump_run,
    checked_percent,
)
from pioreactor.exc import InvalidRequestError
from pioreactor.models import BUILTIN_MODELS, find_model


@pytest.mark.parametrize("percent", [0, 0.0, 55.5, 100])
def test_percent(percent: float) -> None:
    assert checked_percent(percent) == percent


@pytest.mark.parametrize("percent", [-1e-9, 100.0001, math.nan, math.inf, -math.inf])
def test_no_percent(percent: float) -> None:
    with pytest.raises(InvalidRequestError):
        checked_percent(percent)


@pytest.mark.parametrize(
    ("celsius", "stage", "kept"),
    [
        (-5.0, HeatingStage.ALLOWED, 50.0),
        (63.0, HeatingStage.ALLOWED, 50.0),
        (63.1, HeatingStage.REDUCE, 45.0),
        (65.1, HeatingStage.DISABLE, 0.0),
        (66.0, HeatingStage.DISABLE, 0.0),
        (66.1, HeatingStage.SHUTDOWN, 0.0),
        (math.inf, HeatingStage.SHUTDOWN, 0.0),
        (math.nan, HeatingStage.DISABLE, 0.0),
    ],
)
def test_heating_stages_of_the_oldest_model(celsius: float, stage: HeatingStage, kept: float) -> None:
    limits = HeatingLimits.of(find_model(BUILTIN_MODELS, "pioreactor_20ml", "1.0"))
    assert limits.stage(celsius) is stage
    assert stage.limit_duty(50.0) == kept


def test_pump_run() -> None:
    assert check_pump_run(60.0, longest_s=60.0) == Allowed()
    assert check_pump_run(0.0) == Allowed()
    verdict = check_pump_run(61.0, longest_s=60.0)
    assert isinstance(verdict, TooMuch)
    assert verdict.most == 60.0
    assert isinstance(check_pump_run(math.inf), TooMuch)


@pytest.mark.parametrize("duration_s", [-0.1, math.nan])
def test_pump_run_that_is_none(duration_s: float) -> None:
    with pytest.raises(InvalidRequestError):
        check_pump_run(duration_s)


@pytest.mark.parametrize(
    ("present_ml", "added_ml", "room_ml"),
    [(14.0, 3.9, None), (14.0, 4.0, 4.0), (14.0, 10.0, 4.0), (18.0, 0.0, 0.0), (19.0, 0.5, 0.0), (math.nan, 0.1, 0.0)],
)
def test_fill(present_ml: float, added_ml: float, room_ml: float | None) -> None:
    verdict = check_fill(present_ml=present_ml, added_ml=added_ml, max_fill_ml=18.0)
    if room_ml is None:
        assert verdict == Allowed()
    else:
        assert isinstance(verdict, TooMuch)
        assert verdict.most == room_ml


@pytest.mark.parametrize("added_ml", [-1.0, math.nan])
def test_fill_with_what_is_no_volume(added_ml: float) -> None:
    with pytest.raises(InvalidRequestError):
        check_fill(present_ml=10.0, added_ml=added_ml, max_fill_ml=18.0)
