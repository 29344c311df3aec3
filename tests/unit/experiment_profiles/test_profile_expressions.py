"""Expressions of profiles: precedence, types, what is refused, and what is looked up."""

from collections.abc import Mapping
from typing import Any

import pytest

from pioreactor.experiment_profiles.evaluator import (
    EvaluationContext,
    ExpressionError,
    evaluate,
    interpolate,
    is_true,
    resolve_option,
)
from pioreactor.experiment_profiles.profile_struct import InvalidProfileError

SAID: Mapping[tuple[str, str, str], Any] = {
    ("unit1", "stirring", "target_rpm"): 500,
    ("unit1", "od_reading", "ods"): {"ods": {"2": {"od": 0.5}}},
    ("unit1", "stirring", "enable_dodging_od"): "True",
    ("pio-01", "stirring", "target_rpm"): 400,
    ("3pio", "stirring", "target_rpm"): 300,
    ("unit1", "dosing_automation", "automation_name"): "chemostat",
    ("unit1", "bioreactor", "current_volume_ml"): {"timestamp": "2030-01-01T00:00:00.000Z", "value": 14.5},
    ("former", "bioreactor", "current_volume_ml"): 14.5,
}


def look_up(unit: str, job: str, setting: str) -> Any:
    if (unit, job, setting) not in SAID:
        raise ExpressionError(f"{job} of {unit} has said nothing about {setting}")
    return SAID[unit, job, setting]


CONTEXT = EvaluationContext(
    "unit1", "exp", "stirring", 1.5, {"a": 2, "b": 1.0, "name": "chemostat"}, look_up, lambda: 0.25
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2 >= 1 and 5 <= 3", False),
        ("1 >= 2 and 3 > 2", False),
        ("0 >= 1 or 1 == 1", True),
        ("not 1 >= 2", True),
        ("a >= 1 and b > 2", False),
        ("a <= 1 or b == 1", True),
        ("not true or true", True),
        ("-2 ** 2", -4.0),
        ("2 ** 3 ** 2", 512.0),
        ("2 ** -1", 0.5),
        ("1 - 2 - 3", -4.0),
        ("2 + 3 * 4 / 6", 4.0),
        ("(2 + 3) * 4", 20.0),
        ("a != 3", True),
        ("name == 'chemostat'", True),
        ('name != "turbidostat"', True),
        ("TRUE and not False", True),
        ("true == 1", True),
        ("unit1:bioreactor:current_volume_ml.value > 14", True),
        ("unit1:bioreactor:current_volume_ml + 1", 15.5),
        ("former:bioreactor:current_volume_ml.value + 1", 15.5),
        ("former:bioreactor:current_volume_ml + 1", 15.5),
        ("${{ hours_elapsed() * 2 }}", 3.0),
        ("hours_elapsed > 1", True),
        ("random()", 0.25),
        ("unit() == unit1 and experiment() == exp and job_name() == stirring", True),
        ("unit1:stirring:target_rpm", 500.0),
        ("::stirring:target_rpm + 1", 501.0),
        ("unit():job_name():target_rpm", 500.0),
        ("pio-01:stirring:target_rpm < 3pio:stirring:target_rpm + 200", True),
        ("::od_reading:ods.ods.2.od > 0.4", True),
        ("::stirring:enable_dodging_od", True),
        ("::dosing_automation:automation_name == chemostat", True),
        ("a-b", 1.0),
        ("1.5e3", 1500.0),
    ],
)
def test_values(text: str, value: object) -> None:
    assert evaluate(text, CONTEXT) == value


@pytest.mark.parametrize(
    "text", ["1 < 2 < 3", "1 +", "(1", "1 = 2", "", "a b", "1 2", "'open", "foo.bar", "a:b", "and 1", "1 $ 2", "()"]
)
def test_all_of_a_text_is_understood_or_none(text: str) -> None:
    with pytest.raises(InvalidProfileError, match=r"not understood|missing"):
        evaluate(text, CONTEXT)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 / 0", "divides by zero"),
        ("10 ** 400", "too large"),
        ("(0 - 8) ** 0.5", "not a real number"),
        ("stired and true", "neither true nor false"),
        ("stired + 1", "not a number"),
        ("'3' < 4", "not a number"),
        ("::stirring:nothing", "said nothing"),
        ("::od_reading:ods", "not a single value"),
        ("::od_reading:ods.ods.3", "has no '3'"),
        ("::stirring:target_rpm.x", "has no 'x'"),
    ],
)
def test_what_has_no_value_says_why(text: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why):
        evaluate(text, CONTEXT)


def test_what_is_never_reached_is_not_asked_for() -> None:
    assert evaluate("false and ::stirring:nothing", CONTEXT) is False
    assert evaluate("true or ::stirring:nothing", CONTEXT) is True


def test_conditions_and_options() -> None:
    assert (
        is_true(None, CONTEXT)
        and is_true(True, CONTEXT)
        and not is_true(0, CONTEXT)
        and is_true("${{ a > b }}", CONTEXT)
    )
    assert resolve_option("${{ a * 2 }}", CONTEXT) == 4.0
    assert resolve_option("a * 2", CONTEXT) == "a * 2"
    assert resolve_option(7, CONTEXT) == 7
    assert interpolate("at ${{ ::stirring:target_rpm }} RPM of ${{unit()}}: ${{ 1/3 > 0.3 }}", CONTEXT) == (
        "at 500 RPM of unit1: True"
    )
