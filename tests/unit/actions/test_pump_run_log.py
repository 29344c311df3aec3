"""What a pump moved is in the volume ledger, whichever process was killed while it ran."""

from collections.abc import Callable, Iterator

import msgspec
import pytest

from pioreactor.actions import bioreactor, pump_run_log
from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, DoseRequest, PumpDevice, load_pump_rate
from pioreactor.actions.dosing import dose as move_liquid
from pioreactor.actions.pump_run_log import PumpRun
from pioreactor.background_jobs.monitor.job import Monitor
from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation
from pioreactor.calibrations.defaults import ML_PER_S, install_simulated
from pioreactor.exc import StorageError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.output_guard.guard_process import run_output_guard
from pioreactor.runtime import context

EXPERIMENT = "simulation"


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    built = build_simulation(experiment=EXPERIMENT)
    install_simulated(built.units[0].runtime)
    yield built
    built.units[0].cut_power()


@pytest.fixture
def unit(simulation: Simulation) -> SimulatedUnit:
    return simulation.units[0]


def dose(pump: PumpDevice, seconds: float) -> Callable[[], None]:
    def run() -> None:
        with managed_lifecycle(context.current().unit, EXPERIMENT, pump.event) as action:
            move_liquid(action, pump, DoseRequest(duration_s=seconds), load_pump_rate(action, pump))

    return run


def supervised(unit: SimulatedUnit) -> None:
    unit.run(lambda: run_output_guard(context.current(), unit.clock.signal()), name="output_guard")


def monitored(unit: SimulatedUnit) -> None:
    def run() -> None:
        with Monitor(unit.name) as job:
            job.block_until_disconnected()

    unit.run(run, name="monitor")


def added_ml(unit: SimulatedUnit, which: str = "media_added") -> float:
    return bioreactor.vial_state(unit.runtime, EXPERIMENT).as_dict()[f"cumulative_{which}_ml"]


def events(simulation: Simulation) -> list[float]:
    """Return the volumes that were announced, from now on."""
    changes_ml: list[float] = []
    bus = simulation.broker.connect("listener")
    bus.subscribe(
        f"pioreactor/+/{EXPERIMENT}/dosing_events",
        lambda message: changes_ml.append(msgspec.json.decode(message.payload)["volume_change"]),
    )
    return changes_ml


def test_a_killed_run_counts_until_the_supervisor_stopped_the_pump(simulation: Simulation, unit: SimulatedUnit) -> None:
    changes_ml = events(simulation)
    supervised(unit)
    monitored(unit)
    simulation.clock.sleep(2.0)
    process = unit.run(dose(MEDIA, 60.0), name="add_media")
    simulation.clock.sleep(5.63)
    process.kill()
    killed_s = simulation.clock.monotonic()
    while unit.world.outputs["media"]:
        simulation.clock.sleep(0.01)
    ran_s = 5.63 + simulation.clock.monotonic() - killed_s
    assert ran_s < 5.63 + 0.3

    simulation.clock.sleep(10.0)
    assert added_ml(unit) == pytest.approx(ML_PER_S * ran_s, abs=0.02 * ML_PER_S)
    assert sum(changes_ml) == pytest.approx(added_ml(unit))
    assert unit.stores.persistent(pump_run_log.PERSISTENT).items() == []


