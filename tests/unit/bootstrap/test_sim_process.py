"""Processes of virtual time die as real ones do: at once, outputs left as they are, everything else let go."""

from collections.abc import Callable, Iterator

import pytest

from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation
from pioreactor.exc import ActuatorInUseError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.runtime import context


class Pumping(BackgroundJob):
    """Drives the waste pump and counts seconds."""

    job_name = "pumping"
    seconds = 0

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit, experiment)
        self.output = self.runtime.open_rig().pwm("waste", owner=self.owner, hz=100.0)
        self.output.set_duty(50.0)
        self.every(1.0, self._count)

    def _count(self) -> None:
        type(self).seconds += 1

    def on_disconnected(self) -> None:
        self.output.release()


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    built = build_simulation(units=("unit1", "unit2"))
    Pumping.seconds = 0
    yield built
    for unit in built.units:
        unit.stop_jobs()
    built.clock.sleep(10.0)


@pytest.fixture
def unit(simulation: Simulation) -> SimulatedUnit:
    return simulation.units[1]


def pump(unit: SimulatedUnit) -> Callable[[], None]:
    def run() -> None:
        with Pumping(unit.name, "simulation") as job:
            job.block_until_disconnected()

    return run


def state(simulation: Simulation, unit: SimulatedUnit) -> bytes | None:
    return simulation.broker.retained.get(f"pioreactor/{unit.name}/simulation/pumping/$state")


def test_a_killed_process_runs_no_more_and_leaves_its_output_on(simulation: Simulation, unit: SimulatedUnit) -> None:
    process = unit.run(pump(unit), name="pumping")
    simulation.clock.sleep(5.5)
    assert (Pumping.seconds, process.is_alive) == (5, True)
    assert [job.pid for job in unit.stores.jobs().running()] == [process.pid]

    process.kill()
    process.kill()
    simulation.clock.sleep(20.0)

    assert Pumping.seconds == 5
    assert unit.world.outputs["waste"] == 50.0
    assert unit.ownership.holder("pwm-12") is None
    assert "pwm-12" in unit.ownership.abandoned()
    assert unit.stores.jobs().running() == []
    assert state(simulation, unit) == b"lost"


def test_an_orderly_end_leaves_nothing(simulation: Simulation, unit: SimulatedUnit) -> None:
    process = unit.run(pump(unit), name="pumping")
    simulation.clock.sleep(2.0)
    unit.stop_jobs()
    simulation.clock.sleep(2.0)
    assert not process.is_alive
    assert unit.world.outputs["waste"] == 0.0
    assert unit.ownership.abandoned() == []
    assert state(simulation, unit) == b"disconnected"


def test_a_process_that_forgets_its_connections_is_announced_as_lost(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    def forget() -> None:
        Pumping(unit.name, "simulation")
        context.current().clock.sleep(1.0)

    unit.run(forget, name="careless")
    simulation.clock.sleep(3.0)
    assert unit.stores.jobs().running() == []
    assert "pwm-12" in unit.ownership.abandoned()


def test_without_power_outputs_are_off_and_volatile_storage_is_empty(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    unit.run(pump(unit), name="pumping")
    unit.stores.volatile("a").set("key", 1)
    unit.stores.persistent("a").set("key", 1)
    unit.world.set_led("A", 0.5)
    simulation.clock.sleep(3.0)
    unit.cut_power()
    assert not any(unit.world.outputs.values())
    assert not any(unit.world.optics.leds.values())
    assert unit.stores.volatile("a").get("key") is None
    assert unit.stores.persistent("a").get("key") == 1
    assert unit.ownership.abandoned() == []
    assert state(simulation, unit) == b"lost"
    assert unit.run(pump(unit), name="pumping").is_alive
    simulation.clock.sleep(2.0)
    assert unit.world.outputs["waste"] == 50.0


def test_processes_of_a_unit_exclude_each_other_and_other_units_do_not(
    simulation: Simulation, unit: SimulatedUnit
) -> None:
    unit.run(pump(unit), name="pumping")
    simulation.clock.sleep(1.0)
    refused: list[str] = []

    def take(who: SimulatedUnit) -> Callable[[], None]:
        def run() -> None:
            try:
                context.current().ownership.acquire("pwm-12", "other").release()
            except ActuatorInUseError as error:
                refused.append(f"{who.name}: {error}")

        return run

    for who in simulation.units:
        who.run(take(who), name="other")
    simulation.clock.sleep(1.0)
    assert len(refused) == 1 and refused[0].startswith("unit2: pwm-12 belongs to pumping")


def test_a_unit_without_network_comes_back_only_when_it_is_mended(simulation: Simulation, unit: SimulatedUnit) -> None:
    unit.run(pump(unit), name="pumping")
    simulation.clock.sleep(1.0)
    unit.cut_network()
    assert state(simulation, unit) == b"lost"
    simulation.broker.stop()
    simulation.broker.start()
    simulation.clock.sleep(3.0)
    assert state(simulation, unit) == b"lost"
    assert Pumping.seconds >= 3
    unit.mend_network()
    simulation.clock.sleep(1.0)
    assert state(simulation, unit) == b"ready"
