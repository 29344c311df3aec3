"""The firmware of the RP2040 on the HAT: taken from a signed release, written over its debug pins by openocd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError
from pioreactor.processes.system_command import SystemCommandError, run_system_command
from pioreactor.updates.bundle import Bundle
from pioreactor.updates.errors import UpdateFailedError, UpdateRefusedError
from pioreactor.updates.unit_update import UnitUpdate

INTERFACE: Final = "interface/raspberrypi-swd.cfg"
"""Configuration of openocd for the pins of the Raspberry Pi that lead to the chip."""
_TIMEOUT_S: Final = 120.0


class InstalledFirmware(msgspec.Struct):
    """The release that the firmware is from, and the file that was written to the chip."""

    version: str
    path: str


def _run(command: Sequence[str]) -> str:
    return run_system_command(command, timeout_s=_TIMEOUT_S)


@dataclass(frozen=True)
class FirmwareUpdate:
    """Writes firmware to the board of this unit."""

    unit: UnitUpdate
    run: Callable[[Sequence[str]], str] = _run

    def install(self, source: Path, *, interface: str = INTERFACE) -> InstalledFirmware:
        """Verify a release archive and write its firmware to the chip, which restarts with it.

        Raise `UpdateRefusedError` while jobs run or for an archive that is not genuine, `InvalidRequestError` for one
        without firmware, `ConflictError` without a HAT or without openocd, `UpdateFailedError` when that refuses. The
        chip keeps what it has unless it was reached.
        """
        self._refuse_without_board()
        running = self.unit.activities()
        if running:
            raise UpdateRefusedError(f"{', '.join(running)} runs on this unit", remedy="Stop it first.")
        file = self.unit.runtime.paths.storage / "firmware" / "main.elf"
        file.parent.mkdir(parents=True, exist_ok=True)
        manifest = Bundle(source, self.unit.archives.signers).unpack_firmware(draft := file.with_suffix(".part"))
        draft.replace(file)
        command = ("openocd", "-f", interface, "-f", "target/rp2040.cfg", "-c", f"program {file} verify reset exit")
        try:
            self.run(command)
        except SystemCommandError as error:
            if error.is_missing:
                raise ConflictError(
                    f"the firmware is verified and lies at {file}; openocd, which writes it, is not installed",
                    remedy="sudo apt install openocd, then again.",
                ) from error
            raise UpdateFailedError(
                f"the firmware was not written: {error}",
                remedy="Check that the unit has a HAT with an RP2040, and which pins lead to it (--interface).",
            ) from error
        return InstalledFirmware(manifest.version, str(file))

    def _refuse_without_board(self) -> None:
        computer, name = self.unit.runtime.computer, self.unit.runtime.unit
        if not computer.belongs_to_reactor:
            raise ConflictError(f"{name} is simulated, and has no board to write firmware to")
        if computer.versions()["hat"] is None and not self.unit.environment.get("HARDWARE"):
            raise ConflictError(
                f"no HAT was found on {name}, and so no board to write firmware to",
                remedy="Check that it sits on all pins, and restart the machine; or set HARDWARE to its version.",
            )
