"""PID morbidostat: hold the growth rate at a target with a drug in the alternative medium."""

from __future__ import annotations

from typing import ClassVar, Unpack

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, PumpDevice
from pioreactor.automations.dosing.base import DosingAutomationJob, DosingOptions
from pioreactor.automations.events import AutomationEvent, DilutionEvent, NoEvent
from pioreactor.automations.latest_readings import Signal
from pioreactor.exc import InvalidRequestError
from pioreactor.jobs.settings import Setting
from pioreactor.science.pid import PidController

MIN_RELATIVE_OD = 0.7
"""Below this fraction of the target OD nothing is dosed, to prevent washout."""
HIGH_RELATIVE_OD, HIGH_OD_FACTOR = 1.25, 2.5
"""Above this fraction of the target OD the exchanged volume is multiplied by this factor."""
MINUTES_PER_HOUR = 60.0
TOLERANT_ALT_FRACTION, TOLERANT_RELATIVE_GROWTH, TOLERANT_AFTER_H = 0.95, 1.1, 3.0
"""The culture tolerates the stock when it grows this much faster than the target on this fraction for this long."""


class PIDMorbidostat(DosingAutomationJob):
    """Exchange at fixed times what the target growth rate adds; a PID controller sets how much of it is alternative."""

    automation_name = "pid_morbidostat"
    pumps: ClassVar[tuple[PumpDevice, ...]] = (MEDIA, ALT_MEDIA, WASTE)

    target_growth_rate = Setting[float](
        unit="h⁻¹", label="Target growth rate", ge=0, le=10,
        help="growth rate to hold the culture at", suggestion=0.1,
    )  # fmt: skip
    target_normalized_od = Setting[float](
        unit="AU", label="Target nOD", ge=0, le=1e6,
        help="normalized OD around which doses are sized", suggestion=1.5,
    )  # fmt: skip
    duration = Setting(
        60.0, unit="min", label="Time between decisions", ge=0.05, le=100_000,
        help="time from one decision to the next",
    )  # fmt: skip

    def __init__(
        self,
        target_growth_rate: float | str | None = None,
        target_normalized_od: float | str | None = None,
        duration: float | str = 60.0,
        **options: Unpack[DosingOptions],
    ) -> None:
        if target_growth_rate is None or target_normalized_od is None:
            raise InvalidRequestError(
                "a morbidostat needs targets", remedy="Give --target-growth-rate and --target-normalized-od."
            )
        super().__init__(duration=duration, **options)
        self.expect_od()
        self.target_growth_rate = type(self).target_growth_rate.parse(target_growth_rate)
        self.target_normalized_od = type(self).target_normalized_od.parse(target_normalized_od)
        gains = self.runtime.settings.pid_morbidostat
        # Growth above its target needs more of the drug, so the gains are negated.
        # Proportional control alone has a steady-state error; see decision 12.
        integral = gains.trim if gains.Ki == 0 else gains.Ki
        self._pid = PidController(-gains.Kp, -integral, -gains.Kd, self.target_growth_rate, low=0.0, high=1.0)
        self._tolerant_h = 0.0
        self._min_dose_ml = gains.minimum_dosing_volume_ml
        self.run_every(self.duration)

    def set_target_growth_rate(self, target_growth_rate: float) -> None:
        self.target_growth_rate = float(target_growth_rate)
        self._pid.set_setpoint(self.target_growth_rate)

    def signals(self) -> tuple[Signal, ...]:
        return self._normalized_od, self._growth_rate

    def execute(self) -> AutomationEvent:
        od, target_od = self.latest_normalized_od, self.target_normalized_od
        growth_rate, target_growth_rate = self.latest_growth_rate, self.target_growth_rate  # as when it was decided
        if od <= MIN_RELATIVE_OD * target_od:
            return NoEvent(f"nOD {od:.2f} is below {MIN_RELATIVE_OD:.0%} of its target {target_od:.2f}")
        hours = self.duration / MINUTES_PER_HOUR
        fraction = self._pid.update(growth_rate, dt=hours)
        self._check_tolerance(fraction, hours)
        volume_ml = round(target_growth_rate * self.current_volume_ml * hours, 4)
        if od > HIGH_RELATIVE_OD * target_od:
            volume_ml *= HIGH_OD_FACTOR
        alt_media_ml, media_ml = (
            self._zero_below_minimum(fraction * volume_ml),
            self._zero_below_minimum((1 - fraction) * volume_ml),
        )
        if alt_media_ml + media_ml == 0:
            return NoEvent(f"{volume_ml:.3f} mL is below the minimum dose")
        moved = self.execute_io_action(alt_media_ml=alt_media_ml, media_ml=media_ml, waste_ml=alt_media_ml + media_ml)
        return DilutionEvent(
            f"{fraction:.0%} of the exchange is alternative media",
            {
                "latest_growth_rate": growth_rate,
                "target_growth_rate": target_growth_rate,
                "alt_media_ml": moved["alt_media_ml"],
                "media_ml": moved["media_ml"],
            },
        )

    def _check_tolerance(self, fraction: float, hours: float) -> None:
        """Warn once when the culture grows too fast on alternative media alone."""
        tolerates = (
            fraction >= TOLERANT_ALT_FRACTION
            and self.latest_growth_rate > TOLERANT_RELATIVE_GROWTH * self.target_growth_rate
        )
        before_h, self._tolerant_h = self._tolerant_h, self._tolerant_h + hours if tolerates else 0.0
        if before_h < TOLERANT_AFTER_H <= self._tolerant_h:
            self.logger.warning(
                "The growth rate of %.2f/h is above its target of %.2f/h although nearly all of the dosed media is "
                "alternative media. The culture tolerates this drug concentration: use a stronger stock.",
                self.latest_growth_rate, self.target_growth_rate,
            )  # fmt: skip

    def _zero_below_minimum(self, volume_ml: float) -> float:
        return volume_ml if volume_ml >= self._min_dose_ml else 0.0
