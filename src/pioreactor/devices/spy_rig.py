"""A rig that moves nothing: it answers what a test tells it to, remembers what it was told, and can be made to hang.

Every part has a `gate`. It is open; `gate.clear()` makes the next call hang until `gate.set()`. In virtual time give
the rig `gates=clock.signal`, in real time the default (`threading.Event`) will do.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from pioreactor.devices.drivers.pwm import resource_of
from pioreactor.devices.guard import checked_percent
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.ports import Lease, Ownership, Sensor
from pioreactor.exc import ActuatorInUseError, ConfigurationError, HardwareNotFoundError
from pioreactor.types import LedChannel, PdChannel

DEFAULT_ROLE_PINS: Mapping[str, int] = {"stirring": 17, "media": 13, "alt_media": 16, "waste": 12, "heating": 18}


class Gate(Protocol):
    """A `threading.Event`, or a clock's signal."""

    def set(self) -> None: ...

    def clear(self) -> None: ...

    def wait(self) -> bool: ...


def open_gate(make: Callable[[], Gate] = Event) -> Gate:
    gate = make()
    gate.set()
    return gate


Answers = float | Iterable[float] | Callable[[], float]
"""One value for ever, values one after another of which the last is repeated, or a function."""


def _asker(answers: Answers) -> Callable[[], float]:
    if callable(answers):
        return answers
    if isinstance(answers, int | float):
        constant = float(answers)
        return lambda: constant
    queue = deque(answers)
    return lambda: queue.popleft() if len(queue) > 1 else queue[0]


class SpyPhotodiode:
    """Answers with scripted volts. `fitted` holds the levels that it was asked to choose a range for."""

    def __init__(self, volts: Answers = 0.0, *, converter: str = "ADS1114", gate: Gate | None = None) -> None:
        self.fitted: list[float] = []
        self.reads = 0
        self.gate = gate if gate is not None else open_gate()
        self._converter = converter
        self._ask = _asker(volts)

    @property
    def converter(self) -> str:
        return self._converter

    def will_read(self, volts: Answers) -> None:
        """Answer with these volts from now on."""
        self._ask = _asker(volts)

    def read_volts(self) -> float:
        self.gate.wait()
        self.reads += 1
        return self._ask()

    def fit_range(self, volts: float) -> None:
        self.fitted.append(volts)


@dataclass
class SpyLeds:
    """Remembers each setting in `calls`, and the present one of each channel in `intensities`."""

    calls: list[tuple[LedChannel, float]] = field(default_factory=list)
    intensities: dict[LedChannel, float] = field(default_factory=dict)
    gate: Gate = field(default_factory=open_gate)

    def set_intensity(self, channel: LedChannel, percent: float) -> None:
        self.gate.wait()
        self.calls.append((channel, checked_percent(percent)))
        self.intensities[channel] = percent


class SpyPwm:
    """An output that keeps the rules of ownership and drives nothing.

    `calls` lists the commands as text: "duty 30", "off", "release". `line` holds the duty of all pins.
    """

    def __init__(self, pin: int, *, hz: float, lease: Lease, line: dict[int, float], gate: Gate) -> None:
        self.pin = pin
        self.hz = hz
        self.calls: list[str] = []
        self.gate = gate
        self._lease = lease
        self._line = line
        self._is_ours = True
        self._line[pin] = 0.0

    def set_duty(self, percent: float) -> None:
        self.gate.wait()
        if not self._is_ours:
            raise ActuatorInUseError(f"the output on pin {self.pin} was given up")
        self._line[self.pin] = checked_percent(percent)
        self.calls.append(f"duty {percent:g}")

    def get_duty(self) -> float:
        return self._line[self.pin]

    def off(self) -> None:
        if self._is_ours:
            self._line[self.pin] = 0.0
            self.calls.append("off")

    def release(self) -> None:
        if self._is_ours:
            self._line[self.pin] = 0.0
            self.calls.append("release")
            self._is_ours = False
            self._lease.release()


class SpyThermometer:
    """Answers with scripted temperatures [°C]."""

    def __init__(self, celsius: Answers = 25.0, *, gate: Gate | None = None) -> None:
        self.reads = 0
        self.gate = gate if gate is not None else open_gate()
        self._ask = _asker(celsius)

    def will_read(self, celsius: Answers) -> None:
        """Answer with these temperatures from now on."""
        self._ask = _asker(celsius)

    def read_celsius(self) -> float:
        self.gate.wait()
        self.reads += 1
        return self._ask()


