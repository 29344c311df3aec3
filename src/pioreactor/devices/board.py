"""What is wired to what in one reactor: pins, addresses and channels as one frozen value."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from pioreactor.devices.description_layers import HardwareLayers, merged
from pioreactor.devices.driver import AdcInput, Driver, LedDriver, SensorInput
from pioreactor.devices.driver_table import DRIVERS
from pioreactor.exc import ConfigurationError, HardwareNotFoundError
from pioreactor.types import LED_CHANNELS, PD_CHANNELS, PdChannel

_INPUTS_PER_CHIP: Final = 4


@dataclass(frozen=True, slots=True)
class Pins:
    """BCM numbers."""

    button: int
    indicator: int
    hall_sensor: int
    sda: int
    scl: int
    i2c_bus: int = 1


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip that should answer, and what it is there for."""

    driver: str
    address: int
    purposes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{DRIVERS[self.driver].chip} at 0x{self.address:02X} ({', '.join(self.purposes)})"


@dataclass(frozen=True, slots=True)
class Board:
    """The hardware of one unit. `firmware` is the RP2040's, or None to ask the chip when it is needed."""

    layers: HardwareLayers
    pwm_pins: Mapping[str, int]
    heater_channel: str
    adc: Mapping[str, AdcInput]
    """By use: "pd1" … "pd4", "version", "aux"."""
    leds: LedDriver
    thermometer_address: int
    pins: Pins
    firmware: tuple[int, int] | None = None
    thermometer_driver: str = "tmp1075"
    sensors: Mapping[str, SensorInput] = field(default_factory=dict)
    """Additional sensors by name."""

    def photodiode(self, channel: PdChannel) -> AdcInput:
        """Return the input of a photodiode; raise `HardwareNotFoundError` when this reactor has no such one."""
        try:
            return self.adc[f"pd{channel}"]
        except KeyError:
            raise HardwareNotFoundError(
                f"{self.layers.model_name} {self.layers.model_version} on HAT {self.layers.hat_version} has no "
                f"photodiode {channel}",
                remedy="Assign the right model to the unit, or clear the channel in [od_config.photodiode_channel].",
            ) from None

    def sensor(self, name: str) -> SensorInput:
        """Return an additional sensor; raise `HardwareNotFoundError` naming those there are."""
        try:
            return self.sensors[name]
        except KeyError:
            known = ", ".join(sorted(self.sensors)) if self.sensors else "none"
            raise HardwareNotFoundError(
                f"this reactor has no sensor {name}; described are: {known}",
                remedy="Describe it in sensors.yaml of the hardware folder.",
            ) from None

    def pwm_pin(self, channel: str) -> int:
        """Return the pin of a PWM channel; raise `ConfigurationError` naming the channels there are."""
        try:
            return self.pwm_pins[channel]
        except KeyError:
            known = ", ".join(sorted(self.pwm_pins))
            raise ConfigurationError(f"the board has no PWM channel {channel}, only {known}") from None

    def reserved_pins(self) -> frozenset[int]:
        """Return the pins that must not be driven as power outputs."""
        return frozenset((self.pins.button, self.pins.hall_sensor, self.pins.sda, self.pins.scl, self.pins.indicator))

    def pulls(self) -> Mapping[int, Literal["up", "down"]]:
        """Return the level at which each input rests: the Hall sensor only pulls down, the button only up."""
        return {self.pins.hall_sensor: "up", self.pins.button: "down"}

    def chips(self) -> tuple[Chip, ...]:
        """Return each chip that should answer, in order of address, with all it is there for."""
        purposes: dict[tuple[int, str], list[str]] = {}
        for address, driver, purpose in self._uses():
            purposes.setdefault((address, driver), []).append(purpose)
        return tuple(Chip(driver, address, tuple(why)) for (address, driver), why in sorted(purposes.items()))

    def conflicts(self, address: int) -> tuple[Chip, ...]:
        """Return the chips that claim this address when there is more than one: the model does not suit the HAT."""
        claims = tuple(chip for chip in self.chips() if chip.address == address)
        return claims if len(claims) > 1 else ()

    def _uses(self) -> Iterator[tuple[int, str, str]]:
        for use, entry in self.adc.items():
            yield entry.address, entry.driver, _PURPOSES.get(use, use)
        yield self.leds.address, self.leds.driver, "LEDs"
        yield self.thermometer_address, self.thermometer_driver, "heating board"
        for name, sensor in self.sensors.items():
            yield sensor.address, sensor.driver, name


_PURPOSES: Final = {
    **{f"pd{channel}": f"photodiode {channel}" for channel in PD_CHANNELS},
    "aux": "PWM rail voltage",
    "version": "HAT version",
}


