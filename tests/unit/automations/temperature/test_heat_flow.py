"""Heat flow: exact solution of three nodes, the observer, and the control without overshoot."""

from __future__ import annotations

import math
import random

import pytest

from pioreactor.science.temperature.control import SLOWEST_S, HeatBalance, Probe
from pioreactor.science.temperature.observer import LiquidObserver
from pioreactor.science.temperature.plant import PLANTS, Plant, plant_of, step_of
from pioreactor.science.temperature.plausibility import BoardExpectation


class Reactor:
    """The three equations in small Euler steps: written differently from what is tested."""

    def __init__(self, plant: Plant, volume_ml: float, celsius: float, room: float) -> None:
        self.k, self.volume_ml, self.room = plant, volume_ml, room
        self.board = self.wall = self.liquid = celsius

    def run(self, duration_s: float, duty: float, h: float = 0.02) -> None:
        k = self.k
        for _ in range(round(duration_s / h)):
            to_wall = k.board_wall_w_k * (self.board - self.wall)
            to_liquid = k.wall_liquid_w_k * (self.wall - self.liquid)
            self.board += (
                h / k.board_j_k * (k.heater_w * duty / 100 - to_wall - k.board_air_w_k * (self.board - self.room))
            )
            self.wall += h / k.wall_j_k * (to_wall - to_liquid - k.wall_air_w_k * (self.wall - self.room))
            lost = k.liquid_air_w_k * (self.liquid - self.room)
            self.liquid += h / (4.18 * self.volume_ml) * (to_liquid - lost)


@pytest.mark.parametrize("version", ["1.0", "1.5"])
@pytest.mark.parametrize("duration_s", [0.3, 5.0, 60.0])
def test_a_step_solves_the_equations(version: str, duration_s: float) -> None:
    plant = plant_of(version)
    reactor = Reactor(plant, 14.0, 40.0, 22.0)
    reactor.wall, reactor.liquid = 35.0, 30.0
    above = (18.0, 13.0, 8.0)
    step = step_of(plant, 14.0, duration_s)
    got = [
        22.0 + sum(m * a for m, a in zip(row, above, strict=True)) + w * plant.power_w(60.0)
        for row, w in zip(step.matrix, step.per_watt, strict=True)
    ]
    reactor.run(duration_s, 60.0, h=0.002)
    assert got == pytest.approx([reactor.board, reactor.wall, reactor.liquid], abs=0.01)


def test_at_rest_nothing_moves() -> None:
    plant = PLANTS["1.1"]
    power, board, wall = plant.at_rest(37.0, 22.0)
    step = step_of(plant, 14.0, 500.0)
    above = (board - 22.0, wall - 22.0, 15.0)
    moved = [
        sum(m * a for m, a in zip(row, above, strict=True)) + w * power
        for row, w in zip(step.matrix, step.per_watt, strict=True)
    ]
    assert moved == pytest.approx(above, abs=1e-9)


def strange_unit() -> Plant:
    """A unit that differs from the nominal one by one or two standard deviations everywhere."""
    return PLANTS["1.1"].scaled((0.0, 0.0, 0.0, -0.2, 0.15, 0.2, -0.15, 0.2))


def follow(reactor: Reactor, observer: LiquidObserver, duties: list[float], seed: int = 1) -> float:
    rng = random.Random(seed)
    for duty in duties:
        reactor.run(5.0, duty)
        observer.advance(5.0, duty, reactor.volume_ml)
        observer.update(0.0625 * round((reactor.board + 0.03 * rng.gauss(0, 1)) / 0.0625))
    return observer.liquid_celsius - reactor.liquid


def test_observer_finds_the_liquid_of_an_unusual_unit() -> None:
    reactor = Reactor(strange_unit(), 14.0, 20.0, 20.0)
    error = follow(reactor, LiquidObserver(PLANTS["1.1"], 20.0), [90.0] * 12 + [0.0] * 4 + [60.0] * 30 + [20.0] * 30)
    assert abs(error) < 0.15
    assert reactor.board - reactor.liquid > 2.0


def test_observer_admits_what_it_does_not_know() -> None:
    observer = LiquidObserver(PLANTS["1.1"], 37.0)
    assert observer.liquid_sd > 0.5
    reactor = Reactor(PLANTS["1.1"], 14.0, 37.0, 22.0)
    assert abs(follow(reactor, observer, [90.0] * 6 + [0.0] * 20)) < 3 * observer.liquid_sd
    assert observer.liquid_sd < 0.3


def test_observer_started_on_a_hot_board_soon_knows_that_the_liquid_is_cold() -> None:
    reactor = Reactor(PLANTS["1.1"], 14.0, 22.0, 22.0)
    reactor.run(90.0, 90.0)
    assert reactor.board - reactor.liquid > 20.0
    observer = LiquidObserver(PLANTS["1.1"], reactor.board)
    assert observer.liquid_sd > 5.0
    assert abs(follow(reactor, observer, [0.0] * 24)) < 0.5


