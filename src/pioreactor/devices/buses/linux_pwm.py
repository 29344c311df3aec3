"""Pulse-width modulation on a Raspberry Pi: two pins timed by hardware through sysfs, the others by lgpio."""

from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pioreactor.clock.ports import Clock
from pioreactor.devices.buses.rpi_library import import_rpi
from pioreactor.exc import HardwareError, HardwareNotFoundError

HARDWARE_CHANNELS: Final = {12: 0, 13: 1}
"""BCM pin -> channel of the PWM chip."""

_NS_PER_S: Final = 1_000_000_000
_ATTEMPTS: Final = 4
_RETRY_S: Final = 0.1


class SysfsPwm:
    """The kernel's PWM chip. The hardware keeps going whatever happens to the process that started it."""

    def __init__(self, clock: Clock, *, chip: int, root: Path = Path("/sys/class/pwm")) -> None:
        self._clock = clock
        self._chip = root / f"pwmchip{chip}"

    def set_duty(self, channel: int, duty_percent: float, *, hz: float) -> None:
        line = self._chip / f"pwm{channel}"
        if not line.is_dir():
            if duty_percent == 0:
                return
            self._export(channel)
        if duty_percent == 0:
            # The kernel refuses to disable a channel that never had a period.
            self._write(line / "duty_cycle", 0)
            with suppress(OSError):
                self._write(line / "enable", 0)
            return
        period_ns = round(_NS_PER_S / hz)
        if self._number(line / "period") != period_ns:
            # The kernel refuses a period shorter than the duty.
            self._write(line / "duty_cycle", 0)
            self._write(line / "period", period_ns)
        self._write(line / "duty_cycle", round(period_ns * duty_percent / 100))
        self._write(line / "enable", 1)

    def get_duty(self, channel: int) -> float:
        line = self._chip / f"pwm{channel}"
        try:
            if not self._number(line / "enable"):
                return 0.0
            return 100 * self._number(line / "duty_cycle") / self._number(line / "period")
        except (FileNotFoundError, ZeroDivisionError):
            return 0.0

    def _export(self, channel: int) -> None:
        try:
            self._write(self._chip / "export", channel)
        except FileNotFoundError as error:
            raise HardwareNotFoundError(
                f"there is no PWM chip {self._chip.name}",
                remedy="Add `dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4` to the boot configuration and reboot.",
            ) from error

    def _write(self, path: Path, value: int) -> None:
        """Write, trying again while the system has not yet given us the file of a channel just exported."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                path.write_text(str(value))
                return
            except PermissionError as error:
                if attempt == _ATTEMPTS:
                    raise HardwareError(
                        f"{path} cannot be written: {error}", remedy="Add the user to the group gpio."
                    ) from error
                self._clock.sleep(_RETRY_S)

    @staticmethod
    def _number(path: Path) -> int:
        return int(path.read_text())


class LgpioPwm:
    """Software-timed lines. A line may freeze at its last level when its process dies, and no other can read it;

    so each duty also rests in a file of the state directory, written before a line is started.
    """

    def __init__(self, chip: int, *, state_directory: Path) -> None:
        self._chip = chip
        self._state = state_directory
        self._lgpio: Any = None
        self._handle: int | None = None
        self._claimed: set[int] = set()

    def set_duty(self, pin: int, duty_percent: float, *, hz: float) -> None:
        if duty_percent == 0 and pin not in self._claimed and self.get_duty(pin) == 0:
            return
        if duty_percent > 0:
            self._remember(pin, duty_percent)
        self._drive(pin, duty_percent, hz)
        if duty_percent == 0:
            self._remember(pin, 0.0)

    def get_duty(self, pin: int) -> float:
        try:
            return float(self._file(pin).read_text())
        except (FileNotFoundError, ValueError):
            return 0.0

    def close(self) -> None:
        """Let the lines go; they keep their level as far as the kernel lets them."""
        if self._handle is not None:
            self._lgpio.gpiochip_close(self._handle)
            self._handle = None
            self._claimed.clear()

    def _drive(self, pin: int, duty_percent: float, hz: float) -> None:
        handle = self._open()
        try:
            if pin not in self._claimed:
                self._lgpio.gpio_claim_output(handle, pin, 0)
                self._claimed.add(pin)
            if duty_percent == 0:
                self._lgpio.tx_pwm(handle, pin, 0, 0)
                self._lgpio.gpio_write(handle, pin, 0)
                # The kernel gives a line to one process; at rest it is free for the next owner, who may be another.
                self._lgpio.gpio_free(handle, pin)
                self._claimed.discard(pin)
            else:
                self._lgpio.tx_pwm(handle, pin, hz, duty_percent)
        except self._lgpio.error as error:
            raise HardwareError(f"pin {pin} cannot be driven: {error}") from error

    def _open(self) -> int:
        if self._handle is None:
            self._lgpio = import_rpi("lgpio")
            try:
                self._handle = self._lgpio.gpiochip_open(self._chip)
            except self._lgpio.error as error:
                raise HardwareNotFoundError(f"GPIO chip {self._chip} cannot be opened: {error}") from error
        return self._handle

    def _remember(self, pin: int, duty_percent: float) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        fresh = self._state / f"pwm-{pin}.duty.new"
        fresh.write_text(f"{duty_percent:g}")
        fresh.replace(self._file(pin))

    def _file(self, pin: int) -> Path:
        return self._state / f"pwm-{pin}.duty"


class LinuxPwmLines:
    """Chooses the hardware timer where a pin has one."""

    def __init__(self, *, hardware: SysfsPwm, software: LgpioPwm) -> None:
        self._hardware = hardware
        self._software = software

    def set_duty(self, pin: int, duty_percent: float, *, hz: float) -> None:
        channel = HARDWARE_CHANNELS.get(pin)
        if channel is not None:
            self._hardware.set_duty(channel, duty_percent, hz=hz)
        else:
            self._software.set_duty(pin, duty_percent, hz=hz)

    def get_duty(self, pin: int) -> float:
        channel = HARDWARE_CHANNELS.get(pin)
        return self._hardware.get_duty(channel) if channel is not None else self._software.get_duty(pin)

    def close(self) -> None:
        self._software.close()
