"""Looks at outputs a few times a second and switches off those whose owner died, that run too long, or that burn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import get_args

from pioreactor.clock.ports import Clock
from pioreactor.devices.drivers.pwm import resource_of
from pioreactor.devices.guard import LONGEST_PUMP_RUN_S, HeatingLimits, HeatingStage
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.exc import ActuatorInUseError, PioreactorError
from pioreactor.types import LedChannel

LOOK_EVERY_S = 0.25
THERMOMETER_EVERY_S = 1.0
NAME = "supervisor"
OUTPUT_GUARD_EVENTS = "supervisor_events"
"""Volatile cache in which a sentence is left for each thing that was done: the monitor tells the cluster."""
OVERDUE_AFTER_S = 1.0
"""A pump that turns so much longer than its run was to last has an owner who cannot stop it."""
HZ = 100.0
"""Any frequency does to switch off."""


@dataclass
class OutputGuard:
    """All it needs is the rig and who owns what. Each step is tried even if the one before failed."""

    rig: Rig
    ownership: Ownership
    clock: Clock
    limits: HeatingLimits
    heater_pin: int
    pump_pins: Mapping[int, str]
    """Pin → role of each pump."""
    tell: Callable[[str], None]
    """Told in a sentence what was done and why. Must not raise."""
    power_off: Callable[[], bool]
    """Switches the computer off; returns False where it is not the reactor's. Raises `OSError` when refused."""
    note_off: Callable[[int], None] = lambda _pin: None
    """Told which pin was switched off for a dead owner, at that moment."""
    due_at_s: Callable[[str], float | None] = lambda _role: None
    """Returns when the run of a pump is to be over [monotonic s]; None if that is not known."""
    recorded_light: Callable[[LedChannel], float] = lambda _channel: 0.0
    """Returns what is on record for an LED [%]: whoever only darkened it for a moment leaves the record alone."""
    forget_light: Callable[[LedChannel], None] = lambda _channel: None
    """Told whose light has nobody left who wants it: nothing may switch it on again from the record."""
    longest_pump_run_s: float = LONGEST_PUMP_RUN_S
    overdue_after_s: float = OVERDUE_AFTER_S
    _running_since: dict[int, float] = field(default_factory=dict, init=False)
    _thermometer_at_s: float = field(default=float("-inf"), init=False)
    _owed: set[str] = field(default_factory=set, init=False)
    _complaint: str = field(default="", init=False)

    def look(self) -> None:
        """Look once. Hardware that does not answer is said once and tried again next time."""
        for step in (self._take_back_orphans, self._limit_pumps, self._limit_heat):
            try:
                step()
            except (PioreactorError, OSError) as error:
                self._complain(f"{error}")

    def _complain(self, words: str) -> None:
        if words != self._complaint:
            self._complaint = words
            self.tell(f"Something does not answer: {words}.")

    def _take_back_orphans(self) -> None:
        """Take back each; one that does not answer keeps nobody from the others."""
        failures: list[Exception] = []
        for resource in self._orphans():
            try:
                self._take_back(resource)
            except ActuatorInUseError:
                # Somebody has taken it meanwhile, and answers for it.
                self._owed.discard(resource)
            except (PioreactorError, OSError) as error:
                # Trying wiped the note of the dead owner: what is still to be done is remembered here.
                self._owed.add(resource)
                failures.append(error)
            else:
                self._owed.discard(resource)
        if failures:
            raise failures[0]

    def _orphans(self) -> list[str]:
        """Return what a dead owner left, and outputs that are on although nobody has them."""
        # Lights whose owner died come first: what is no longer wanted must not be brought back from the record.
        lights_first = sorted({*self._owed, *self.ownership.abandoned()}, key=lambda name: (name[:6] != "light-", name))
        found = dict.fromkeys(lights_first)
        for pin, duty in self.rig.pwm_duties().items():
            # Owners switch off before they let go. So an output is looked at again once nobody is known to have it.
            if duty > 0 and self.ownership.holder(resource_of(pin)) is None and self.rig.pwm_duties()[pin] > 0:
                found[resource_of(pin)] = None
        return list(found)

    def _take_back(self, resource: str) -> None:
        kind, _, which = resource.partition("-")
        if kind == "pwm":
            self._switch_off(int(which))
            self.tell(f"The owner of pin {which} died; the output is off.")
        elif kind in ("led", "light") and which in get_args(LedChannel):
            self._take_back_led(resource, which)  # type: ignore[arg-type]

    def _switch_off(self, pin: int) -> None:
        """Take the output, which puts it to rest, and give it up again."""
        self.rig.pwm_by_pin(pin, owner=NAME, hz=HZ).release()
        self.note_off(pin)

    def _take_back_led(self, resource: str, channel: LedChannel) -> None:
        """Darken an LED for good if who wanted it lit died; undo what somebody did who had it for a moment."""
        lease = self.ownership.acquire(resource, NAME)
        try:
            if resource.startswith("light-"):
                self.forget_light(channel)
            percent = self.recorded_light(channel)
            self.rig.leds().set_intensity(channel, percent)
        finally:
            lease.release()
        what = f"has its {percent:g} % again" if percent > 0 else "is off"
        self.tell(f"The owner of LED {channel} died; the LED {what}.")

    def _limit_pumps(self) -> None:
        """End runs that nobody can have meant, or whose owner is frozen. A pump that stops in between begins anew."""
        now_s = self.clock.monotonic()
        duties = self.rig.pwm_duties()
        for pin, role in self.pump_pins.items():
            if not duties.get(pin, 0.0) > 0:
                self._running_since.pop(pin, None)
                continue
            since_s = self._running_since.setdefault(pin, now_s)
            if now_s - since_s >= self.longest_pump_run_s:
                self.rig.force_off(pin)
                self.tell(f"The {role} pump ran for {self.longest_pump_run_s:g} s without a pause; it is off.")
                continue
            due_at_s = self.due_at_s(role)
            if due_at_s is not None and now_s > due_at_s + self.overdue_after_s:
                self.rig.force_off(pin)
                self.note_off(pin)
                self.tell(f"The {role} pump was not stopped when its run was over; it is off. Is its job frozen?")

    def _limit_heat(self) -> None:
        now_s = self.clock.monotonic()
        if now_s - self._thermometer_at_s < THERMOMETER_EVERY_S:
            return
        self._thermometer_at_s = now_s
        heating = self.rig.pwm_duties().get(self.heater_pin, 0.0) > 0
        try:
            celsius = self.rig.thermometer().read_celsius()
        except PioreactorError:
            if heating:
                self.rig.force_off(self.heater_pin)
                self.tell("The heating board does not say how warm it is; the heater is off.")
            raise
        stage = self.limits.stage(celsius)
        if stage in (HeatingStage.DISABLE, HeatingStage.SHUTDOWN) and heating:
            self.rig.force_off(self.heater_pin)
            self.tell(f"The heating board is at {celsius:.1f} °C; the heater is off.")
        if stage is HeatingStage.SHUTDOWN:
            self.tell(f"The heating board is at {celsius:.1f} °C; the unit powers off.")
            self.power_off()
