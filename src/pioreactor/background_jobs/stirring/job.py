"""Job that holds the stir bar at a target speed, detects stalls, and can pause during OD readings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from pioreactor import error_codes, structs
from pioreactor.actions.pwm import publish_duties
from pioreactor.alarms import AlarmRule, Diagnosis
from pioreactor.devices.drivers.tachometer import rpm_from_edges
from pioreactor.devices.ports import PwmOutput, Tachometer
from pioreactor.exc import HardwareNotFoundError
from pioreactor.jobs.dodging import BackgroundJobWithDodging
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.settings import Setting
from pioreactor.jobs.start_option import StartOption
from pioreactor.runtime import context
from pioreactor.runtime.lane import LaneTimer
from pioreactor.science.mixing import SpeedControl
from pioreactor.settings.sections import StirringSettings
from pioreactor.states import JobState

SETTLED_WITHIN_RPM = 20.0
UNSETTLED_PERIOD_S = 4.0
"""Interval of measurements while the speed is off target [s]."""
KICK_S = 0.5
"""Duration of full duty that overcomes the stiction of the bar at the start; 0.35–0.75 s are enough."""
STALL_KICK_S = 0.75


class Stirrer(BackgroundJobWithDodging):
    """Stir at a target speed [RPM], measured by the Hall sensor, or at a fixed duty of the fan."""

    job_name = "stirring"

    target_rpm = Setting[float](
        config=(StirringSettings, "initial_target_rpm"), label="Target stir RPM", help="speed to hold; 0 stops the bar"
    )
    measured_rpm = Measurement[structs.MeasuredRPM](unit="RPM", label="Measured RPM", quantity="measured_rpm")
    duty_cycle = Setting(
        0.0,
        config=(StirringSettings, "initial_duty_cycle"),
        label="Fan duty cycle",
        display=False,
        help="duty of the fan; set it only without a target speed",
    )
    target_rpm_during_od_reading = Setting[float](
        config=(StirringSettings, "target_rpm_during_od_reading"),
        label="Target RPM during OD readings",
        display=False,
        help="speed while OD is read, when dodging",
    )
    target_rpm_outside_od_reading = Setting[float](
        config=(StirringSettings, "target_rpm_outside_od_reading"),
        label="Target RPM between OD readings",
        display=False,
        help="speed between OD readings, when dodging",
    )

    start_options = (
        StartOption("use_rpm", "Measure the speed and correct it.", "boolean"),
        StartOption("measure_rpm_only", "Keep the duty as it is and only measure the speed."),
    )

    alarm_rules = (
        AlarmRule(
            name="stirring_stalled",
            title="Stir bar does not turn",
            condition=Diagnosis(job="stirring", name="stalled"),
            severity="high",
            escalate_after_s=1800.0,
        ),
    )

    def __init__(
        self,
        target_rpm: float | None,
        unit: str,
        experiment: str,
        *,
        use_rpm: bool | None = None,
        duty_cycle: float | None = None,
        enable_dodging_od: bool | None = None,
        target_rpm_during_od_reading: float | None = None,
        target_rpm_outside_od_reading: float | None = None,
        measure_rpm_only: bool = False,
    ) -> None:
        super().__init__(unit, experiment, enable_dodging_od=enable_dodging_od)
        config = self.runtime.settings.stirring
        rig = self.runtime.open_rig()
        if not rig.is_hat_present():
            raise HardwareNotFoundError("stirring needs the Pioreactor HAT, which does not respond")
        self._use_rpm = config.use_rpm if use_rpm is None else use_rpm
        self._measure_only = measure_rpm_only
        self._period_s = config.duration_between_updates_seconds
        self._tachometer: Tachometer | None = rig.tachometer() if self._use_rpm or measure_rpm_only else None
        self._fan: PwmOutput = rig.pwm("stirring", owner=self.owner, hz=config.pwm_hz)
        first_duty = config.initial_duty_cycle if duty_cycle is None else duty_cycle
        self._control = SpeedControl(first_duty)
        self._duty_for: dict[float, float] = {} if duty_cycle is not None else {config.initial_target_rpm: first_duty}
        self._measure_timer: LaneTimer | None = None
        self._paused_for_od = False
        if self._use_rpm and not measure_rpm_only:
            self._set_targets(target_rpm, target_rpm_during_od_reading, target_rpm_outside_od_reading)

    def _set_targets(self, target_rpm: float | None, during_od: float | None, outside_od: float | None) -> None:
        """Set the speeds to hold [RPM]; None takes the configured one."""
        config = self.runtime.settings.stirring
        self.target_rpm = config.initial_target_rpm if target_rpm is None else target_rpm
        self.target_rpm_during_od_reading = config.target_rpm_during_od_reading if during_od is None else during_od
        in_order = (outside_od, target_rpm, config.target_rpm_outside_od_reading, self.target_rpm)
        self.target_rpm_outside_od_reading = next(rpm for rpm in in_order if rpm is not None)

    @classmethod
    def from_options(cls, **options: object) -> Self:
        runtime = context.current()
        construct: Callable[..., Self] = cls  # the options of the command line have the names of the arguments
        return construct(unit=runtime.unit, experiment=str(runtime.identity.experiment()), **options)

    # ---- lifecycle ---------------------------------------------------------------------------------------

    def on_init_to_ready(self) -> None:
        # The job is ready for commands before the first kick, which takes half a second.
        self.later(0.0, self._begin)

    def on_sleeping(self) -> None:
        self.report_diagnosis("stalled", None)
        self._cancel_measuring()
        self._write_duty(0.0)
        self._publish_rpm(0.0)

    def on_sleeping_to_ready(self) -> None:
        self._end_pause_for_od()
        self._start_stirring()

    def on_disconnected(self) -> None:
        if "_fan" in self.__dict__:  # a constructor that failed early has no fan
            self._fan.release()
            publish_duties(self)

    # ---- settings ----------------------------------------------------------------------------------------

    def set_target_rpm(self, target_rpm: float) -> None:
        """Hold another speed [RPM]; during the pause for an OD reading, from after it on."""
        if self.currently_dodging_od:
            self.target_rpm_outside_od_reading = float(target_rpm)
        if self._paused_for_od:
            return
        was_still = self._fan.get_duty() == 0
        self._remember_duty()
        self.target_rpm = float(target_rpm)
        if self.state != JobState.READY:
            return
        self._aim(kick=was_still)
        if target_rpm == 0 and self._tachometer is not None:
            self._publish_rpm(0.0)

    def set_duty_cycle(self, duty_cycle: float) -> None:
        self._control.duty_percent = max(0.0, min(100.0, float(duty_cycle)))
        self._control.forget_last()
        if self.state == JobState.READY:
            self._write_duty(self._control.duty_percent)
        else:
            self.duty_cycle = round(self._control.duty_percent, 5)

    # ---- dodging -----------------------------------------------------------------------------------------

    def action_to_do_before_od_reading(self) -> None:
        self._remember_duty()
        self._paused_for_od = True
        self._cancel_measuring()
        if self._use_rpm:
            self.target_rpm = self.target_rpm_during_od_reading
            self._aim(kick=False, measure=False)
        else:
            self._write_duty(0.0)

    def action_to_do_after_od_reading(self) -> None:
        was_still = self._fan.get_duty() == 0
        self._end_pause_for_od()
        self._aim(kick=was_still)

    def _end_pause_for_od(self) -> None:
        if self._paused_for_od:
            self._paused_for_od = False
            if self._use_rpm:
                self.target_rpm = self.target_rpm_outside_od_reading

    def initialize_dodging_operation(self) -> None:
        if self._use_rpm:
            self.target_rpm_outside_od_reading = self.target_rpm

    def initialize_continuous_operation(self) -> None:
        if self._paused_for_od:
            self.action_to_do_after_od_reading()

    # ---- control -----------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self.state == JobState.READY and not self._paused_for_od and self._fan.get_duty() == 0:
            self._start_stirring()

    def _start_stirring(self) -> None:
        self._aim(kick=True)

    def _aim(self, *, kick: bool, measure: bool = True) -> None:
        """Drive the fan towards the target; a bar at rest gets a kick first."""
        if self.target_rpm == 0:
            self.report_diagnosis("stalled", None)
            self._write_duty(0.0)
            self._cancel_measuring()
            return
        self._control.forget_last()
        if self.target_rpm is not None:
            known = self._duty_for.get(self.target_rpm)
            self._control.duty_percent = self._guess_duty(self.target_rpm) if known is None else known
        if kick:
            self._write_duty(100.0)
            self.sleep(KICK_S)
        self._write_duty(self._control.duty_percent)
        if measure and self._tachometer is not None:
            self._tachometer.edges()
            self._measure_after(UNSETTLED_PERIOD_S)

    def _guess_duty(self, target_rpm: float) -> float:
        """Return a duty [%] extrapolated from the nearest speed that was held before."""
        if not self._duty_for:
            return self._control.duty_percent
        nearest = min(self._duty_for, key=lambda rpm: abs(rpm - target_rpm))
        step = (target_rpm - nearest) / self._control.slope_rpm_per_percent
        return max(5.0, min(100.0, self._duty_for[nearest] + step))

    def _remember_duty(self) -> None:
        if self._use_rpm and self.target_rpm and self._fan.get_duty() > 0:
            self._duty_for[self.target_rpm] = self._control.duty_percent

    def _measure_after(self, delay_s: float) -> None:
        self._cancel_measuring()
        self._measure_timer = self.later(delay_s, self._measure_and_correct)

    def _cancel_measuring(self) -> None:
        if self._measure_timer is not None:
            self._measure_timer.cancel()
            self._measure_timer = None

    def _measure_and_correct(self) -> None:
        if self.state != JobState.READY or self._tachometer is None:
            return
        rpm = self.poll()
        if self._measure_only or self.target_rpm is None:
            self._measure_after(self._period_s)
            return
        if rpm == 0 and self.target_rpm > 0:
            self._restart_stalled_bar()
            return
        self.report_diagnosis("stalled", None)
        self._write_duty(self._control.correct(self.target_rpm, rpm))
        settled = abs(rpm - self.target_rpm) <= SETTLED_WITHIN_RPM
        if settled:
            self._remember_duty()
        self._measure_after(self._period_s if settled else UNSETTLED_PERIOD_S)

    def poll(self) -> float:
        """Measure the speed over ten turns (1–5 s), publish and return it [RPM]."""
        assert self._tachometer is not None
        target = self.target_rpm
        window_s = 4.0 if not target else max(1.0, min(5.0, 600.0 / target))
        self._tachometer.edges()
        self.sleep(window_s)
        rpm = rpm_from_edges(self._tachometer.edges())
        self._publish_rpm(rpm)
        return rpm

    def _restart_stalled_bar(self) -> None:
        message = "The stir bar does not turn; restarting it. Check the vial, the bar and the cable of the fan."
        self.report_diagnosis("stalled", message)
        self.logger.warning("%s", message)
        self.blink_error_code(error_codes.STIRRING_FAILED)
        self._write_duty(0.0)
        self.sleep(STALL_KICK_S)
        self._write_duty(100.0)
        self.sleep(STALL_KICK_S)
        self._control.duty_percent = min(1.01 * self._control.duty_percent, 60.0)
        self._control.forget_last()
        self._write_duty(self._control.duty_percent)
        self._measure_after(UNSETTLED_PERIOD_S)

    def block_until_rpm_is_close_to_target(self, abs_tolerance: float = 20.0, timeout: float = 60.0) -> bool:
        """Wait until the measured speed is within a tolerance [RPM] of the target; return False after `timeout` [s]."""
        if not self._use_rpm or self.target_rpm is None:
            return True
        clock = self.runtime.clock
        until_s = clock.monotonic() + timeout
        while clock.monotonic() < until_s:
            measured = self.measured_rpm
            if measured is not None and abs(measured.measured_rpm - self.target_rpm) <= abs_tolerance:
                return True
            if self._ended.wait(0.5):
                return False
        return False

    def _write_duty(self, duty_percent: float) -> None:
        before = self._fan.get_duty()
        self._fan.set_duty(duty_percent)
        self.duty_cycle = round(duty_percent, 5)
        if duty_percent != before:
            publish_duties(self)

    def _publish_rpm(self, rpm: float) -> None:
        self.measured_rpm = structs.MeasuredRPM(measured_rpm=rpm, timestamp=self.runtime.clock.now())


def start_stirring(
    target_rpm: float | None = None,
    unit: str | None = None,
    experiment: str | None = None,
    **options: bool | float | None,
) -> Stirrer:
    """Start stirring on this unit at `target_rpm`, by default the configured speed (0 stops the bar)."""
    return Stirrer(target_rpm, *context.current().place(unit, experiment), **options)  # type: ignore[arg-type]
