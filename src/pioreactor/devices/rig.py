"""The rig of one reactor: its board description, opened with drivers over any buses."""

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from pioreactor.clock.ports import Clock
from pioreactor.devices import ports
from pioreactor.devices.board import Board, Chip
from pioreactor.devices.buses.ports import Buses, I2CBus
from pioreactor.devices.driver import AdcInput, Driver, DriverContext, Firmware
from pioreactor.devices.driver_table import DRIVERS
from pioreactor.devices.drivers.gpio import HatButton, HatIndicator
from pioreactor.devices.drivers.pico import read_firmware
from pioreactor.devices.drivers.pwm import OwnedPwm
from pioreactor.devices.drivers.tachometer import HallTachometer
from pioreactor.exc import ConfigurationError, HardwareError, HardwareNotFoundError
from pioreactor.types import PdChannel

HEATING: Final = "heating"
T = TypeVar("T")


def open_rig(
    board: Board,
    buses: Buses,
    clock: Clock,
    ownership: ports.Ownership,
    *,
    pwm_roles: Mapping[str, str],
    hat_present: bool | None = None,
) -> "BoardRig":
    """Return the rig. Nothing is read or moved until a part is used; the rig closes the buses.

    `pwm_roles` maps a role ("stirring", "media", a plugin's) to a PWM channel ("1"); "heating" is always the board's
    heater channel. `hat_present` is whether the HAT is known to be present; None probes its chips.
    """
    return BoardRig(board, buses, clock, ownership, pwm_roles=pwm_roles, hat_present=hat_present)


