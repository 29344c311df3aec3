"""Dosing with one pump: check, run, enter what moved into the volume ledger, and publish it, on every path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pioreactor import structs, topics
from pioreactor.actions import bioreactor, pump_run_log
from pioreactor.actions.pwm import publish_duties
from pioreactor.devices.guard import LONGEST_PUMP_RUN_S
from pioreactor.devices.ports import PwmOutput
from pioreactor.exc import ActuatorInUseError, CalibrationError, ConfigurationError, StoppedError, StorageError
from pioreactor.jobs.actuator_context import ActuatorContext

SLICE_S = 1.0
"""Interval at which the volume moved by a running pump is recorded."""

TIMING_S = 0.05
"""A run that ends at most this late counts as exact: pumps are calibrated with the same delay."""

RefusalReason = Literal["no_calibration", "no_pwm_channel", "pump_in_use", "vial_full", "invalid_request"]


@dataclass(frozen=True, slots=True)
class Dosed:
    """The whole volume moved."""

    volume_ml: float


@dataclass(frozen=True, slots=True)
class CutShort:
    """The pump was stopped, or the vial was full, after this volume of the requested one (None: unlimited)."""

    volume_ml: float
    requested_ml: float | None
    reason: Literal["stopped", "vial_full"]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing moved."""

    reason: RefusalReason
    message: str
    volume_ml: float = 0.0


DoseOutcome = Dosed | CutShort | Refused


@dataclass(frozen=True, slots=True)
class PumpDevice:
    """One pump: the role of its PWM channel, the device name of its calibrations, and its dosing event."""

    role: str
    device: str
    event: str

    @property
    def adds_liquid(self) -> bool:
        return self.event.startswith("add_")


MEDIA = PumpDevice("media", "media_pump", "add_media")
ALT_MEDIA = PumpDevice("alt_media", "alt_media_pump", "add_alt_media")
WASTE = PumpDevice("waste", "waste_pump", "remove_waste")


class PumpRate(Protocol):
    """Pump calibration: duty cycle, frequency, and volume against time."""

    @property
    def hz(self) -> float: ...

    @property
    def dc(self) -> float: ...

    def ml_to_duration(self, ml: float) -> float: ...

    def duration_to_ml(self, duration: float) -> float: ...


@dataclass(frozen=True, slots=True)
class UncalibratedPump:
    """A typical pump, for runs requested in seconds."""

    hz: float = 250.0
    dc: float = 100.0
    ml_per_s: float = 0.0911

    def ml_to_duration(self, ml: float) -> float:
        return ml / self.ml_per_s

    def duration_to_ml(self, duration: float) -> float:
        return duration * self.ml_per_s


@dataclass(frozen=True, slots=True)
class DoseRequest:
    """A volume [mL], a duration [s], or neither to run until stopped, for an hour at most."""

    volume_ml: float | None = None
    duration_s: float | None = None
    source_of_event: str = "CLI"

    def problem(self) -> str | None:
        for what, value in (("volume", self.volume_ml), ("duration", self.duration_s)):
            if value is not None and not 0 <= value < 1e5:
                return f"the {what} must be at least 0, not {value:g}"
        if self.volume_ml is not None and self.duration_s is not None:
            return "give a volume or a duration, not both"
        return None


class RunLedger:
    """Ledger entries of one run of a pump: reports the difference between the moved and the recorded volume."""

    def __init__(self, host: ActuatorContext, pump: PumpDevice, source_of_event: str) -> None:
        self._host = host
        self._pump = pump
        self.source_of_event = source_of_event
        self.reported_ml = 0.0

    def report(self, moved_ml: float) -> None:
        change = moved_ml - self.reported_ml
        if abs(change) < 1e-9:
            return
        host, runtime = self._host, self._host.runtime
        now = runtime.clock.now()
        if self.source_of_event != "pump_calibration":
            before = bioreactor.vial_state(runtime, host.experiment)
            after = bioreactor.record_dose(runtime, host.experiment, self._pump.event, change)
            bioreactor.publish_changes(host.publish, host.unit, host.experiment, after, before, at=now)
        self.reported_ml = moved_ml
        event = structs.DosingEvent(
            volume_change=round(change, 9),
            event=self._pump.event,
            source_of_event=self.source_of_event,
            timestamp=now,
        )
        host.publish(topics.event(host.unit, host.experiment, "dosing_events"), event, qos=1)


