"""Pump scripts and circulation: what they move is in the volume ledger, and they stop as one."""

from collections.abc import Callable
from typing import Any

import pytest

from pioreactor.actions import bioreactor
from pioreactor.actions.circulate import circulate, share_of
from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, UncalibratedPump
from pioreactor.actions.pump import PWMPump, add_media, remove_waste
from pioreactor.actions.pumps import parse_script, registered_pumps, run_pumps
from pioreactor.automations.dosing.silent import Silent
from pioreactor.exc import ActuatorInUseError, CalibrationMissingError, InvalidRequestError, StoppedError
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench

Simulated = Callable[..., Bench]
RATE = 0.0911


def books(bench: Bench) -> Any:
    return bioreactor.vial_state(bench.unit.runtime, EXPERIMENT)


def beside(bench: Bench, act: Callable[[], Any]) -> list[Any]:
    """Run an action beside the test; return what it gave or raised."""
    given: list[Any] = []

    def body() -> None:
        try:
            given.append(act())
        except (StoppedError, InvalidRequestError, CalibrationMissingError) as error:
            given.append(error)

    bench.unit.run(body, name="action")
    return given


def test_a_script_is_read_as_it_is_typed() -> None:
    words = ["--media", "2", "--sleep", "5", "--alt-media", "0.5", "--waste", "2.5", "--media_", "1", "--media__", "0"]
    assert parse_script(words) == [
        ("media", 2.0),
        ("sleep", 5.0),
        ("alt_media", 0.5),
        ("waste", 2.5),
        ("media", 1.0),
        ("media", 0.0),
    ]
    assert parse_script([]) == []


@pytest.mark.parametrize(
    "words", ["--media", "--honey 2", "media 2", "--media two", "--media -1", "--sleep nan", "--media 1 --waste"]
)
def test_a_script_that_makes_no_sense_moves_nothing(words: str) -> None:
    with pytest.raises(InvalidRequestError):
        parse_script(words.split())


