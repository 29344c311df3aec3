"""The rig over wires, and the double, keep the promise of `Rig`."""

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.board import load_board
from pioreactor.devices.buses.spy import SpyBuses
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.devices.rig import open_rig
from pioreactor.devices.spy import SpyRig
from pioreactor.testing.contracts.devices import RigContract

ROLES = {"stirring": "1", "media": "2"}


@pytest.mark.parametrize(
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


class TestSpyRig(RigContract):
    @pytest.fixture
    def ownership(self) -> Ownership:
        return MemoryOwnership()

    @pytest.fixture
    def rig(self, ownership: Ownership) -> Rig:
        return SpyRig(ownership=ownership)
