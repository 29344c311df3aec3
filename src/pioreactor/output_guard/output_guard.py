"""Switches off outputs whose owner was killed, pumps that run too long, and a heater that is too hot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pioreactor.clock.ports import Clock
from pioreactor.devices.drivers.pwm import resource_of
from pioreactor.devices.guard import LONGEST_PUMP_RUN_S, HeatingLimits, HeatingStage
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.exc import ActuatorInUseError, PioreactorError
from pioreactor.types import LED_CHANNELS, LedChannel

CHECK_INTERVAL_S = 0.25
THERMOMETER_INTERVAL_S = 1.0
NAME = "output_guard"
OUTPUT_GUARD_EVENTS = "supervisor_events"
"""Volatile cache with a message for each intervention; the monitor logs them to the cluster."""
OVERDUE_AFTER_S = 1.0
"""A pump that runs this much longer than planned has an owner that cannot stop it."""
HZ = 100.0
"""To switch off, any frequency will do."""


@dataclass
class OutputGuard:
    """Needs only the rig and the table of owners. Each step is tried even if the one before failed."""

    rig: Rig
    ownership: Ownership
    clock: Clock
    limits: HeatingLimits
    heater_pin: int
    pump_pins: Mapping[int, str]
    """Pin → role of each pump."""
    report: Callable[[str], None]
    """Called with a message for each intervention. Must not raise."""
    power_off: Callable[[], bool]
    """Shuts the computer down; returns False where it is not the reactor's. Raises `OSError` when refused."""
    on_switched_off: Callable[[int], None] = lambda _pin: None
    """Called with the pin at the moment a pump or another output was switched off."""
    due_at_s: Callable[[str], float | None] = lambda _role: None
    """Return when the run of a pump should end [monotonic s]; None if unknown."""
    recorded_led: Callable[[LedChannel], float] = lambda _channel: 0.0
    """Return the recorded intensity of an LED [%]; jobs that darken it for a moment leave the record alone."""
    clear_recorded_led: Callable[[LedChannel], None] = lambda _channel: None
    """Called when the process that wanted an LED on was killed: it must not be switched on again from the record."""
    longest_pump_run_s: float = LONGEST_PUMP_RUN_S
    overdue_after_s: float = OVERDUE_AFTER_S
    _running_since: dict[int, float] = field(default_factory=dict, init=False)
    _thermometer_at_s: float = field(default=float("-inf"), init=False)
    _pending: set[str] = field(default_factory=set, init=False)
    """Resources that could not be switched off yet."""
    _last_error: str = field(default="", init=False)

    def check(self) -> None:
        """Check once. A hardware error is reported once and the step is retried at the next check."""
        for step in (self._release_orphans, self._limit_pumps, self._limit_heat):
            try:
                step()
            except (PioreactorError, OSError) as error:
                self._report_error(f"{error}")

    def _report_error(self, message: str) -> None:
        if message != self._last_error:
            self._last_error = message
            self.report(f"Hardware error: {message}.")

    def _release_orphans(self) -> None:
        """Switch off every orphaned output; one that fails does not keep the others from being switched off."""
        failures: list[Exception] = []
        for resource in self._orphans():
            try:
                self._release(resource)
            except ActuatorInUseError:
                # A process has acquired it meanwhile, and is responsible for it.
                self._pending.discard(resource)
            except (PioreactorError, OSError) as error:
                # The attempt erased the lock of the killed owner, so the resource is remembered here.
                self._pending.add(resource)
                failures.append(error)
            else:
                self._pending.discard(resource)
        if failures:
            raise failures[0]

    def _orphans(self) -> list[str]:
        """Return resources of killed owners, and outputs that are on although no process owns them."""
        # `light-` resources come first: an LED that is no longer wanted must not be restored from the record.
        ordered = sorted({*self._pending, *self.ownership.abandoned()}, key=lambda name: (name[:6] != "light-", name))
        found = dict.fromkeys(ordered)
        for pin, duty in self.rig.pwm_duties().items():
            # Owners switch off before they release, so the output is read again once no owner is known.
            if duty > 0 and self.ownership.holder(resource_of(pin)) is None and self.rig.pwm_duties()[pin] > 0:
                found[resource_of(pin)] = None
        return list(found)

    def _release(self, resource: str) -> None:
        kind, _, which = resource.partition("-")
        if kind == "pwm":
            self._switch_off(int(which))
            self.report(f"The process that owned pin {which} was killed; the output was switched off.")
        elif kind in ("led", "light"):
            for channel in LED_CHANNELS:
                if channel == which:
                    self._release_led(resource, channel)

    def _switch_off(self, pin: int) -> None:
        """Acquire the output, which switches it off, and release it again."""
        self.rig.pwm_by_pin(pin, owner=NAME, hz=HZ).release()
        self.on_switched_off(pin)

    def _release_led(self, resource: str, channel: LedChannel) -> None:
        """Switch an LED off if the process that wanted it on was killed; else restore its recorded intensity."""
        lease = self.ownership.acquire(resource, NAME)
        try:
            if resource.startswith("light-"):
                self.clear_recorded_led(channel)
            percent = self.recorded_led(channel)
            self.rig.leds().set_intensity(channel, percent)
        finally:
            lease.release()
        action = f"restored to {percent:g} %" if percent > 0 else "switched off"
        self.report(f"The process that owned LED {channel} was killed; the LED was {action}.")

    def _limit_pumps(self) -> None:
        """Stop runs that are too long, or whose owner hangs. A pump that pauses in between starts a new run."""
        now_s = self.clock.monotonic()
        duties = self.rig.pwm_duties()
        for pin, role in self.pump_pins.items():
            if not duties.get(pin, 0.0) > 0:
                self._running_since.pop(pin, None)
                continue
            since_s = self._running_since.setdefault(pin, now_s)
            if now_s - since_s >= self.longest_pump_run_s:
                self.rig.force_off(pin)
                self.report(f"The {role} pump ran for {self.longest_pump_run_s:g} s without a pause; it was stopped.")
                continue
            due_at_s = self.due_at_s(role)
            if due_at_s is not None and now_s > due_at_s + self.overdue_after_s:
                self.rig.force_off(pin)
                self.on_switched_off(pin)
                self.report(f"The {role} pump was not stopped at the end of its run and is off now. Its job hangs.")

    def _limit_heat(self) -> None:
        now_s = self.clock.monotonic()
        if now_s - self._thermometer_at_s < THERMOMETER_INTERVAL_S:
            return
        self._thermometer_at_s = now_s
        heating = self.rig.pwm_duties().get(self.heater_pin, 0.0) > 0
        try:
            celsius = self.rig.thermometer().read_celsius()
        except PioreactorError:
            if heating:
                self.rig.force_off(self.heater_pin)
                self.report("The heater board's thermometer does not respond; the heater was switched off.")
            raise
        stage = self.limits.stage(celsius)
        if stage in (HeatingStage.DISABLE, HeatingStage.SHUTDOWN) and heating:
            self.rig.force_off(self.heater_pin)
            self.report(f"The heater board is at {celsius:.1f} °C; the heater was switched off.")
        if stage is HeatingStage.SHUTDOWN:
            self.report(f"The heater board is at {celsius:.1f} °C; shutting the unit down.")
            self.power_off()
