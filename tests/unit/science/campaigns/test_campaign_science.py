"""Designs and suggestions: limits hold always, the record decides, and hills are climbed."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pioreactor.exc import InvalidRequestError
from pioreactor.science.campaigns.designs import DesignKind, design
from pioreactor.science.campaigns.factors import Factor, LinearLimit, Setting, Told
from pioreactor.science.campaigns.gaussian_process import fit
from pioreactor.science.campaigns.posterior_band import bands
from pioreactor.science.campaigns.search_space import SearchSpace
from pioreactor.science.campaigns.sobol_sequence import sobol_points
from pioreactor.science.campaigns.suggestions import Record, best_setting, suggest
from pioreactor.science.campaigns.trial_order import trial_order, unit_instead

TEMPERATURE = Factor("temperature", 25.0, 42.0, "°C", 0.1)
DILUTION = Factor("dilution", 0.05, 0.5, "1/h")
MEDIA = Factor("media", 0.0, 1.0)
SPACE = SearchSpace((TEMPERATURE, DILUTION))
LIMITED = SearchSpace(
    (TEMPERATURE, DILUTION, MEDIA), (LinearLimit("warm and starved", {"temperature": 0.1, "media": -1.0}, 3.4),)
)


def hill(setting: Setting) -> float:
    return 1.0 - ((setting["temperature"] - 36.0) / 10.0) ** 2 - ((setting["dilution"] - 0.3) / 0.4) ** 2


@pytest.mark.parametrize("dimension", range(8))
def test_sobol_points_are_even_in_each_dimension(dimension: int) -> None:
    points = sobol_points(64, 8, np.random.default_rng(3))[:, dimension]
    assert sorted(np.floor(points * 64)) == list(range(64))


def test_sobol_points_are_even_in_the_first_plane() -> None:
    cells = {(int(x * 8), int(y * 8)) for x, y in sobol_points(64, 2)}
    assert len(cells) == 64


def test_classical_designs_have_their_settings() -> None:
    three = SearchSpace((TEMPERATURE, DILUTION, MEDIA))
    assert len(design(SPACE, "full_factorial", 0, 1)) == 9
    assert len(design(SPACE, "central_composite", 0, 1)) == 4 + 4 + 3
    assert len(design(three, "box_behnken", 0, 1)) == 12 + 3
    with pytest.raises(InvalidRequestError, match="3 to 5 factors"):
        design(SPACE, "box_behnken", 0, 1)


def test_a_latin_hypercube_has_each_row_and_column_once() -> None:
    coarse = SearchSpace((Factor("a", 0.0, 1.0), Factor("b", 0.0, 1.0)))
    found = design(coarse, "latin_hypercube", 10, 4)
    for name in ("a", "b"):
        assert sorted(min(9, int(setting[name] * 10)) for setting in found) == list(range(10))


def test_what_the_limits_forbid_is_omitted_or_refused() -> None:
    assert len(design(LIMITED, "full_factorial", 0, 1)) < 27
    never = SearchSpace((DILUTION,), (LinearLimit("none", {"dilution": 1.0}, 0.0),))
    kinds: tuple[DesignKind, ...] = ("full_factorial", "sobol")
    for kind in kinds:
        with pytest.raises(InvalidRequestError, match="leave"):
            design(never, kind, 3, 1)


@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["latin_hypercube", "sobol"]), count=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_no_design_breaks_a_limit(seed: int, kind: str, count: int) -> None:
    found = design(LIMITED, kind, count, seed)  # type: ignore[arg-type]
    assert len(found) == count
    for setting in found:
        LIMITED.check(setting)


values = st.one_of(st.none(), st.floats(-10.0, 10.0), st.just(math.nan), st.just(math.inf))


@given(seed=st.integers(0, 1000), told=st.lists(values, max_size=9), count=st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_suggestions_follow_from_the_record_and_break_no_limit(seed: int, told: list[float | None], count: int) -> None:
    rows = design(LIMITED, "sobol", 9, seed)
    record = Record(LIMITED, seed, [Told(*pair) for pair in zip(rows, told, strict=False)], initial=4)
    found = suggest(record, count)
    stored = msgspec.json.encode(found)
    assert stored == msgspec.json.encode(suggest(record, count))
    known = [one.setting for one in record.told] if len(told) >= 4 else []
    for one in found:
        LIMITED.check(one.setting)
        assert one.setting not in known
        known.append(one.setting)


def campaign(maximize: bool = True, noise: float = 0.0, batches: int = 8) -> list[Told]:
    random, told = np.random.default_rng(5), list[Told]()
    for _ in range(batches):
        for one in suggest(Record(SPACE, 7, told, initial=6, maximize=maximize), 2):
            value = hill(one.setting) + noise * float(random.standard_normal())
            told.append(Told(one.setting, value if maximize else -value))
    return told


@pytest.mark.parametrize("maximize", [True, False])
def test_a_hill_is_climbed_up_or_down(maximize: bool) -> None:
    best = best_setting(Record(SPACE, 7, campaign(maximize), maximize=maximize))
    assert best is not None
    assert hill(best.setting) > 0.995


def test_noise_is_told_from_the_hill() -> None:
    best = best_setting(Record(SPACE, 7, campaign(noise=0.05, batches=12)))
    assert best is not None
    assert hill(best.setting) > 0.95


def test_what_is_near_failures_is_not_tried() -> None:
    rows = design(SPACE, "sobol", 8, 1)
    failing = [Told(row, None if row["temperature"] > 38.0 else row["temperature"]) for row in rows]
    [one] = suggest(Record(SPACE, 1, failing, initial=4), 1)
    assert one.setting["temperature"] < 41.0


def test_pending_settings_are_not_asked_for_again() -> None:
    told = campaign(batches=4)
    [first] = suggest(Record(SPACE, 7, told), 1)
    [second] = suggest(Record(SPACE, 7, told, [first.setting]), 1)
    assert first.setting != second.setting


def test_a_process_is_sure_where_it_was_told_and_unsure_elsewhere() -> None:
    points = np.linspace(0.0, 0.5, 8)[:, None]
    process = fit(points, np.sin(6.0 * points[:, 0]))
    mean, sd = process.predict(np.array([[0.25], [1.0]]))
    assert mean[0] == pytest.approx(math.sin(1.5), abs=0.05)
    assert sd[1] > 5.0 * sd[0]


def test_equal_values_are_no_error() -> None:
    rows = design(SPACE, "sobol", 7, 1)
    assert len(suggest(Record(SPACE, 1, [Told(row, 1.0) for row in rows]), 3)) == 3


def test_why_a_setting_is_at_a_limit_is_said() -> None:
    assert LIMITED.at_limits({"temperature": 42.0, "dilution": 0.2, "media": 0.8}) == [
        "temperature at its highest",
        "warm and starved",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        {"factors": []},
        {"factors": [{"name": "a", "low": 1, "high": 1}]},
        {"factors": [{"name": "a", "low": 0, "high": 1}, {"name": "a", "low": 0, "high": 2}]},
        {"factors": [{"name": "a", "low": 0, "high": 1}], "limits": [{"name": "x", "sum": {"b": 1}, "at_most": 1}]},
        {"factors": [{"name": "a", "low": 0, "high": 1, "step": -1}]},
        {"factors": [{"name": "A b", "low": 0, "high": 1}]},
    ],
)
def test_a_space_that_is_none_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(fields, SearchSpace)


def test_a_setting_that_breaks_a_limit_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="out of range"):
        LIMITED.check({"temperature": 42.0, "dilution": 0.2, "media": 0.1})
    with pytest.raises(InvalidRequestError, match="needs a number"):
        LIMITED.check({"temperature": 42.0, "dilution": math.nan, "media": 1.0})


@given(count=st.integers(1, 12), replicates=st.integers(1, 4), units=st.integers(1, 6), seed=st.integers(0, 99))
@settings(deadline=None)
def test_units_are_blocks(count: int, replicates: int, units: int, seed: int) -> None:
    names = [f"unit{number}" for number in range(units)]
    trials = trial_order(count, replicates, names, seed)
    assert trials == trial_order(count, replicates, names, seed)
    assert {(one.setting, one.replicate) for one in trials} == set(np.ndindex(count, replicates))
    used = [sum(one.unit == name for one in trials) for name in names]
    assert max(used) - min(used) <= (1 if count % units else 2)
    for setting in range(count):
        on = {one.unit for one in trials if one.setting == setting}
        assert len(on) >= min(2, replicates, units)


def test_a_trial_of_a_removed_unit_is_taken_over_by_one_with_little_to_do() -> None:
    assert unit_instead(["a", "b", "c"], {"a": 0, "b": 1, "c": 1}, ["a"]) == "b"
    assert unit_instead(["a"], {}, ["a"]) == "a"
    with pytest.raises(InvalidRequestError, match="no unit"):
        unit_instead([], {}, [])


def test_bands_hold_the_hill() -> None:
    setting = {"temperature": 34.0, "dilution": 0.2}
    temperature, _ = bands(Record(SPACE, 7, campaign()), setting)
    within = [
        low <= hill({**setting, "temperature": at}) <= high
        for at, low, high in zip(temperature.at, temperature.low, temperature.high, strict=True)
    ]
    assert sum(within) > 30
    assert bands(Record(SPACE, 7), setting) == []