def dose(host: ActuatorContext, pump: PumpDevice, request: DoseRequest, rate: PumpRate | None) -> DoseOutcome:
    """Run a pump as requested. `rate` is its active calibration, None when it has none.

    What moved is entered into the volume ledger and published slice by slice, each once, after it moved; a stop or a
    pause ends the run promptly, with the last slice shortened to the actual run time.
    """
    pump_run_log.account_interrupted_runs(host)
    refusal = _refuse(host, pump, request, rate)
    if refusal is not None:
        return refusal
    known = rate if rate is not None else UncalibratedPump()
    duration_s = request.duration_s
    if request.volume_ml is not None:
        duration_s = known.ml_to_duration(request.volume_ml)
    if duration_s is not None and duration_s > LONGEST_PUMP_RUN_S:
        return Refused("invalid_request", f"a pump runs for at most {LONGEST_PUMP_RUN_S:g} s, not {duration_s:.0f} s")
    if duration_s is not None and duration_s <= 0:
        return Dosed(0.0)
    try:
        output = host.runtime.open_rig().pwm(pump.role, owner=host.owner, hz=known.hz)
    except ActuatorInUseError as error:
        return Refused("pump_in_use", str(error))
    except ConfigurationError as error:
        return Refused("no_pwm_channel", str(error))
    ledger = RunLedger(host, pump, request.source_of_event)
    ml_per_s = known.duration_to_ml(SLICE_S) / SLICE_S
    run = pump_run_log.PumpRun(host.experiment, pump.event, request.source_of_event, ml_per_s, duration_s)
    try:
        pump_run_log.start_run(host, pump.role, run)
    except StorageError:
        # A run that cannot be recorded is not started.
        output.release()
        raise
    return _DoseRun(host, pump, output, known, duration_s, ledger, run).run()


def _refuse(host: ActuatorContext, pump: PumpDevice, request: DoseRequest, rate: PumpRate | None) -> Refused | None:
    problem = request.problem()
    if problem is not None:
        return Refused("invalid_request", problem)
    timed = request.duration_s is not None
    if rate is None and not timed and (request.volume_ml is not None or pump.adds_liquid):
        return Refused("no_calibration", f"{pump.device} has no active calibration")
    if (
        pump.adds_liquid
        and request.source_of_event != "pump_calibration"
        and not free_volume_ml(host) > (request.volume_ml if request.volume_ml is not None else 0.0)
    ):
        full = host.runtime.model().reactor_max_fill_volume_ml
        return Refused("vial_full", f"the vial would hold {full:g} mL or more, its maximum")
    return None


def free_volume_ml(host: ActuatorContext) -> float:
    """Return the volume that may still be added to the vial [mL]."""
    state = bioreactor.vial_state(host.runtime, host.experiment)
    return host.runtime.model().reactor_max_fill_volume_ml - state.current_volume_ml


@dataclass
class Turn:
    """One run of a pump. `ended_at_s` is when it was switched off in time [s, monotonic], None while it was not."""

    ended_at_s: float | None = None


@contextmanager
def running_pump(
    host: ActuatorContext, output: PwmOutput, duty_percent: float, longest_s: float | None = None
) -> Iterator[Turn]:
    """Run the pump for the block, and no longer than `longest_s` [s].

    The end does not wait for the block: a slow disk or chip must not prolong the dose.
    """
    clock = host.runtime.clock
    ended = clock.signal()
    turn = Turn()

    def end_in_time() -> None:
        if not ended.wait(longest_s):
            output.off()
            turn.ended_at_s = clock.monotonic()

    try:
        output.set_duty(duty_percent)
        if longest_s is not None:
            clock.spawn(end_in_time, name="end of a dose")
        yield turn
    finally:
        ended.set()
        output.release()
        publish_duties(host)


