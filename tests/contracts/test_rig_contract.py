"""The rig over wires, over the twin's simulated chips, and the double keep the promise of `Rig`."""

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.board import load_board
from pioreactor.devices.buses.spy_buses import SpyBuses
from pioreactor.devices.drivers.tachometer import rpm_from_edges
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.devices.rig import open_rig
from pioreactor.devices.spy_rig import SpyRig
from pioreactor.testing.contracts.devices import RigContract
from pioreactor.twin.buses import open_buses
from pioreactor.twin.scenarios import find_scenario
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World

ROLES = {"stirring": "1", "media": "2"}


GENERATIONS = pytest.mark.parametrize(
    ("hat_version", "model"),
    [
        ("1.0", ("pioreactor_20ml", "1.0")),
        ("1.0", ("pioreactor_20ml", "1.1")),
        ("1.1", ("pioreactor_40ml", "1.0")),
        ("1.1", ("pioreactor_20ml", "1.5")),
        ("1.2", ("pioreactor_40ml", "1.5")),
        ("1.2", ("pioreactor_40ml_XR", "1.5")),
    ],
)


@GENERATIONS
class TestRigOverWires(RigContract):
    @pytest.fixture
    def ownership(self) -> Ownership:
        return MemoryOwnership()

    @pytest.fixture
    def rig(self, ownership: Ownership, hat_version: str, model: tuple[str, str]) -> Rig:
        name, version = model
        board = load_board(None, hat_version=hat_version, model_name=name, model_version=version)
        wires = SpyBuses()
        wires.i2c.chips = {chip.address: {} for chip in board.chips()}
        return open_rig(board, wires.as_buses(), VirtualClock(), ownership, pwm_roles=ROLES)


@GENERATIONS
class TestRigOverTwin(RigContract):
    @pytest.fixture
    def ownership(self) -> Ownership:
        return MemoryOwnership()

    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock()

    @pytest.fixture
    def rig(self, ownership: Ownership, clock: VirtualClock, hat_version: str, model: tuple[str, str]) -> Rig:
        name, version = model
        board = load_board(None, hat_version=hat_version, model_name=name, model_version=version)
        world = World(find_scenario("standard"), wiring(hat_version, name, version), seed=1, now_s=clock.monotonic)
        return open_rig(board, open_buses(world), clock, ownership, pwm_roles=ROLES)

    def test_drivers_and_chips_understand_each_other(self, rig: Rig, clock: VirtualClock) -> None:
        fan = rig.pwm("stirring", owner="test", hz=200)
        fan.set_duty(35.0)
        rig.tachometer().edges()
        dark = rig.photodiode("1").read_volts()
        rig.leds().set_intensity("A", 80.0)
        clock.sleep(20)
        rig.tachometer().edges()
        clock.sleep(5)
        diode = rig.photodiode("1")
        coarse = diode.read_volts()
        diode.fit_range(coarse)
        assert dark + 0.03 < coarse < 1.0
        assert diode.read_volts() == pytest.approx(coarse, rel=0.1)
        assert 200 < rpm_from_edges(rig.tachometer().edges()) < 900
        assert 15 < rig.thermometer().read_celsius() < 40
        assert 4.5 < rig.aux_volts() < 13
        rig.leds().set_intensity("A", 0.0)
        assert diode.read_volts() == pytest.approx(dark, abs=0.01)
        fan.release()


class TestSpyRig(RigContract):
    @pytest.fixture
    def ownership(self) -> Ownership:
        return MemoryOwnership()

    @pytest.fixture
    def rig(self, ownership: Ownership) -> Rig:
        return SpyRig(ownership=ownership)
