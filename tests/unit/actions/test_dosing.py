"""One dose: what the pump was told, what the volume ledger holds and what was published are the same, on every path."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from pioreactor.actions import bioreactor
from pioreactor.actions.dosing import (
    ALT_MEDIA,
    MEDIA,
    WASTE,
    CutShort,
    Dosed,
    DoseRequest,
    PumpDevice,
    Refused,
    UncalibratedPump,
    dose,
    load_pump_rate,
)
from pioreactor.exc import HardwareError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.output_guard.guard_process import run_output_guard
from pioreactor.output_guard.output_guard import CHECK_INTERVAL_S, OVERDUE_AFTER_S
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench
from pioreactor.twin.scenarios import find_scenario

RATE = 0.0911
WATER = replace(find_scenario("water"), volume_ml=14.0)


class Doser(BackgroundJob):
    """Doses on its lane as it is told."""

    job_name = "doser"

    def __init__(self) -> None:
        super().__init__("unit1", EXPERIMENT)
        self.outcomes: list[Any] = []

    def request(self, pump: PumpDevice, **options: Any) -> None:
        request = DoseRequest(**{"source_of_event": "test", **options})
        self._lane.post(lambda: self.outcomes.append(dose(self, pump, request, load_pump_rate(self, pump))))


@dataclass
class Scene:
    bench: Bench
    doser: Doser

    def books(self) -> dict[str, float]:
        return bioreactor.vial_state(self.bench.unit.runtime, EXPERIMENT).as_dict()

    def announced(self, event: str) -> float:
        return sum(e["volume_change"] for e in self.bench.decoded("dosing_events") if e["event"] == event)  # type: ignore[no-any-return]

    def duty(self, pump: PumpDevice) -> float:
        return self.bench.unit.world.outputs.get(pump.role, 0.0)


@pytest.fixture
def scene() -> Iterator[Scene]:
    with simulated_bench(scenario=WATER) as bench:
        yield Scene(bench, bench.start(Doser))


def test_a_whole_dose_is_entered_slice_by_slice_after_it_moved(scene: Scene) -> None:
    scene.doser.request(MEDIA, volume_ml=0.5)
    duration_s = 0.5 / RATE
    scene.bench.wait(2.5)
    assert scene.duty(MEDIA) == 100.0
    assert scene.announced("add_media") == pytest.approx(2 * RATE), "only what has moved"
    scene.bench.wait(duration_s)
    assert scene.duty(MEDIA) == 0.0
    assert scene.doser.outcomes == [Dosed(pytest.approx(0.5))]  # type: ignore[arg-type]
    assert scene.announced("add_media") == pytest.approx(0.5, abs=1e-6)
    assert scene.books()["current_volume_ml"] == pytest.approx(14.5, abs=1e-6)
    assert scene.books()["cumulative_media_added_ml"] == pytest.approx(0.5, abs=1e-6)
    events = scene.bench.decoded("dosing_events")
    published = scene.bench.decoded("bioreactor/current_volume_ml")
    assert published[-1]["value"] == pytest.approx(14.5)
    assert [one["timestamp"] for one in published] == [event["timestamp"] for event in events], "the time of the dose"
    assert {event["source_of_event"] for event in events} == {"test"}
    assert len(events) == 6


def test_waste_goes_down_to_the_tube_and_only_what_left_counts(scene: Scene) -> None:
    scene.doser.request(MEDIA, volume_ml=0.3)
    scene.doser.request(WASTE, volume_ml=1.0)
    scene.bench.wait(60.0)
    assert scene.announced("remove_waste") == pytest.approx(1.0, abs=1e-6), "positive for waste as well"
    assert scene.books()["current_volume_ml"] == pytest.approx(14.0)
    assert scene.books()["cumulative_waste_removed_ml"] == pytest.approx(0.3, abs=1e-6)


def test_a_stop_in_mid_dose_enters_what_ran(scene: Scene) -> None:
    scene.doser.request(MEDIA, volume_ml=2.0)
    scene.bench.wait(3.3)
    scene.bench.set("doser", "state", "disconnected")
    scene.bench.wait(0.0)
    assert scene.duty(MEDIA) == 0.0
    scene.bench.wait(1.0)
    assert scene.doser.outcomes == [CutShort(pytest.approx(3.3 * RATE, abs=1e-6), pytest.approx(2.0), "stopped")]  # type: ignore[arg-type]
    assert scene.announced("add_media") == pytest.approx(3.3 * RATE, abs=1e-6)
    assert scene.books()["current_volume_ml"] == pytest.approx(14 + 3.3 * RATE, abs=1e-6)


def test_a_pause_in_mid_dose_enters_what_ran_and_the_pump_rests(scene: Scene) -> None:
    scene.doser.request(ALT_MEDIA, volume_ml=2.0)
    scene.bench.wait(4.75)
    scene.bench.set("doser", "state", "sleeping")
    scene.bench.wait(0.0)
    assert scene.duty(ALT_MEDIA) == 0.0
    scene.bench.wait(100.0)
    moved = 4.75 * RATE
    assert scene.announced("add_alt_media") == pytest.approx(moved, abs=1e-6)
    assert scene.books()["alt_media_fraction"] == pytest.approx(moved / (14 + moved), abs=1e-6)


def test_a_process_that_was_frozen_learns_when_its_pump_stood_still(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in it runs for 40 s, not even what ends the dose in time: the supervisor does, and says when."""
    clock, unit = scene.bench.simulation.clock, scene.bench.unit
    spawn, ending = clock.spawn, clock.signal()

    def frozen(run: Callable[[], None], *, name: str) -> Any:
        return spawn((lambda: clock.sleep(40.0)) if name == "end of a dose" else run, name=name)

    monkeypatch.setattr(clock, "spawn", frozen)
    monkeypatch.setattr(scene.doser, "sleep", lambda _duration_s, **_options: clock.sleep(40.0))
    unit.run(lambda: run_output_guard(context.current(), ending), name="output_guard")
    scene.doser.request(WASTE, duration_s=3.0)
    on_s = 0.0
    for _ in range(200):
        scene.bench.wait(0.05)
        on_s += 0.05 if scene.duty(WASTE) > 0 else 0.0
    assert 3.0 < on_s < 3.0 + OVERDUE_AFTER_S + 2 * CHECK_INTERVAL_S
    scene.bench.wait(60.0)
    ending.set()
    scene.bench.wait(1.0)
    assert scene.announced("remove_waste") == pytest.approx(on_s * RATE, abs=0.1 * RATE)
    assert scene.books()["cumulative_waste_removed_ml"] == 0.0, "the level is at the tube: nothing left the vial"