def test_nothing_is_heated_before_anything_is_known() -> None:
    assert Probe().apply(90.0, LiquidObserver(PLANTS["1.1"], 60.0), 5.0) == 0.0


def test_observer_finds_warm_liquid_in_a_cold_vial() -> None:
    reactor = Reactor(PLANTS["1.1"], 14.0, 22.0, 22.0)
    reactor.liquid = 30.0
    assert abs(follow(reactor, LiquidObserver(PLANTS["1.1"], 22.0), [0.0] * 120)) < 0.3


def test_uneven_stretches_of_time_count_as_even_ones() -> None:
    even, uneven = LiquidObserver(PLANTS["1.1"], 25.0), LiquidObserver(PLANTS["1.1"], 25.0)
    for _ in range(12):
        even.advance(5.0, 70.0, 14.0)
    for duration_s in (3.0, 40.0, 11.0, 6.0):
        uneven.advance(duration_s, 70.0, 14.0)
    assert uneven.liquid_celsius == pytest.approx(even.liquid_celsius, abs=1e-6)
    assert uneven.board_celsius == pytest.approx(even.board_celsius, abs=1e-6)


def test_poured_media_cools_at_once() -> None:
    observer = LiquidObserver(PLANTS["1.1"], 22.0)
    reactor = Reactor(PLANTS["1.1"], 14.0, 22.0, 22.0)
    follow(reactor, observer, [90.0] * 12 + [0.0] * 5 + [50.0] * 40)
    before, sd = observer.liquid_celsius, observer.liquid_sd
    observer.add_liquid(1.0, 14.0)
    expected = (14.0 * before + 1.0 * observer.room_celsius) / 15.0
    assert observer.liquid_celsius == pytest.approx(expected)
    assert observer.liquid_sd > sd
    observer.add_liquid(0.0, 14.0)
    assert observer.liquid_celsius == pytest.approx(expected)


@pytest.mark.parametrize(
    ("version", "volume_ml", "dose_ml"), [("1.1", 14.0, 0.0), ("1.0", 30.0, 0.0), ("1.1", 30.0, 1.0)]
)
def test_a_day_of_readings_does_not_bias_the_observer(version: str, volume_ml: float, dose_ml: float) -> None:
    """Neither a heater that follows the estimate's own noise nor media warmer than the room convince the observer."""
    unit = PLANTS[version].scaled((0.0, 0.0, 0.0, -0.1, 0.1, 0.15, -0.1, 0.1))
    second = step_of(unit, volume_ml, 5.0)
    observer, rule, probe, rng = LiquidObserver(PLANTS[version], 22.0), HeatBalance(), Probe(), random.Random(7)
    true, duty, errors = [22.0, 22.0, 22.0], 0.0, []
    for n in range(24 * 720):
        true = [
            22.0 + sum(m * (t - 22.0) for m, t in zip(row, true, strict=True)) + w * unit.power_w(duty)
            for row, w in zip(second.matrix, second.per_watt, strict=True)
        ]
        observer.advance(5.0, duty, volume_ml)
        observer.update(0.0625 * round((true[0] + 0.03 * rng.gauss(0, 1)) / 0.0625))
        duty = probe.apply(rule.duty_for(37.0, observer, volume_ml), observer, 5.0)
        if dose_ml and n > 1440 and n % 240 == 0:
            true[2] += (26.0 - true[2]) * dose_ml / (volume_ml + dose_ml)
            observer.add_liquid(dose_ml, volume_ml)
        if n > 1440 and n % 720 == 719:
            errors.append(observer.liquid_celsius - true[2])
    assert max(errors) - min(errors) < 0.1
    assert max(map(abs, errors)) < 0.25


def test_a_colder_room_is_not_taken_for_another_vial() -> None:
    reactor = Reactor(strange_unit(), 14.0, 22.0, 22.0)
    observer, rule, rng = LiquidObserver(PLANTS["1.1"], 22.0), HeatBalance(), random.Random(5)
    duty, learned = 0.0, tuple[float, ...]()
    for n in range(2160):
        reactor.run(5.0, duty, h=0.1)
        observer.advance(5.0, duty, 14.0)
        observer.update(0.0625 * round((reactor.board + 0.03 * rng.gauss(0, 1)) / 0.0625))
        duty = rule.duty_for(37.0, observer, 14.0)
        if n == 1080:
            learned = observer.snapshot().logarithms
            reactor.room -= 4.0
    assert observer.snapshot().logarithms == learned
    assert observer.room_celsius < 20.5
    assert abs(observer.liquid_celsius - reactor.liquid) < 0.3


def test_one_wild_reading_hardly_moves_the_estimate() -> None:
    observer = LiquidObserver(PLANTS["1.1"], 25.0)
    follow(Reactor(PLANTS["1.1"], 14.0, 25.0, 25.0), observer, [0.0] * 60)
    before = observer.liquid_celsius
    assert observer.update(60.0) > 100.0
    assert abs(observer.liquid_celsius - before) < 0.2


