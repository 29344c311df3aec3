"""Holds growth back to a target with a drug in the alternative medium: the faster the culture grows, the more of it."""

from __future__ import annotations

from typing import Any, ClassVar

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, PumpDevice
from pioreactor.automations.dosing.base import DosingAutomationJob
from pioreactor.automations.events import AutomationEvent, DilutionEvent, NoEvent
from pioreactor.exc import InvalidRequestError
from pioreactor.jobs.settings import Setting
from pioreactor.science.pid import PidController

THIN = 0.7
"""Below this part of the target OD nothing is dosed: the culture would be washed out."""
DENSE, DENSE_FACTOR = 1.25, 2.5
"""Above this part of the target OD, so many times the volume is exchanged."""
MINUTES_PER_HOUR = 60.0
NEARLY_ALL, TOO_FAST, TOLERANT_AFTER_H = 0.95, 1.1, 3.0
"""So large a part of alternative media, so much above the target, for so long: the stock is too weak."""


class PIDMorbidostat(DosingAutomationJob):
    """Each `duration`, exchanges as much as the target growth rate would grow; a PID chooses the part of alt media."""

    automation_name = "pid_morbidostat"
    pumps: ClassVar[tuple[PumpDevice, ...]] = (MEDIA, ALT_MEDIA, WASTE)

    target_growth_rate = Setting[float](
        unit="h⁻¹", label="Target growth rate", ge=0, le=10,
        help="growth rate to hold the culture at",
    )  # fmt: skip
    target_normalized_od = Setting[float](
        unit="AU", label="Target nOD", ge=0, le=1e6,
        help="normalised OD around which doses are sized",
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
        **kwargs: Any,
    ) -> None:
        if target_growth_rate is None or target_normalized_od is None:
            raise InvalidRequestError(
                "a morbidostat needs targets", remedy="Give --target-growth-rate and --target-normalized-od."
            )
        super().__init__(duration=duration, **kwargs)
        self.target_growth_rate = type(self).target_growth_rate.parse(target_growth_rate)
        self.target_normalized_od = type(self).target_normalized_od.parse(target_normalized_od)
        gains = self.runtime.settings.pid_morbidostat
        # Growth above its target asks for more of the drug: the gains act the other way round.
        # A proportional rule alone stays above its target by as much as the drug has to be; see decision 12.
        integral = gains.trim if gains.Ki == 0 else gains.Ki
        self._pid = PidController(-gains.Kp, -integral, -gains.Kd, self.target_growth_rate, low=0.0, high=1.0)
        self._tolerant_h = 0.0
        self._smallest_ml = gains.minimum_dosing_volume_ml
        self.run_every(self.duration)

    def set_target_growth_rate(self, target_growth_rate: float) -> None:
        self.target_growth_rate = float(target_growth_rate)
        self._pid.set_setpoint(self.target_growth_rate)

    def execute(self) -> AutomationEvent:
        od, target_od = self.latest_normalized_od, self.target_normalized_od
        if od <= THIN * target_od:
            return NoEvent(f"nOD {od:.2f} is below {THIN:.0%} of its target {target_od:.2f}")
        hours = self.duration / MINUTES_PER_HOUR
        fraction = self._pid.update(self.latest_growth_rate, dt=hours)
        self._watch_tolerance(fraction, hours)
        volume_ml = round(self.target_growth_rate * self.current_volume_ml * hours, 4)
        if od > DENSE * target_od:
            volume_ml *= DENSE_FACTOR
        alt_media_ml, media_ml = (
            self._large_enough(fraction * volume_ml),
            self._large_enough((1 - fraction) * volume_ml),
        )
        if alt_media_ml + media_ml == 0:
            return NoEvent(f"{volume_ml:.3f} mL are too little to dose")
        moved = self.execute_io_action(alt_media_ml=alt_media_ml, media_ml=media_ml, waste_ml=alt_media_ml + media_ml)
        return DilutionEvent(
            f"{fraction:.0%} of the exchange is alternative media",
            {
                "latest_growth_rate": self.latest_growth_rate,
                "target_growth_rate": self.target_growth_rate,
                "alt_media_ml": moved["alt_media_ml"],
                "media_ml": moved["media_ml"],
            },
        )

    def _watch_tolerance(self, fraction: float, hours: float) -> None:
        """Tell, once, of a culture that grows too fast on alternative media alone: resistance rises here."""
        tolerates = fraction >= NEARLY_ALL and self.latest_growth_rate > TOO_FAST * self.target_growth_rate
        before_h, self._tolerant_h = self._tolerant_h, self._tolerant_h + hours if tolerates else 0.0
        if before_h < TOLERANT_AFTER_H <= self._tolerant_h:
            self.logger.warning(
                "Growth is %.2f/h, above its target of %.2f/h, although nearly all that is dosed is alternative media. "
                "The culture tolerates this stock: change the bottle for a stronger one.",
                self.latest_growth_rate, self.target_growth_rate,
            )  # fmt: skip

    def _large_enough(self, volume_ml: float) -> float:
        return volume_ml if volume_ml >= self._smallest_ml else 0.0