def test_a_signal_in_mid_action_enters_what_ran() -> None:
    """SIGTERM unwinds the main thread with SystemExit: the ledger must not claim the whole dose."""
    with simulated_bench(scenario="water") as bench, context.using(bench.unit.runtime):
        action = managed_lifecycle("unit1", EXPERIMENT, "add_media")
        sleep = action.sleep
        slept: list[float] = []

        def sleep_until_told(duration_s: float, *, pausable: bool = False) -> None:
            if len(slept) == 2:
                bench.wait(0.25)
                raise SystemExit(0)
            slept.append(duration_s)
            sleep(duration_s)

        action.sleep = sleep_until_told  # type: ignore[method-assign]
        with pytest.raises(SystemExit), action:
            dose(action, MEDIA, DoseRequest(volume_ml=2.0), UncalibratedPump())
        events = bench.decoded("dosing_events")
        assert sum(event["volume_change"] for event in events) == pytest.approx(2.25 * RATE, abs=1e-6)
        assert bench.unit.world.outputs["media"] == 0.0


def test_a_pump_that_cannot_be_driven_has_moved_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from pioreactor.devices.drivers.pwm import OwnedPwm

    def set_duty(self: OwnedPwm, percent: float) -> None:
        raise HardwareError("the pin does not answer")

    monkeypatch.setattr(OwnedPwm, "set_duty", set_duty)
    scene.doser.request(MEDIA, volume_ml=1.0)
    scene.bench.wait(60.0)
    assert scene.announced("add_media") == 0.0
    assert scene.books()["current_volume_ml"] == 14.0
    assert any("does not answer" in line for line in scene.bench.logged("error"))


def test_a_dose_ends_in_time_though_its_accounting_is_held_up(scene: Scene) -> None:
    """A disk that hangs must not prolong a dose."""
    lane_sleep, clock = scene.doser.sleep, scene.bench.simulation.clock

    def held_up(duration_s: float, *, pausable: bool = False) -> None:
        lane_sleep(duration_s, pausable=pausable)
        clock.sleep(20.0)

    scene.doser.sleep = held_up  # type: ignore[method-assign]
    scene.doser.request(MEDIA, duration_s=1.0)
    scene.bench.wait(60.0)
    assert scene.announced("add_media") == pytest.approx(1.0 * RATE, abs=1e-6)
    assert scene.bench.unit.world.snapshot().outputs.get("media", 0.0) == 0.0


def test_a_process_that_was_frozen_enters_what_the_pump_really_ran(scene: Scene) -> None:
    """A laptop that slept: the pump went on turning, and nothing of the process could end it."""
    scene.doser.request(MEDIA, duration_s=1.0)
    scene.bench.wait(0.5)
    scene.bench.simulation.clock._time += 20.0
    scene.bench.wait(60.0)

    assert scene.announced("add_media") == pytest.approx(20.5 * RATE, abs=1e-6)
    assert scene.books()["current_volume_ml"] == pytest.approx(14 + 20.5 * RATE, abs=1e-6)


