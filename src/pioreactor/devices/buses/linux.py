"""The kernel's buses of a Raspberry Pi. Nothing is opened, and no library imported, before a wire is used."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pioreactor.clock.ports import Clock
from pioreactor.devices.buses.linux_gpio import LinuxGpioLines, Pull
from pioreactor.devices.buses.linux_pwm import LgpioPwm, LinuxPwmLines, SysfsPwm
from pioreactor.devices.buses.ports import Buses
from pioreactor.devices.buses.rpi_library import import_rpi
from pioreactor.exc import HardwareNotFoundError

MACHINE: Final = Path("/proc/device-tree/model")
KERNEL_RELEASE: Final = Path("/proc/sys/kernel/osrelease")


class LinuxI2C:
    """`/dev/i2c-<bus>` through smbus2. Each transfer is one message list, which the kernel does not interleave."""

    def __init__(self, bus: int) -> None:
        self._number = bus
        self._bus: Any = None
        self._message: Any = None

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        if self._bus is None:
            self._open()
        messages = []
        if write:
            messages.append(self._message.write(address, write))
        if read_length:
            answer = self._message.read(address, read_length)
            messages.append(answer)
        try:
            self._bus.i2c_rdwr(*messages)
        except OSError as error:
            raise HardwareNotFoundError(
                f"nothing answers at 0x{address:02X} on I²C bus {self._number}: {error}",
                remedy="Check that the board is seated and powered; `i2cdetect -y 1` lists what answers.",
            ) from error
        return bytes(answer) if read_length else b""

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()
            self._bus = None

    def _open(self) -> None:
        smbus2 = import_rpi("smbus2")
        try:
            self._bus = smbus2.SMBus(self._number)
        except OSError as error:
            raise HardwareNotFoundError(
                f"I²C bus {self._number} cannot be opened: {error}", remedy="Enable I²C, as with `raspi-config`."
            ) from error
        self._message = smbus2.i2c_msg


def open_linux_buses(
    clock: Clock,
    *,
    state_directory: Path,
    pulls: Mapping[int, Pull],
    i2c_bus: int = 1,
    machine: str | None = None,
    kernel: str | None = None,
) -> Buses:
    """Return the buses of this machine.

    `state_directory` (volatile storage) remembers the duty of software-timed pins for other processes to see.
    `pulls` says which inputs rest high and which low. `machine` and `kernel` are read from /proc when None.
    """
    machine = machine if machine is not None else _read(MACHINE)
    kernel = kernel if kernel is not None else _read(KERNEL_RELEASE)
    gpio_chip = gpio_chip_of(machine)
    return Buses(
        i2c=LinuxI2C(i2c_bus),
        pwm=LinuxPwmLines(
            hardware=SysfsPwm(clock, chip=pwm_chip_of(machine, kernel)),
            software=LgpioPwm(gpio_chip, state_directory=state_directory),
        ),
        gpio=LinuxGpioLines(gpio_chip, pulls=pulls),
    )


def gpio_chip_of(machine: str) -> int:
    """Return the number of the GPIO chip that the header's pins belong to."""
    return 4 if "Raspberry Pi 5" in machine else 0


def pwm_chip_of(machine: str, kernel: str) -> int:
    """Return the number of the hardware PWM chip: Linux 6.6 on a Raspberry Pi 5 counts another two before it."""
    return 2 if "Raspberry Pi 5" in machine and kernel.startswith("6.6.") else 0


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", errors="replace").rstrip("\x00\n")
    except OSError:
        return ""
