"""Buses of a simulated reactor in this process, with simulated chips that measure a world."""

from collections.abc import Callable

from pioreactor.devices.buses.ports import Buses
from pioreactor.exc import HardwareNotFoundError
from pioreactor.twin.chips.ports import Chip, VoltsAt, find_factory
from pioreactor.twin.wiring import ChipAt
from pioreactor.twin.world import World

AUX_DIVIDER = 0.134


def _dark(world: World) -> VoltsAt:
    """A photodiode that is not in the light path: stray light only."""

    def volts(at_s: float, number: int) -> float:
        del at_s, number
        return world.optics.ambient_v

    return volts


def _source(world: World, name: str) -> VoltsAt:
    if name == "aux":
        return lambda _at_s, _number: world.rail_volts() * AUX_DIVIDER
    photodiode = world.photodiodes.get(name)
    return photodiode.volts if photodiode is not None else _dark(world)


def build_chips(world: World) -> dict[int, Chip]:
    """Return the chips of a world by address. They have state (registers): build them once per world."""
    return {address: _create_chip(world, address, at) for address, at in world.wires.chips.items()}


def _create_chip(world: World, address: int, at: ChipAt) -> Chip:
    inputs = {number: _source(world, name) for number, name in at.inputs.items()}
    return find_factory(at.driver)(world, address, inputs)


class TwinI2CBus:
    """An I²C controller with simulated chips."""

    def __init__(self, world: World, chips: dict[int, Chip]) -> None:
        self._world = world
        self._now_s = world.now_s
        self._answer: dict[int, Callable[[bytes, int, float], bytes]] = {
            address: chip.transfer for address, chip in chips.items()
        }

    def transfer(self, address: int, write: bytes, read_length: int = 0) -> bytes:
        world = self._world
        now = self._now_s()
        if now >= world.next_grid_s:
            world.advance_to(now)
        answer = self._answer.get(address)
        if answer is None or address in world.dropped_addresses:
            raise HardwareNotFoundError(f"no chip answers at I²C address 0x{address:02X}")
        return answer(write, read_length, now - world.epoch_s)

    def close(self) -> None:
        """Do nothing: chips keep their state, as real ones do."""


class TwinPwmLines:
    """PWM outputs. Pins with a role move the world; all pins keep their duty cycle until it is changed."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _role(self, pin: int) -> str:
        return self._world.wires.pwm_roles.get(pin, f"pin {pin}")

    def set_duty(self, pin: int, duty_percent: float, *, hz: float) -> None:
        self._world.set_output(self._role(pin), duty_percent, hz=hz)

    def get_duty(self, pin: int) -> float:
        return self._world.outputs.get(self._role(pin), 0.0)

    def close(self) -> None:
        """Lines keep their last duty, as real ones do."""


class TwinGpioLines:
    """Digital pins: the HAT's button, its LED and the Hall sensor."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._levels: dict[int, bool] = {}
        self._reader = world.edge_reader()

    def write(self, pin: int, *, high: bool) -> None:
        self._levels[pin] = high
        if pin == self._world.wires.led_pin:
            self._world.indicator_lit = high

    def read(self, pin: int) -> bool:
        if pin == self._world.wires.button_pin:
            return self._world.button_pressed
        if pin == self._world.wires.led_pin:
            return self._world.indicator_lit
        return self._levels.get(pin, False)

    def falling_edges(self, pin: int) -> list[float]:
        world = self._world
        at_s = world.advance()
        if pin != world.wires.hall_pin:
            return []
        epoch = world.epoch_s
        return [epoch + edge for edge in self._reader.edges(at_s)]

    def close(self) -> None:
        """Do nothing: there is no resource to release."""


def open_buses(world: World, chips: dict[int, Chip] | None = None) -> Buses:
    """Return the wires of a world. Several openings of one world share its `chips`."""
    return Buses(
        i2c=TwinI2CBus(world, chips if chips is not None else build_chips(world)),
        pwm=TwinPwmLines(world),
        gpio=TwinGpioLines(world),
    )