def test_days_of_readings_leave_the_estimate_sound() -> None:
    reactor = Reactor(PLANTS["1.1"], 14.0, 25.0, 25.0)
    observer = LiquidObserver(PLANTS["1.1"], 25.0)
    rng = random.Random(3)
    for n in range(20_000):
        observer.advance(5.0, 0.0, 14.0)
        observer.update(25.0 + 0.0625 * round(rng.gauss(0, 0.5)))
        assert n % 1000 or 0.0 < observer.liquid_sd < 1.0
    assert observer.liquid_celsius == pytest.approx(reactor.liquid, abs=0.2)


# ---- control -----------------------------------------------------------------------------------------------------


def settled(celsius: float, room: float) -> LiquidObserver:
    observer = LiquidObserver(PLANTS["1.1"], room)
    _, board, wall = PLANTS["1.1"].at_rest(celsius, room)
    observer._x[:4] = [board, wall, celsius, room]
    return observer


def test_at_target_the_rule_replaces_what_the_room_takes() -> None:
    power, _, _ = PLANTS["1.1"].at_rest(37.0, 22.0)
    duty = HeatBalance().duty_for(37.0, settled(37.0, 22.0), 14.0)
    assert duty == pytest.approx(100 * power / PLANTS["1.1"].heater_w)


def test_heat_that_is_already_in_the_board_is_not_supplied_again() -> None:
    observer = settled(36.0, 22.0)
    cold = HeatBalance().duty_for(37.0, observer, 14.0)
    observer._x[0] += 20.0
    assert HeatBalance().duty_for(37.0, observer, 14.0) < cold - 10.0


def test_the_board_is_not_driven_above_its_limit() -> None:
    plant = PLANTS["1.0"]
    reactor = Reactor(plant, 14.0, 25.0, 22.0)
    observer = LiquidObserver(plant, 25.0)
    rule = HeatBalance(board_limit_celsius=50.0)
    rng = random.Random(4)
    hottest = 0.0
    for _ in range(400):
        duty = rule.duty_for(49.0, observer, 14.0)
        reactor.run(5.0, duty, h=0.1)
        observer.advance(5.0, duty, 14.0)
        observer.update(reactor.board + 0.03 * rng.gauss(0, 1))
        hottest = max(hottest, reactor.board)
    assert 48.0 < hottest < 51.0


@pytest.mark.parametrize(
    ("gain", "supply_time_s"), [(2.6, 60.0), (5.2, 45.0), (50.0, 45.0), (1.3, 120.0), (0.0, SLOWEST_S)]
)
def test_the_proportional_gain_of_the_configuration_sets_the_pace(gain: float, supply_time_s: float) -> None:
    assert HeatBalance.with_gain(gain, board_limit_celsius=70.0).supply_time_s == pytest.approx(supply_time_s)


def test_probe_interrupts_only_while_in_doubt() -> None:
    observer = LiquidObserver(PLANTS["1.1"], 22.0)
    probe = Probe()
    duties = [probe.apply(90.0, observer, 5.0) for _ in range(120)]
    assert duties.count(0.0) >= 8
    assert duties[:36] == [90.0] * 36
    certain = LiquidObserver(PLANTS["1.1"], 22.0)
    certain._p[2][2] = 0.01
    assert all(Probe().apply(90.0, certain, 5.0) == 90.0 for _ in range(120))


# ---- plausibility ------------------------------------------------------------------------------------------------


def test_a_board_that_follows_is_trusted_even_on_unusual_units() -> None:
    reactor = Reactor(strange_unit(), 14.0, 22.0, 22.0)
    expectation = BoardExpectation(PLANTS["1.1"])
    rng = random.Random(5)
    at_s = 0.0
    for duty in [90.0] * 30 + [0.0] * 10 + [20.0] * 60 + [21.0] * 60 + [60.0] * 6 + [20.0] * 60:
        reactor.run(5.0, duty, h=0.1)
        at_s += 5.0
        assert expectation.follows(at_s, 5.0, duty, 0.0625 * round((reactor.board + 0.03 * rng.gauss(0, 1)) / 0.0625))


def test_a_stuck_reading_is_not_trusted() -> None:
    expectation = BoardExpectation(PLANTS["1.1"])
    noticed = [expectation.follows(5.0 * n, 5.0, 90.0, 30.0) for n in range(1, 8)].index(False)
    assert noticed <= 3


def test_nothing_is_expected_of_a_heater_that_is_off() -> None:
    expectation = BoardExpectation(PLANTS["1.1"])
    assert all(expectation.follows(5.0 * n, 5.0, 0.0, 30.0) for n in range(500))


def test_logarithms_scale_each_property() -> None:
    doubled = PLANTS["1.1"].scaled((math.log(2.0),) * 8)
    assert doubled.board_j_k == pytest.approx(2 * PLANTS["1.1"].board_j_k)
    assert doubled.liquid_j_k(10.0) == pytest.approx(2 * PLANTS["1.1"].liquid_j_k(10.0))
    assert doubled.heater_w == PLANTS["1.1"].heater_w