def load_board(
    directory: Path | None,
    *,
    hat_version: str,
    model_name: str,
    model_version: str,
    firmware: tuple[int, int] | None = None,
) -> Board:
    """Read the description of a unit's hardware; `directory` is the laboratory's `hardware` folder, or None.

    Raises `ConfigurationError` naming the files and the key that is missing or malformed.
    """
    layers = HardwareLayers(directory, hat_version, model_name, model_version)
    pwm, adc, dac, temp, gpio = (_Mod.load(layers, mod) for mod in ("pwm", "adc", "dac", "temp", "gpio"))
    pwm_pins = pwm.below("pwm_to_pin")
    heater_channel = str(pwm.value("heater_pwm_channel"))
    board = Board(
        layers=layers,
        pwm_pins=MappingProxyType({channel: pwm_pins.number(channel) for channel in pwm_pins.content}),
        heater_channel=heater_channel,
        adc=MappingProxyType({use: _adc_input(adc.below(use)) for use in adc.content}),
        leds=_led_driver(dac),
        thermometer_address=temp.address(),
        thermometer_driver=temp.driver(lambda driver: driver.thermometer is not None, default="tmp1075"),
        pins=_pins(gpio),
        firmware=firmware,
        sensors=MappingProxyType(_sensors(layers)),
    )
    board.pwm_pin(heater_channel)
    return board


def layered_mod_config(board: Board, mod: str) -> dict[str, Any]:
    """Return a custom part of the hardware description, such as a plugin's own `hats/1.1/camera.yaml`.

    Raises `ConfigurationError` when no layer has such a file.
    """
    return _Mod.load(board.layers, mod).content


@dataclass(frozen=True, slots=True)
class _Mod:
    """A part of the description, which remembers where it stands for the sake of error messages."""

    content: dict[str, Any]
    place: str

    @classmethod
    def load(cls, layers: HardwareLayers, mod: str) -> "_Mod":
        found = layers.load(mod)
        if not found:
            raise ConfigurationError(
                f"nothing describes `{mod}` of HAT {layers.hat_version} and {layers.model_name} {layers.model_version}",
                remedy=f"Add {mod}.yaml to hardware/hats/{layers.hat_version} in the data folder.",
            )
        return cls(merged(found), ", ".join(layer.place for layer in found))

    def value(self, key: str) -> Any:
        try:
            return self.content[key]
        except KeyError:
            raise ConfigurationError(f"{self.place}: `{key}` is missing") from None

    def below(self, key: str) -> "_Mod":
        value = self.value(key)
        if not isinstance(value, dict):
            raise ConfigurationError(f"{self.place}: `{key}` must be keys with values, not {value!r}")
        return _Mod(value, f"{self.place}: in `{key}`")

    def number(self, key: str, *, default: int | None = None, most: int = 255) -> int:
        """Return a whole number from 0 to `most`; text such as "0x48" is understood."""
        if default is not None and key not in self.content:
            return default
        value = self.value(key)
        try:
            number = int(value, 0) if isinstance(value, str) else value
        except ValueError:
            number = value
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
            raise ConfigurationError(f"{self.place}: `{key}` must be a whole number from 0 to {most}, not {value!r}")
        return number

    def address(self) -> int:
        return self.number("address", most=0x77)

    def driver(self, has_capability: Callable[[Driver], bool], *, default: str | None = None) -> str:
        """Return the name of a driver in the table that has a capability."""
        name = self.content.get("driver", default) if default is not None else self.value("driver")
        known = [known for known, driver in DRIVERS.items() if has_capability(driver)]
        if name not in known:
            raise ConfigurationError(f"{self.place}: `driver` must be one of {', '.join(known)}, not {name!r}")
        return str(name)


def _sensors(layers: HardwareLayers) -> dict[str, SensorInput]:
    """Return the additional sensors; the file is optional."""
    if not layers.load("sensors"):
        return {}
    described = _Mod.load(layers, "sensors")
    return {name: _sensor(described.below(name)) for name in described.content}


def _sensor(entry: _Mod) -> SensorInput:
    return SensorInput(entry.driver(lambda driver: driver.sensor is not None), entry.address())


def _adc_input(entry: _Mod) -> AdcInput:
    divider = entry.content.get("divider", 1.0)
    if not isinstance(divider, int | float) or not divider > 0:
        raise ConfigurationError(f"{entry.place}: `divider` must be a number above 0, not {divider!r}")
    driver = entry.driver(lambda driver: driver.analog_input is not None)
    return AdcInput(
        driver=driver,
        address=entry.address(),
        # A model that moves a photodiode to an ADS1114 inherits the channel of the HAT, which does not apply to it.
        channel=entry.number("channel", most=_INPUTS_PER_CHIP - 1) if DRIVERS[driver].has_channels else 0,
        divider=float(divider),
    )


def _led_driver(dac: _Mod) -> LedDriver:
    channels = dac.below("channels")
    for channel in channels.content:
        if channel not in LED_CHANNELS:
            raise ConfigurationError(f"{channels.place}: there is no LED channel {channel!r}")
    return LedDriver(
        driver=dac.driver(lambda driver: driver.leds is not None),
        address=dac.address(),
        registers=MappingProxyType({channel: channels.number(channel) for channel in LED_CHANNELS}),
    )


def _pins(gpio: _Mod) -> Pins:
    return Pins(
        button=gpio.number("pcb_button_pin"),
        indicator=gpio.number("pcb_led_pin"),
        hall_sensor=gpio.number("hall_sensor_pin"),
        sda=gpio.number("sda_pin"),
        scl=gpio.number("scl_pin"),
        i2c_bus=gpio.number("i2c_bus", default=1),
    )
