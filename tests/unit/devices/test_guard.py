"""Limits decide; they do nothing."""

import math

import pytest

from pioreactor.devices.guard import (
    HeatingLimits,
    HeatingStage,
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
