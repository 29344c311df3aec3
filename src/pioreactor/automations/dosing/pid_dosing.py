"""Automation that holds any recorded quantity at a set point by the rate of a pump."""

from __future__ import annotations

from typing import ClassVar, Final, Unpack

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, PumpDevice
from pioreactor.automations.base import SECONDS_PER_MINUTE
from pioreactor.automations.dosing.base import DosingAutomationJob, DosingOptions
from pioreactor.automations.events import AutomationEvent, DilutionEvent, NoEvent
from pioreactor.automations.sensor_loop import SensorLoop
from pioreactor.exc import SettingError
from pioreactor.jobs.settings import Setting

DAY_S: Final = 86_400.0
LIQUIDS: Final = {"media": MEDIA, "alt_media": ALT_MEDIA}


class PIDDosing(SensorLoop, DosingAutomationJob):
    """Hold a measurement, such as pH, at a set point: a PID controller sets the rate of one pump."""

    automation_name = "pid_dosing"
    output_unit: ClassVar[str] = "mL/min"

    pump = Setting(
        "alt_media", label="Pump", choices=tuple(LIQUIDS), help="pump whose rate is the output: what its bottle holds"
    )
    max_rate_ml_per_min = Setting(
        0.2, unit="mL/min", label="Highest rate", ge=0, le=100, help="largest output of the controller"
    )
    smallest_dose_ml = Setting(
        0.05, unit="mL", label="Smallest dose", ge=0.001, le=10,
        help="less than that is added up until the pump can measure it",
    )  # fmt: skip
    max_daily_volume_ml = Setting(
        20.0, unit="mL", label="Most in 24 hours", ge=0, le=10_000,
        help="dosing is paused when so much was added within 24 hours",
    )  # fmt: skip
    tuning_volume_limit_ml = Setting(
        5.0, unit="mL", label="Volume for tuning", ge=0, le=10_000, help="tuning ends when so much was added for it"
    )
    remove_waste = Setting(True, label="Remove as much", help="keep the volume by removing as much as is added")
    duration = Setting(
        1.0, unit="min", label="Time between decisions", ge=0.05, le=100_000,
        help="time from one decision to the next",
    )  # fmt: skip

    def __init__(self, **options: Unpack[DosingOptions]) -> None:
        super().__init__(**options)
        self._owed_ml = 0.0
        """What the controller asked for and was too little for the pump."""
        self._doses: list[tuple[float, float]] = []
        """Moments [s] and volumes [mL] of the last 24 hours."""
        self._begin_loop()

    def used_pumps(self) -> tuple[PumpDevice, ...]:
        return (LIQUIDS[self.pump], WASTE) if self.remove_waste else (LIQUIDS[self.pump],)

    def set_pump(self, pump: str) -> None:
        """Refuse: whether a pump is calibrated is checked when dosing starts."""
        raise SettingError(f"the pump stays {self.pump} while it runs, and cannot become {pump}")

    def actuator(self) -> str:
        return self.pump

    def output_limits(self) -> tuple[float, float]:
        return 0.0, self.max_rate_ml_per_min

    def present_output(self) -> float:
        return 0.0

    def make_safe(self) -> None:
        self._owed_ml = 0.0

    def tuning_limit(self) -> str:
        since_s = self.runtime.clock.monotonic() - self.tuning_min * SECONDS_PER_MINUTE
        added_ml = sum(moved_ml for at_s, moved_ml in self._doses if at_s >= since_s)
        return f"{added_ml:.2f} mL were added for it" if added_ml > self.tuning_volume_limit_ml else ""

    def actuate(self, output: float, elapsed_min: float) -> AutomationEvent:
        longest_min = max(2 * self.duration, 1.0)
        self._owed_ml += output * min(elapsed_min, longest_min)
        if self._owed_ml < self.smallest_dose_ml:
            return NoEvent(f"{self._owed_ml:.3f} mL is below the smallest dose")
        volume_ml, self._owed_ml = self._owed_ml, 0.0
        if self._is_beyond_daily_volume(volume_ml):
            return NoEvent("the volume of a day is used up")
        moved_ml = self._add(volume_ml)
        self._doses.append((self.runtime.clock.monotonic(), moved_ml))
        return DilutionEvent(f"added {moved_ml:.3f} mL by the {self.pump} pump", {"volume_ml": moved_ml})

    def _add(self, volume_ml: float) -> float:
        """Add a volume and return how much moved [mL]."""
        name = f"{self.pump}_ml"
        if self.remove_waste:
            return self.execute_io_action(waste_ml=volume_ml, **{name: volume_ml})[name]
        with self._diagnostics.dose() as is_allowed:
            if not is_allowed or not self.has_room_for(volume_ml):
                return 0.0
            add = self.add_media_to_bioreactor if self.pump == "media" else self.add_alt_media_to_bioreactor
            return self.move_liquid(f"add_{self.pump}", add, volume_ml)

    def _is_beyond_daily_volume(self, volume_ml: float) -> bool:
        """Return whether this dose would be too much; then dosing is paused."""
        since_s = self.runtime.clock.monotonic() - DAY_S
        self._doses = [(at_s, moved_ml) for at_s, moved_ml in self._doses if at_s > since_s]
        added_ml = sum(moved_ml for _, moved_ml in self._doses)
        if added_ml + volume_ml <= self.max_daily_volume_ml:
            return False
        self.logger.error(
            "%.2f mL were added within 24 hours, and no more than %g mL may be. Dosing is paused: check the sensor and "
            "the bottle, then resume, or set max_daily_volume_ml.",
            added_ml, self.max_daily_volume_ml,
        )  # fmt: skip
        self.pause_soon()
        return True