class BoardRig:
    """Implementation of `ports.Rig` over three buses: those of the kernel or of the twin."""

    def __init__(
        self,
        board: Board,
        buses: Buses,
        clock: Clock,
        ownership: ports.Ownership,
        *,
        pwm_roles: Mapping[str, str],
        hat_present: bool | None,
    ) -> None:
        self.board = board
        self._buses = buses
        self._context = DriverContext(buses.i2c, clock, self.firmware)
        self._ownership = ownership
        self._pwm_roles = pwm_roles
        self._hat_present = hat_present
        self._firmware = board.firmware
        self._inputs: dict[str, ports.Photodiode] = {}
        self._led_driver: ports.Leds | None = None
        self._tachometer: HallTachometer | None = None
        self._pwms: list[OwnedPwm] = []

    @property
    def i2c(self) -> I2CBus:
        """The I²C bus, for chips of plugins that have no driver in the table."""
        return self._buses.i2c

    def photodiode(self, channel: PdChannel) -> ports.Photodiode:
        return self._input(f"pd{channel}", lambda: self.board.photodiode(channel))

    def leds(self) -> ports.Leds:
        if self._led_driver is None:
            self._led_driver = self._open_leds()
        return self._led_driver

    def pwm(self, role: str, *, owner: str, hz: float) -> ports.PwmOutput:
        return self.pwm_by_pin(self.pin_of(role), owner=owner, hz=hz)

    def pin_of(self, role: str) -> int:
        """Return the pin wired to a role; raise `ConfigurationError` when no channel has it."""
        channel = self.board.heater_channel if role == HEATING else self._pwm_roles.get(role)
        if channel is None:
            raise ConfigurationError(
                f"no PWM channel is assigned to {role}", remedy=f"Add a line such as `1={role}` to [PWM]."
            )
        return self.board.pwm_pin(channel)

    def pwm_by_pin(self, pin: int, *, owner: str, hz: float) -> ports.PwmOutput:
        if pin in self.board.reserved_pins():
            raise ConfigurationError(f"pin {pin} is wired to another part of the HAT and cannot be a power output")
        output = OwnedPwm(self._buses.pwm, pin, hz=hz, ownership=self._ownership, owner=owner)
        self._pwms = [pwm for pwm in self._pwms if pwm.is_ours]
        self._pwms.append(output)
        return output

    def force_off(self, pin: int) -> None:
        self._buses.pwm.set_duty(pin, 0.0, hz=100.0)

    def pwm_duties(self) -> Mapping[int, float]:
        return {pin: self._buses.pwm.get_duty(pin) for pin in sorted(self.board.pwm_pins.values())}

    def pwm_duties_by_channel(self) -> Mapping[str, float]:
        return {channel: self._buses.pwm.get_duty(pin) for channel, pin in sorted(self.board.pwm_pins.items())}

    def thermometer(self) -> ports.Thermometer:
        self._refuse_conflict(self.board.thermometer_address)
        return _capability(self.board.thermometer_driver, lambda driver: driver.thermometer)(
            self._context, self.board.thermometer_address
        )

    def sensors(self) -> tuple[str, ...]:
        return tuple(self.board.sensors)

    def sensor(self, name: str) -> ports.Sensor:
        wired = self.board.sensor(name)
        self._refuse_conflict(wired.address)
        return _capability(wired.driver, lambda driver: driver.sensor)(self._context, wired.address)

    def tachometer(self) -> ports.Tachometer:
        if self._tachometer is None:
            self._tachometer = HallTachometer(self._buses.gpio, self.board.pins.hall_sensor)
        return self._tachometer

    def indicator(self) -> ports.Indicator:
        return HatIndicator(self._buses.gpio, self.board.pins.indicator)

    def button(self) -> ports.Button:
        return HatButton(self._buses.gpio, self.board.pins.button)

    def aux_volts(self) -> float:
        """Return the voltage of the PWM rail, not rounded; raise `HardwareNotFoundError` when it is not measured."""
        wired = self.board.adc.get("aux")
        if wired is None:
            raise HardwareNotFoundError("the board does not measure the PWM rail")
        return self._input("aux", lambda: wired).read_volts() / wired.divider

    def firmware(self) -> Firmware:
        """Return the RP2040's firmware version, asking the chip once."""
        if self._firmware is None:
            self._firmware = read_firmware(self._buses.i2c, self._pico_address())
        return self._firmware

    def is_hat_present(self) -> bool:
        if self._hat_present is not None:
            return self._hat_present
        return self._answers(self.board.leds.driver, self.board.leds.address)

    def is_heating_pcb_present(self) -> bool:
        return self._answers(self.board.thermometer_driver, self.board.thermometer_address)

    def missing(self) -> list[str]:
        return [str(chip) for chip in self.board.chips() if not self._answers(chip.driver, chip.address)]

    def close(self) -> None:
        """Switch off and give up every output opened here, then close the buses. Safe to repeat."""
        pwms, self._pwms = self._pwms, []
        try:
            _release_all(pwms)
        finally:
            self._buses.close()

    def _input(self, use: str, wired: Callable[[], AdcInput]) -> ports.Photodiode:
        if use not in self._inputs:
            self._inputs[use] = self._open_input(wired())
        return self._inputs[use]

    def _open_input(self, wired: AdcInput) -> ports.Photodiode:
        self._refuse_conflict(wired.address)
        return _capability(wired.driver, lambda driver: driver.analog_input)(self._context, wired)

    def _open_leds(self) -> ports.Leds:
        wired = self.board.leds
        self._refuse_conflict(wired.address)
        return _capability(wired.driver, lambda driver: driver.leds)(self._context, wired)

    def _pico_address(self) -> int:
        for chip in self.board.chips():
            if chip.driver == "pico":
                return chip.address
        raise HardwareNotFoundError(f"HAT {self.board.layers.hat_version} has no RP2040, and so no firmware")

    def _answers(self, driver: str, address: int) -> bool:
        register, length = DRIVERS[driver].probe
        try:
            self._buses.i2c.transfer(address, register, length)
        except HardwareNotFoundError:
            return False
        return True

    def _refuse_conflict(self, address: int) -> None:
        claims: tuple[Chip, ...] = self.board.conflicts(address)
        if claims:
            raise HardwareError(
                f"two chips cannot share an address: {' and '.join(map(str, claims))}",
                remedy=f"{self.board.layers.model_name} {self.board.layers.model_version} does not suit HAT "
                f"{self.board.layers.hat_version}: assign the right model to the unit.",
            )


def _capability(name: str, select: Callable[[Driver], T | None]) -> T:
    """Return the factory of a capability; raise `ConfigurationError` when the driver does not have it."""
    factory = select(DRIVERS[name])
    if factory is None:
        raise ConfigurationError(f"the driver {name} cannot be used for this part")
    return factory


def _release_all(pwms: list[OwnedPwm]) -> None:
    """Release every output, even when some of them fail; the first failure is raised at the end."""
    failures = []
    for pwm in pwms:
        try:
            pwm.release()
        except (HardwareError, HardwareNotFoundError, OSError) as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
