"""The how-to "Add a driver": its code makes a new sensor that keeps the contract of a rig."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pioreactor.devices.drivers
import pioreactor.twin.chips
from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.board import load_board
from pioreactor.devices.driver_table import DRIVERS
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.devices.rig import open_rig
from pioreactor.exc import HardwareNotFoundError
from pioreactor.testing.contracts.devices import RigContract
from pioreactor.twin.buses import open_buses
from pioreactor.twin.scenarios import find_scenario
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "add-a-driver.md"
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
HAT, MODEL, VERSION = "1.2", "pioreactor_20ml", "1.5"


@pytest.fixture
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write the files of the page beside the installed packages, add its line to the table, and return its data."""
    for name, text in BLOCK.findall(PAGE.read_text("utf-8")):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    package = tmp_path / "src" / "pioreactor"
    for extended, folder in ((pioreactor.devices.drivers, "devices/drivers"), (pioreactor.twin.chips, "twin/chips")):
        monkeypatch.setattr(extended, "__path__", [*extended.__path__, str(package / folder)])
    importlib.invalidate_caches()
    module = importlib.import_module("pioreactor.devices.drivers.hdc1080")
    line = (package / "devices" / "driver_table.py").read_text("utf-8")
    entries = eval(f"{{{line}}}", {"hdc1080": module})  # the line of the page, as it stands in the table
    for name, driver in entries.items():
        monkeypatch.setitem(DRIVERS, name, driver)
    yield tmp_path
    for imported in ("pioreactor.devices.drivers.hdc1080", "pioreactor.twin.chips.hdc1080"):
        monkeypatch.delitem(sys.modules, imported, raising=False)


class TestRigWithTheNewSensor(RigContract):
    @pytest.fixture
    def ownership(self) -> Ownership:
        return MemoryOwnership()

    @pytest.fixture
    def world(self, data_folder: Path) -> World:
        clock = VirtualClock()
        wired = wiring(HAT, MODEL, VERSION, sensors={0x40: "hdc1080"})
        return World(find_scenario("standard"), wired, seed=1, now_s=clock.monotonic)

    @pytest.fixture
    def rig(self, ownership: Ownership, world: World, data_folder: Path) -> Rig:
        board = load_board(
            data_folder / "hardware", hat_version=HAT, model_name=MODEL, model_version=VERSION, firmware=(0, 4)
        )
        roles = {"stirring": "1", "media": "2"}
        return open_rig(board, open_buses(world), VirtualClock(), ownership, pwm_roles=roles)

    def test_the_sensor_is_read_by_name(self, rig: Rig) -> None:
        assert rig.sensors() == ("humidity",)
        humidity = rig.sensor("humidity")
        assert humidity.unit == "%"
        assert humidity.read() == pytest.approx(45.0, abs=0.01)

    def test_a_missing_sensor_is_named(self, rig: Rig, world: World) -> None:
        world.dropped_addresses = frozenset({0x40})
        assert rig.missing() == ["HDC1080 at 0x40 (humidity)"]
        with pytest.raises(HardwareNotFoundError, match="0x40"):
            rig.sensor("humidity").read()
