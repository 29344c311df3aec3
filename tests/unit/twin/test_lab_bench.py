"""The bench of a simulated reactor: what hands do there is what its photodiodes and its cup then show."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pioreactor.devices.lab_bench import LabBench
from pioreactor.exc import HardwareNotFoundError, InvalidRequestError
from pioreactor.twin.lab_bench import TwinLabBench
from pioreactor.twin.remote_buses import RemoteLabBench
from pioreactor.twin.scenarios import SCENARIOS
from pioreactor.twin.server import TwinServer
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World


class Hand:
    """A clock turned by hand."""

    def __init__(self) -> None:
        self.t_s = 500.0

    def __call__(self) -> float:
        return self.t_s


@dataclass
class Beside:
    world: World
    bench: LabBench
    clock: Hand

    def wait(self, seconds: float) -> None:
        """Let time pass. The bench brings the world there: over a socket the server's thread does so by itself, too."""
        self.clock.t_s += seconds
        self.bench.state()

    def pump(self, name: str, seconds: float) -> None:
        self.world.set_output(name, 100.0, hz=250.0)
        self.wait(seconds)
        self.world.set_output(name, 0.0, hz=250.0)

    def scattered(self) -> float:
        """Return what the 90° photodiode sees of the liquid, stray light and noise apart [mg/mL]."""
        return self.world.optics.scene.density_mg_ml


@pytest.fixture(params=["in process", "over a socket"])
def beside(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Beside]:
    clock = Hand()
    world = World(SCENARIOS["ideal"], wiring(), seed=1, now_s=clock)
    if request.param == "in process":
        yield Beside(world, TwinLabBench(world), clock)
        return
    server = TwinServer(world, tmp_path / "twin")
    server.listen()
    thread = threading.Thread(target=server.serve, name="twin-server")
    thread.start()
    remote = RemoteLabBench(tmp_path / "twin")
    yield Beside(world, remote, clock)
    remote.close()
    server.stop()
    thread.join(10)


def test_at_first_the_culture_is_in_and_nothing_lies_in_the_cup(beside: Beside) -> None:
    state = beside.bench.state()
    assert (state.vial, state.standard_od, state.tubes, state.cup_ml) == ("culture", None, "vial", 0.0)
    assert state.volume_ml == beside.world.vessel.volume_ml


def test_a_standard_scatters_as_its_density_says_and_stays_as_it_is(beside: Beside) -> None:
    seen = []
    for od in (0.0, 0.5, 1.0):
        state = beside.bench.place_standard(od, 12.0)
        assert (state.vial, state.standard_od, state.volume_ml) == ("standard", od, 12.0)
        assert beside.world.snapshot().od == pytest.approx(od)
        seen.append(beside.scattered())
    assert seen[0] == 0.0
    assert seen[2] == pytest.approx(2 * seen[1])
    beside.wait(3600.0)
    assert beside.world.snapshot().od == pytest.approx(1.0, rel=0.01)


def test_a_standard_without_a_volume_has_the_culture_s(beside: Beside) -> None:
    culture_ml = beside.world.vessel.volume_ml
    beside.bench.place_standard(1.0, 5.0)
    assert beside.bench.place_standard(0.5).volume_ml == pytest.approx(culture_ml)


def test_the_culture_comes_back_as_it_was_however_many_standards_were_in(beside: Beside) -> None:
    beside.wait(7200.0)
    before = beside.world.snapshot()
    beside.bench.place_standard(2.0)
    beside.pump("media", 20.0)
    beside.wait(1800.0)
    beside.bench.place_standard(0.1)
    state = beside.bench.return_culture()
    after = beside.world.snapshot()
    assert (state.vial, state.standard_od) == ("culture", None)
    for part in ("od", "volume_ml", "first_substrate_g_l", "media_added_ml", "liquid_celsius"):
        assert getattr(after, part) == getattr(before, part), part
    assert beside.bench.return_culture() == state, "saying it twice is harmless"
    beside.wait(3600.0)
    assert beside.world.snapshot().od > after.od, "it grows on"


@pytest.mark.parametrize(
    ("od", "volume_ml"), [(-0.1, 10.0), (201.0, 10.0), (1.0, 0.5), (1.0, 21.0), (float("nan"), 10)]
)
def test_what_is_in_no_vial_is_refused_and_nothing_moves(beside: Beside, od: float, volume_ml: float) -> None:
    before = beside.bench.state()
    with pytest.raises(InvalidRequestError):
        beside.bench.place_standard(od, volume_ml)
    assert beside.bench.state() == before


@pytest.mark.parametrize("pump", ["media", "alt_media", "waste"])
def test_the_scale_shows_what_a_pump_truly_moved_and_the_vial_stays_dry(beside: Beside, pump: str) -> None:
    before = beside.bench.tare()
    assert before.tubes == "cup"
    moved = beside.world.pumps[pump].pumped_ml
    beside.pump(pump, 10.0)
    state = beside.bench.state()
    assert state.cup_ml == pytest.approx(beside.world.pumps[pump].pumped_ml - moved, abs=0.0006)
    assert 0.5 < state.cup_ml < 1.5
    assert state.volume_ml == before.volume_ml
    assert beside.bench.tare().cup_ml == 0.0


def test_what_flowed_until_the_tubes_were_moved_is_where_they_led(beside: Beside) -> None:
    volume_ml = beside.bench.state().volume_ml
    beside.world.set_output("media", 100.0, hz=250.0)
    beside.wait(5.5)
    beside.bench.tare()
    into_vial = beside.bench.state().volume_ml - volume_ml
    moved_ml = beside.world.pumps["media"].pumped_ml
    beside.wait(5.5)
    state = beside.bench.return_tubes()
    assert into_vial > 0.3
    assert into_vial == pytest.approx(moved_ml, abs=0.002)
    assert state.cup_ml > 0.3
    assert state.volume_ml == pytest.approx(volume_ml + into_vial, abs=0.002)
    beside.wait(5.0)
    assert beside.bench.state().cup_ml == state.cup_ml
    assert beside.bench.state().volume_ml > state.volume_ml + 0.3


def test_who_looks_changes_nothing() -> None:
    def run(look: Callable[[TwinLabBench], object]) -> object:
        clock = Hand()
        world = World(SCENARIOS["ideal"], wiring(), seed=3, now_s=clock)
        bench = TwinLabBench(world)
        world.set_output("media", 60.0, hz=250.0)
        for _ in range(20):
            clock.t_s += 7.0
            look(bench)
            world.advance()
        return world.snapshot()

    assert run(lambda _: None) == run(lambda bench: bench.state())


def test_a_reactor_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(HardwareNotFoundError, match="does not answer"):
        RemoteLabBench(tmp_path / "none").state()