@dataclass
class _DoseRun:
    """One run of a pump and its entries in the volume ledger. Without a duration: until stopped, an hour at most."""

    host: ActuatorContext
    pump: PumpDevice
    output: PwmOutput
    rate: PumpRate
    duration_s: float | None
    ledger: RunLedger
    record: pump_run_log.PumpRun
    cut: Literal["stopped", "vial_full"] | None = field(default=None, init=False)
    ran_s: float = field(default=0.0, init=False)
    is_whole: bool = field(default=False, init=False)

    @property
    def until_s(self) -> float:
        return self.duration_s if self.duration_s is not None else LONGEST_PUMP_RUN_S

    def run(self) -> DoseOutcome:
        """Run the pump. On every path, including signals and failing chips, the actual run time is recorded."""
        # Taken before the pump starts: a process that is frozen right after must count from here.
        start_s = self.host.runtime.clock.monotonic()
        try:
            with running_pump(self.host, self.output, self.rate.dc, self.until_s) as turn:
                try:
                    publish_duties(self.host)
                    self._wait_for_end(start_s)
                except StoppedError:
                    self.cut = "stopped"
                finally:
                    self.ran_s = _ended_at_s(self.host, self.pump, turn, start_s) - start_s
        finally:
            self._record_end()
        return self._outcome()

    def _wait_for_end(self, start_s: float) -> None:
        """Record slice by slice what the running pump moves, until the run is whole or the vial is full."""
        clock = self.host.runtime.clock
        self.ran_s = clock.monotonic() - start_s
        while self.ran_s < self.until_s - 1e-9:
            slice_s = min(SLICE_S, self.until_s - self.ran_s)
            if self._would_overfill(slice_s):
                self.cut = "vial_full"
                return
            self.host.sleep(slice_s, pausable=True)
            self.ran_s = clock.monotonic() - start_s
            if self.ran_s < self.until_s:
                self.ledger.report(self.rate.duration_to_ml(self.ran_s))
                pump_run_log.record_progress(self.host.runtime, self.pump.role, self.record, self.ran_s)
        self.is_whole = True

    def _would_overfill(self, slice_s: float) -> bool:
        if not self.pump.adds_liquid or self.ledger.source_of_event == "pump_calibration":
            return False
        slice_ml = self.rate.duration_to_ml(self.ran_s + slice_s) - self.ledger.reported_ml
        return free_volume_ml(self.host) <= slice_ml

    def _record_end(self) -> None:
        """Record the rest of the actual run time, after the pump was switched off."""
        if self.is_whole and self.ran_s - self.until_s < TIMING_S:
            self.ran_s = self.until_s
        runtime, role = self.host.runtime, self.pump.role
        try:
            self.ledger.report(max(0.0, self.rate.duration_to_ml(self.ran_s)) if self.ran_s > 0 else 0.0)
        except StorageError:
            # The rest is recorded once the disk is writable.
            pump_run_log.mark_stopped(runtime, role)
            raise
        pump_run_log.finish_run(runtime, role)

    def _outcome(self) -> DoseOutcome:
        moved_ml = self.ledger.reported_ml
        if self.cut is None or (self.duration_s is None and self.cut == "stopped"):
            return Dosed(moved_ml)
        requested_ml = None if self.duration_s is None else self.rate.duration_to_ml(self.duration_s)
        return CutShort(moved_ml, requested_ml, self.cut)


def _ended_at_s(host: ActuatorContext, pump: PumpDevice, turn: Turn, start_s: float) -> float:
    """Return when the pump stopped [s, monotonic]: for a frozen process, the time recorded by the output guard."""
    ended_s = host.runtime.clock.monotonic() if turn.ended_at_s is None else turn.ended_at_s
    try:
        off_s = pump_run_log.switched_off_at_s(host.runtime, pump.role, start_s)
    except StorageError:
        return ended_s
    return ended_s if off_s is None else min(ended_s, off_s)


def load_pump_rate(host: ActuatorContext, pump: PumpDevice) -> PumpRate | None:
    """Return the active calibration of a pump; None if it has none, or if it is damaged, which is logged."""
    from pioreactor.calibrations.store import load_active

    try:
        calibration = load_active(host.runtime, pump.device)
    except CalibrationError as error:
        host.logger.error("%s", error)
        return None
    return calibration  # type: ignore[return-value]