@dataclass
class SpyTachometer:
    """Hands out the scripted edges [s], one list per call, then none. The first call arms it, as for any tachometer."""

    scripted: deque[list[float]] = field(default_factory=deque)
    is_armed: bool = False

    def will_turn_at(self, rpm: float, *, revolutions: int = 10, from_s: float = 0.0) -> None:
        """Add one answer: evenly spaced edges."""
        self.scripted.append([from_s + 60 / rpm * n for n in range(revolutions + 1)])

    def edges(self) -> list[float]:
        if not self.is_armed:
            self.is_armed = True
            return []
        return self.scripted.popleft() if self.scripted else []


@dataclass
class SpyIndicator:
    calls: list[str] = field(default_factory=list)

    def on(self) -> None:
        self.calls.append("on")

    def off(self) -> None:
        self.calls.append("off")


@dataclass
class SpyButton:
    pressed: bool = False

    def is_pressed(self) -> bool:
        return self.pressed


class SpyRig:
    """All parts as doubles. `duties` is what each pin does, which outlives an output that was never released."""

    def __init__(
        self,
        *,
        ownership: Ownership | None = None,
        role_pins: Mapping[str, int] = DEFAULT_ROLE_PINS,
        gates: Callable[[], Gate] = Event,
    ) -> None:
        self.ownership: Ownership = ownership if ownership is not None else MemoryOwnership()
        self.role_pins = dict(role_pins)
        self.duties: dict[int, float] = {}
        self.pwms: dict[int, SpyPwm] = {}
        """The output opened last on each pin."""
        self.photodiodes: dict[PdChannel, SpyPhotodiode] = {}
        self.aux = 12.0
        self.hat_is_present = True
        self.heating_pcb_is_present = True
        self.missing_chips: list[str] = []
        self.is_closed = False
        self._gates = gates
        self._leds = SpyLeds(gate=open_gate(gates))
        self._thermometer = SpyThermometer(gate=open_gate(gates))
        self._tachometer = SpyTachometer()
        self._indicator = SpyIndicator()
        self._button = SpyButton()

    def photodiode(self, channel: PdChannel) -> SpyPhotodiode:
        if channel not in self.photodiodes:
            self.photodiodes[channel] = SpyPhotodiode(gate=open_gate(self._gates))
        return self.photodiodes[channel]

    def leds(self) -> SpyLeds:
        return self._leds

    def pwm(self, role: str, *, owner: str, hz: float) -> SpyPwm:
        if role not in self.role_pins:
            raise ConfigurationError(f"no PWM channel is assigned to {role}")
        return self.pwm_by_pin(self.role_pins[role], owner=owner, hz=hz)

    def pwm_by_pin(self, pin: int, *, owner: str, hz: float) -> SpyPwm:
        lease = self.ownership.acquire(resource_of(pin), owner)
        self.pwms[pin] = SpyPwm(pin, hz=hz, lease=lease, line=self.duties, gate=open_gate(self._gates))
        return self.pwms[pin]

    def pwm_of(self, role: str) -> SpyPwm:
        """Return the output opened last for a role, to look at what it was told."""
        return self.pwms[self.role_pins[role]]

    def pin_of(self, role: str) -> int:
        return self.role_pins[role]

    def force_off(self, pin: int) -> None:
        self.duties[pin] = 0.0

    def pwm_duties(self) -> Mapping[int, float]:
        return {pin: self.duties.get(pin, 0.0) for pin in sorted(self.role_pins.values())}

    def pwm_duties_by_channel(self) -> Mapping[str, float]:
        return {str(i): duty for i, duty in enumerate(self.pwm_duties().values(), start=1)}

    def thermometer(self) -> SpyThermometer:
        return self._thermometer

    def sensors(self) -> tuple[str, ...]:
        return ()

    def sensor(self, name: str) -> Sensor:
        raise HardwareNotFoundError(f"this reactor has no sensor {name}")

    def tachometer(self) -> SpyTachometer:
        return self._tachometer

    def indicator(self) -> SpyIndicator:
        return self._indicator

    def button(self) -> SpyButton:
        return self._button

    def aux_volts(self) -> float:
        return self.aux

    def is_hat_present(self) -> bool:
        return self.hat_is_present

    def is_heating_pcb_present(self) -> bool:
        return self.heating_pcb_is_present

    def missing(self) -> list[str]:
        return list(self.missing_chips)

    def close(self) -> None:
        for pwm in self.pwms.values():
            pwm.release()
        self.is_closed = True
