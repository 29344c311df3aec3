"""The vial's books: any sequence of doses, interruptions and restarts adds up to what the pumps were told to do."""

import math
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pioreactor.actions import bioreactor
from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, DoseRequest, PumpDevice, dose, load_pump_rate
from pioreactor.actions.volume_tracking import VialState
from pioreactor.devices.drivers.pwm import OwnedPwm
from pioreactor.exc import InvalidRequestError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench

volumes = st.floats(0.0, 5.0)
events = st.tuples(st.sampled_from(["add_media", "add_alt_media", "add_water", "remove_waste"]), volumes)


@given(st.lists(events, max_size=60), st.floats(0.0, 20.0), st.floats(0.0, 20.0))
@settings(max_examples=200, deadline=None)
def test_books_stay_possible_whatever_happens(
    happened: list[tuple[str, float]], volume_ml: float, efflux_ml: float
) -> None:
    state = VialState(current_volume_ml=volume_ml, efflux_tube_volume_ml=efflux_ml)
    for event, change_ml in happened:
        before, state = state, state.after(event, change_ml)
        assert 0.0 <= state.alt_media_fraction <= 1.0
        assert state.current_volume_ml >= 0.0
        if event == "remove_waste":
            assert state.current_volume_ml <= before.current_volume_ml
            assert state.current_volume_ml >= min(before.current_volume_ml, efflux_ml)
            assert state.alt_media_fraction == before.alt_media_fraction
        else:
            assert state.current_volume_ml == pytest.approx(before.current_volume_ml + change_ml)
    for event, total in (
        ("add_media", state.cumulative_media_added_ml),
        ("add_alt_media", state.cumulative_alt_media_added_ml),
    ):
        assert total == pytest.approx(math.fsum(ml for name, ml in happened if name == event), abs=1e-6)
    added_ml = math.fsum(ml for name, ml in happened if name != "remove_waste")
    assert state.cumulative_waste_removed_ml == pytest.approx(
        volume_ml + added_ml - state.current_volume_ml, abs=1e-6
    ), "waste is what left the vial, not what the pump could have moved"