def test_a_script_runs_in_order(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    given = beside(
        bench, lambda: run_pumps(parse_script(["--media", "0.5", "--sleep", "60", "--waste", "1", "--media_", "0.2"]))
    )
    bench.wait(10.0)
    assert books(bench).cumulative_media_added_ml == pytest.approx(0.5)
    assert books(bench).cumulative_waste_removed_ml == 0.0
    bench.wait(100.0)
    assert given == [None]
    assert books(bench).cumulative_media_added_ml == pytest.approx(0.7)
    assert books(bench).cumulative_waste_removed_ml == pytest.approx(0.5), "what was above the tube"
    assert bench.states("pumps") == ["init", "ready", "disconnected"]


@pytest.mark.parametrize("when_s", [2.5, 10.0])
def test_a_script_stops_as_one_whatever_it_does_at_the_moment(simulated: Simulated, when_s: float) -> None:
    bench = simulated(scenario="water")
    given = beside(bench, lambda: run_pumps([("media", 0.5), ("sleep", 60.0), ("media", 0.5)]))
    bench.wait(when_s)
    bench.start(Silent).set_state("sleeping")
    bench.wait(200.0)
    assert isinstance(given[0], StoppedError)
    assert books(bench).cumulative_media_added_ml == pytest.approx(min(when_s * RATE, 0.5), abs=1e-6)
    assert bench.unit.world.outputs["media"] == 0.0


def test_a_refused_step_ends_the_script(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    given = beside(bench, lambda: run_pumps([("media", 10.0), ("waste", 1.0)]))
    bench.wait(60.0)
    assert "maximum" in str(given[0])
    assert books(bench).cumulative_waste_removed_ml == 0.0
    bare = simulated(scenario="water", calibrated_pumps=False)
    given = beside(bare, lambda: run_pumps([("media", 1.0)]))
    bare.wait(1.0)
    assert isinstance(given[0], CalibrationMissingError)


def test_a_plugins_pump_takes_part(simulated: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = simulated(scenario="water")
    calls: list[dict[str, Any]] = []

    def salt(**arguments: Any) -> float:
        calls.append(arguments)
        return float(arguments["ml"])

    monkeypatch.setitem(registered_pumps, "salt", salt)
    beside(bench, lambda: run_pumps(parse_script(["--salt", "0.5"]), source_of_event="profile"))
    bench.wait(1.0)
    assert calls == [{"unit": "unit1", "experiment": EXPERIMENT, "ml": 0.5, "source_of_event": "profile"}]


# ---- circulation --------------------------------------------------------------------------------------------------


def test_the_waste_pump_always_outruns_the_other() -> None:
    slow, fast = UncalibratedPump(ml_per_s=0.05), UncalibratedPump(ml_per_s=0.2)
    assert share_of(slow, fast) == 0.85
    assert share_of(fast, slow) == 0.25
    assert share_of(None, slow) == share_of(fast, None) == 0.85


@pytest.mark.parametrize(("pump", "total"), [(MEDIA, "cumulative_media_added_ml"), (ALT_MEDIA, "alt_media_fraction")])
def test_circulation_is_in_the_books_and_keeps_the_volume(simulated: Simulated, pump: Any, total: str) -> None:
    bench = simulated(scenario="water")
    before = books(bench)
    given = beside(bench, lambda: circulate(pump, 60.0))
    bench.wait(30.0)
    assert bench.unit.world.outputs["waste"] == 100.0
    bench.wait(60.0)
    added_ml, removed_ml = given[0]
    assert added_ml == pytest.approx(60 * 0.85 * RATE, abs=1e-6)
    assert removed_ml == pytest.approx(62 * RATE, abs=1e-6)
    after = books(bench)
    assert getattr(after, total) > getattr(before, total)
    assert after.current_volume_ml == pytest.approx(before.current_volume_ml, abs=0.01)
    assert after.cumulative_waste_removed_ml == pytest.approx(added_ml, abs=0.01)
    events = bench.decoded("dosing_events")
    assert sum(e["volume_change"] for e in events if e["event"] == pump.event) == pytest.approx(added_ml, abs=1e-6)
    assert bench.unit.world.outputs["waste"] == bench.unit.world.outputs[pump.role] == 0.0
    assert bench.unit.world.snapshot().volume_ml < 15.3


def test_circulation_that_is_stopped_enters_what_ran(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    given = beside(bench, lambda: circulate(MEDIA, 60.0))
    bench.wait(11.4)
    bench.set("circulate_media", "state", "disconnected")
    bench.wait(0.0)
    assert bench.unit.world.outputs["waste"] == bench.unit.world.outputs["media"] == 0.0
    bench.wait(1.0)
    assert given == [(pytest.approx((10 * 0.85 + 0.4) * RATE, abs=1e-6), pytest.approx(11.4 * RATE, abs=1e-6))]
    assert books(bench).cumulative_media_added_ml == pytest.approx((10 * 0.85 + 0.4) * RATE, abs=1e-6)


def test_circulation_never_fills_the_vial(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    full = bench.unit.runtime.model().reactor_max_fill_volume_ml
    bioreactor.set_variables(
        bench.unit.runtime, EXPERIMENT, {"efflux_tube_volume_ml": 20.0, "current_volume_ml": full - 1}
    )
    beside(bench, lambda: circulate(MEDIA, 600.0))
    bench.wait(700.0)
    assert books(bench).current_volume_ml < full
    assert any("only waste" in line for line in bench.logged("warning"))


# ---- functions that plugins and notebooks call ----------------------------------------------------------------------


def test_documented_functions_return_what_moved(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    with context.using(bench.unit.runtime):
        assert add_media("unit1", EXPERIMENT, ml=0.3, source_of_event="notebook") == pytest.approx(0.3)
        assert add_media(duration=2.0) == pytest.approx(2 * RATE)
        assert add_media(ml=100.0) == 0.0
        wrong_options: list[dict[str, Any]] = [{}, {"ml": 1.0, "duration": 1.0}, {"ml": 1.0, "continuously": True}]
        for wrong in wrong_options:
            with pytest.raises(ValueError, match="exactly one"):
                add_media(**wrong)
    assert bench.states("add_media")[-1] == "disconnected"
    assert bench.unit.runtime.stores.jobs().running() == []


def test_a_pump_on_any_pin(simulated: Simulated) -> None:
    bench = simulated(scenario="water", config="[PWM]\n5=salt\n")
    with context.using(bench.unit.runtime):
        rig = bench.unit.runtime.open_rig()
        pin = rig.pin_of("salt")
        with PWMPump("unit1", EXPERIMENT, pin, calibration=UncalibratedPump(ml_per_s=0.1)) as pump:
            with pytest.raises(ActuatorInUseError):
                PWMPump("unit1", EXPERIMENT, pin)
            began_s = bench.simulation.clock.monotonic()
            pump.by_volume(0.5)
            assert bench.simulation.clock.monotonic() - began_s == pytest.approx(5.0)
            assert rig.pwm_duties()[pin] == 0.0
            pump.continuously()
            assert rig.pwm_duties()[pin] == 100.0
        assert rig.pwm_duties()[pin] == 0.0


def test_doses_in_quick_succession_wait_for_each_other(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    given = [beside(bench, lambda: add_media(ml=0.5)) for _ in range(3)]
    bench.wait(40.0)
    assert [each[0] == pytest.approx(0.5) for each in given] == [True] * 3
    assert books(bench).cumulative_media_added_ml == pytest.approx(1.5)


def test_a_dose_that_waits_too_long_is_refused_with_who_and_how_much(simulated: Simulated) -> None:
    bench = simulated(scenario="water")
    beside(bench, lambda: remove_waste(duration=200.0))
    bench.wait(1.0)
    refused = beside(bench, lambda: remove_waste(ml=0.5, source_of_event="CLI"))
    bench.wait(50.0)
    assert refused == []
    bench.wait(20.0)
    assert refused == [0.0]
    assert any("remove_waste of 0.5 mL (from CLI) was refused" in line for line in bench.logged("error"))