def test_after_a_power_cut_what_was_added_is_not_less_than_the_books_say(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    unit.run(dose(ALT_MEDIA, 60.0), name="add_alt_media")
    simulation.clock.sleep(5.63)
    unit.cut_power()
    simulation.clock.sleep(500.0)
    monitored(unit)
    simulation.clock.sleep(2.0)
    assert 5.63 * ML_PER_S <= added_ml(unit, "alt_media_added") <= 6.63 * ML_PER_S


def test_after_a_power_cut_what_was_removed_is_not_more_than_the_books_say(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    bioreactor.set_variables(unit.runtime, EXPERIMENT, {"efflux_tube_volume_ml": 5.0})
    unit.run(dose(WASTE, 60.0), name="remove_waste")
    simulation.clock.sleep(5.63)
    unit.cut_power()
    monitored(unit)
    simulation.clock.sleep(2.0)
    assert 4.63 * ML_PER_S <= added_ml(unit, "waste_removed") <= 5.63 * ML_PER_S


def test_an_interrupted_run_is_never_longer_than_what_was_asked_for(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    process = unit.run(dose(MEDIA, 3.5), name="add_media")
    simulation.clock.sleep(3.4)
    process.kill()
    simulation.clock.sleep(100.0)
    supervised(unit)
    monitored(unit)
    simulation.clock.sleep(10.0)
    assert added_ml(unit) == pytest.approx(3.5 * ML_PER_S)


def test_the_next_dose_finds_the_interrupted_one_before_it_looks_for_room(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    supervised(unit)
    process = unit.run(dose(MEDIA, 60.0), name="add_media")
    simulation.clock.sleep(4.5)
    process.kill()
    simulation.clock.sleep(2.0)
    unit.run(dose(MEDIA, 2.0), name="add_media")
    simulation.clock.sleep(5.0)
    assert 6.5 * ML_PER_S <= added_ml(unit) <= 6.85 * ML_PER_S


def test_a_next_dose_that_comes_before_the_supervisor_ends_the_interrupted_one(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    process = unit.run(dose(MEDIA, 60.0), name="add_media")
    simulation.clock.sleep(4.5)
    process.kill()
    simulation.clock.sleep(1.0)
    unit.run(dose(MEDIA, 2.0), name="add_media")
    simulation.clock.sleep(5.0)
    assert added_ml(unit) == pytest.approx(7.5 * ML_PER_S, abs=0.01)


def test_a_run_that_lives_is_left_alone(simulation: Simulation, unit: SimulatedUnit) -> None:
    monitored(unit)
    unit.run(dose(MEDIA, 10.0), name="add_media")
    simulation.clock.sleep(4.5)
    monitored_again = unit.processes[0]
    monitored_again.kill()
    monitored(unit)
    simulation.clock.sleep(20.0)
    assert added_ml(unit) == pytest.approx(10.0 * ML_PER_S)
    assert unit.stores.persistent(pump_run_log.PERSISTENT).items() == []


def test_what_cannot_be_noted_is_not_pumped(
    simulation: Simulation, unit: SimulatedUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise StorageError("the disk is full")

    failures: list[str] = []

    def run() -> None:
        try:
            dose(MEDIA, 5.0)()
        except StorageError as error:
            failures.append(str(error))

    monkeypatch.setattr(unit.stores.persistent(pump_run_log.PERSISTENT), "set", full)
    unit.run(run, name="add_media")
    simulation.clock.sleep(8.0)
    assert failures == ["the disk is full"]
    assert unit.world.snapshot().media_added_ml == 0.0
    assert unit.ownership.holder("pwm-13") is None


def test_books_that_cannot_be_written_stop_the_pump_and_are_made_up_later(
    simulation: Simulation, unit: SimulatedUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise StorageError("the disk is full")

    def run() -> None:
        try:
            dose(MEDIA, 60.0)()
        except StorageError:
            pass

    unit.run(run, name="add_media")
    simulation.clock.sleep(3.5)
    with monkeypatch.context() as patch:
        patch.setattr(unit.stores.persistent("bioreactor"), "set", full)
        simulation.clock.sleep(2.0)
    assert unit.world.outputs["media"] == 0.0
    monitored(unit)
    simulation.clock.sleep(2.0)
    assert added_ml(unit) == pytest.approx(4.0 * ML_PER_S, abs=0.01)


def test_a_calibration_run_is_in_no_books_and_a_damaged_record_is_dropped(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    store = unit.stores.persistent(pump_run_log.PERSISTENT)
    run = PumpRun(EXPERIMENT, "add_media", pump_run_log.NOT_IN_BOOKS, ML_PER_S, None)
    store.set("media", msgspec.json.encode(run).decode())
    store.set("waste", "{")
    store.set("no such pump", msgspec.json.encode(run).decode())
    monitored(unit)
    simulation.clock.sleep(2.0)
    assert added_ml(unit) == 0.0
    assert store.items() == []