@given(st.lists(events.filter(lambda event: event[0] != "add_water"), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_alt_media_is_conserved_while_nothing_leaves(happened: list[tuple[str, float]]) -> None:
    state, alt_ml = VialState(current_volume_ml=10.0, efflux_tube_volume_ml=1000.0), 0.0
    for event, change_ml in happened:
        state = state.after(event, change_ml)
        alt_ml += change_ml if event == "add_alt_media" else 0.0
    assert state.alt_media_fraction * state.current_volume_ml == pytest.approx(alt_ml, abs=1e-6)


class PropertyDoser(BackgroundJob):
    job_name = "property_doser"

    def __init__(self) -> None:
        super().__init__("unit1", EXPERIMENT)

    def request(self, pump: PumpDevice, **how: float) -> None:
        request = DoseRequest(**how, source_of_event="test")
        self._lane.post(lambda: dose(self, pump, request, load_pump_rate(self, pump)) and None)  # type: ignore[arg-type]


steps = st.one_of(
    st.tuples(st.just("volume"), st.sampled_from([MEDIA, ALT_MEDIA, WASTE]), st.floats(0.0, 4.0)),
    st.tuples(st.just("duration"), st.sampled_from([MEDIA, ALT_MEDIA, WASTE]), st.floats(0.0, 40.0)),
    st.tuples(st.just("wait"), st.none(), st.floats(0.0, 45.0)),
    st.tuples(st.just("pause"), st.none(), st.floats(0.0, 5.0)),
    st.tuples(st.just("restart"), st.none(), st.just(0.0)),
    st.tuples(st.just("broker"), st.none(), st.floats(0.0, 60.0)),
)


class PinWatch:
    """How long each power output was on, as told at its pin."""

    def __init__(self, bench: Bench, patch: pytest.MonkeyPatch) -> None:
        self._clock = bench.simulation.clock
        self._rig = bench.unit.runtime.open_rig()
        self._ran: dict[int, float] = {}
        self.on_since: dict[int, float] = {}
        for name in ("set_duty", "release"):
            patch.setattr(OwnedPwm, name, self._watched(getattr(OwnedPwm, name)))

    def _watched(self, original: Callable[..., None]) -> Callable[..., None]:
        def watched(output: OwnedPwm, *args: float) -> None:
            pin = output.pin
            if pin in self.on_since:
                self._ran[pin] = self._ran.get(pin, 0.0) + self._clock.monotonic() - self.on_since.pop(pin)
            original(output, *args)
            if args and args[0] > 0:
                self.on_since[pin] = self._clock.monotonic()

        return watched

    def told_ml(self, pump: PumpDevice) -> float:
        return 0.0911 * self._ran.get(self._rig.pin_of(pump.role), 0.0)


class Operator:
    """Does one step after another to a job that doses."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.job = bench.start(PropertyDoser)

    def do(self, what: str, pump: PumpDevice | None, amount: float) -> None:
        bench = self.bench
        if pump is not None:
            self.job.request(pump, **{f"{what}_{'ml' if what == 'volume' else 's'}": amount})
        elif what == "wait":
            bench.wait(amount)
        elif what == "pause":
            bench.set("property_doser", "state", "sleeping")
            bench.wait(amount)
            bench.set("property_doser", "state", "ready")
        elif what == "restart":
            self.job.clean_up()
            self.job = bench.start(PropertyDoser)
        else:
            bench.simulation.broker.stop()
            bench.wait(amount)
            bench.simulation.broker.start()


@given(st.lists(steps, min_size=1, max_size=14))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_recorded_is_what_pumps_were_told(told: list[tuple[str, PumpDevice | None, float]]) -> None:
    """Pumps are watched at their pins; books, dosing events and journal must all agree with them."""
    with simulated_bench(scenario="water") as bench, pytest.MonkeyPatch.context() as patch:
        pins = PinWatch(bench, patch)
        operator = Operator(bench)
        runtime = bench.unit.runtime
        initial_ml = bioreactor.vial_state(runtime, EXPERIMENT).current_volume_ml
        for step in told:
            operator.do(*step)
            volume_ml = bioreactor.vial_state(runtime, EXPERIMENT).current_volume_ml
            assert volume_ml < runtime.model().reactor_max_fill_volume_ml
        operator.job.clean_up()
        bench.wait(1.0)
        assert pins.on_since == {}, "a pump is still running"
        state = bioreactor.vial_state(runtime, EXPERIMENT)
        entries = [
            msgspec.json.decode(entry.payload)
            for entry in runtime.stores.journal().read(after_seq=0, limit=10**6)
            if entry.topic.endswith("dosing_events")
        ]
        for pump, booked in (
            (MEDIA, state.cumulative_media_added_ml),
            (ALT_MEDIA, state.cumulative_alt_media_added_ml),
            (WASTE, None),
        ):
            if booked is not None:
                assert booked == pytest.approx(pins.told_ml(pump), abs=1e-6)
            in_journal = math.fsum(e["volume_change"] for e in entries if e["event"] == pump.event)
            assert in_journal == pytest.approx(pins.told_ml(pump), abs=1e-6)
        left_ml = initial_ml + state.cumulative_media_added_ml + state.cumulative_alt_media_added_ml
        left_ml -= state.current_volume_ml
        assert state.cumulative_waste_removed_ml == pytest.approx(left_ml, abs=1e-6)
        assert state.cumulative_waste_removed_ml <= pins.told_ml(WASTE) + 1e-6


def test_a_correction_by_hand_is_checked_and_all_or_nothing() -> None:
    with simulated_bench(scenario="water") as bench:
        runtime = bench.unit.runtime
        state = bioreactor.set_variables(runtime, EXPERIMENT, {"current_volume_ml": 10.0, "alt_media_fraction": 0.5})
        assert (state.current_volume_ml, state.alt_media_fraction) == (10.0, 0.5)
        for bad in (
            {"current_volume_ml": 12.0, "alt_media_fraction": 1.5},
            {"current_volume_ml": -1.0},
            {"current_volume_ml": 1e3},
            {"current_volume_ml": float("nan")},
            {"color": 1.0},
        ):
            with pytest.raises(InvalidRequestError):
                bioreactor.set_variables(runtime, EXPERIMENT, bad)
        assert bioreactor.vial_state(runtime, EXPERIMENT) == state


def test_each_experiment_has_books_of_its_own() -> None:
    with simulated_bench(scenario="water") as bench:
        runtime = bench.unit.runtime
        bioreactor.record_dose(runtime, "first", "add_media", 1.0)
        assert bioreactor.vial_state(runtime, "first").current_volume_ml == 16.0
        assert bioreactor.vial_state(runtime, "second").current_volume_ml == 15.0


@pytest.mark.parametrize("scenario", ["water", "morbidostat_chl"])
def test_the_books_of_a_simulated_unit_begin_with_the_truth(scenario: str) -> None:
    with simulated_bench(scenario=scenario) as bench:
        state = bioreactor.vial_state(bench.unit.runtime, EXPERIMENT)
        vessel = bench.unit.world.vessel
        assert (state.current_volume_ml, state.efflux_tube_volume_ml) == (vessel.volume_ml, vessel.efflux_ml)


def test_the_books_keep_every_variable_under_its_own_name() -> None:
    values = (11.0, 12.0, 0.25, 3.0, 4.0, 5.0)
    assert list(VialState(*values).as_dict().values()) == list(values)
    assert VialState(**VialState(*values).as_dict()) == VialState(*values)