@pytest.mark.parametrize("how", [{"volume_ml": 10.0}, {"duration_s": 200.0}, {}])
def test_a_vial_never_gets_more_than_it_may_hold(scene: Scene, how: dict[str, float]) -> None:
    """Monitor and broker are away: the process that pumps counts by itself."""
    scene.bench.simulation.broker.stop()
    full = scene.bench.unit.runtime.model().reactor_max_fill_volume_ml
    for _ in range(5):
        scene.doser.request(MEDIA, **how)
    scene.bench.wait(3000.0)
    assert scene.books()["current_volume_ml"] < full
    assert scene.duty(MEDIA) == 0.0
    assert scene.bench.unit.world.vessel.volume_ml < full + 0.5, (
        "the pump of this reactor is a little stronger than its calibration says"
    )
    last = scene.doser.outcomes[-1]
    assert isinstance(last, Refused | CutShort)
    assert last.reason == "vial_full"


def test_dosing_for_a_calibration_leaves_the_vials_books_alone(scene: Scene) -> None:
    scene.doser.request(MEDIA, duration_s=100.0, source_of_event="pump_calibration")
    scene.bench.wait(200.0)
    assert scene.books()["current_volume_ml"] == 14.0
    assert scene.announced("add_media") == pytest.approx(100 * RATE, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"volume_ml": -1.0}, "invalid_request"),
        ({"volume_ml": float("nan")}, "invalid_request"),
        ({"duration_s": -1.0}, "invalid_request"),
        ({"volume_ml": 1.0, "duration_s": 1.0}, "invalid_request"),
        ({"volume_ml": 1e9}, "invalid_request"),
    ],
)
def test_requests_that_make_no_sense_move_nothing(scene: Scene, options: dict[str, float], reason: str) -> None:
    scene.doser.request(MEDIA, **options)
    scene.bench.wait(10.0)
    (outcome,) = scene.doser.outcomes
    assert isinstance(outcome, Refused)
    assert outcome.reason == reason
    assert scene.announced("add_media") == 0.0


def test_no_pump_runs_longer_than_an_hour(scene: Scene) -> None:
    scene.doser.request(WASTE, duration_s=3601)
    scene.bench.wait(2)
    assert isinstance(scene.doser.outcomes[0], Refused)
    assert "at most 3600 s" in scene.doser.outcomes[0].message
    scene.doser.request(WASTE)
    scene.bench.wait(3599)
    assert scene.duty(WASTE) == 100.0
    scene.bench.wait(2)
    assert scene.duty(WASTE) == 0.0
    assert scene.announced("remove_waste") == pytest.approx(3600 * RATE)


def test_nothing_of_nothing_is_done(scene: Scene) -> None:
    scene.doser.request(MEDIA, volume_ml=0.0)
    scene.bench.wait(10.0)
    assert scene.doser.outcomes == [Dosed(0.0)]


def test_without_a_calibration_only_times_are_possible() -> None:
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        doser = bench.start(Doser)
        doser.request(MEDIA, volume_ml=1.0)
        doser.request(MEDIA)
        doser.request(MEDIA, duration_s=2.0)
        bench.wait(30.0)
        reasons = [getattr(outcome, "reason", outcome) for outcome in doser.outcomes]
        assert reasons == ["no_calibration", "no_calibration", Dosed(pytest.approx(2 * RATE))]  # type: ignore[arg-type]


def test_without_a_channel_nothing_moves() -> None:
    with simulated_bench(scenario="water", config="[PWM]\n2=\n4=\n") as bench:
        doser = bench.start(Doser)
        for pump in (MEDIA, ALT_MEDIA, WASTE):
            if pump.role not in bench.unit.runtime.settings.pwm_channel_of:
                doser.request(pump, volume_ml=1.0)
        bench.wait(30.0)
        assert doser.outcomes
        assert {outcome.reason for outcome in doser.outcomes} == {"no_pwm_channel"}


def test_two_cannot_drive_one_pump(scene: Scene) -> None:
    other = scene.bench.start(lambda: type("Other", (Doser,), {"job_name": "other"})())
    scene.doser.request(MEDIA, volume_ml=1.0)
    scene.bench.wait(2.0)
    other.request(MEDIA, volume_ml=1.0)
    other.request(WASTE, volume_ml=0.1)
    scene.bench.wait(30.0)
    assert [getattr(outcome, "reason", "dosed") for outcome in other.outcomes] == ["pump_in_use", "dosed"]
    assert scene.books()["cumulative_media_added_ml"] == pytest.approx(1.0, abs=1e-6)
