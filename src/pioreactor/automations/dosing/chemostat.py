"""Chemostat: exchange a fixed volume at a fixed interval, so that growth settles at the dilution rate."""

import math
from typing import Unpack

from pioreactor.automations.dosing.base import DosingAutomationJob, DosingOptions
from pioreactor.automations.events import DilutionEvent
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.settings import Setting

MINUTES_PER_HOUR = 60.0


class Chemostat(DosingAutomationJob):
    """Exchange a volume of culture for media at fixed times.

    The nominal dilution rate [1/h] is ln(1 + exchange volume / vial volume) · 60 / duration. The measured one,
    `dilution_rate`, is of what was pumped, times the pump gain that the growth rate estimator finds. It is published
    only if OD is calibrated, since scattered light is not proportional to density. While it is, the pump is asked for
    so much more or less that the exchange volume arrives; `correct_pump_gain` switches that off.
    """

    automation_name = "chemostat"

    exchange_volume_ml = Setting(
        0.5, unit="mL", label="Exchange volume", ge=0, le=10_000, le_by_model="reactor_capacity_ml",
        help="volume of each exchange",
    )  # fmt: skip
    duration = Setting(
        20.0, unit="min", label="Time between exchanges", ge=0.05, le=100_000,
        help="time from one exchange to the next",
    )  # fmt: skip
    correct_pump_gain = Setting(
        True, label="Correct for the pump gain",
        help="ask the pump for as much more or less as its measured gain requires, where OD is calibrated",
    )  # fmt: skip

    nominal_dilution_rate = Measurement[float](unit="h⁻¹", label="Nominal dilution rate")
    dilution_rate = Measurement[float](unit="h⁻¹", label="Measured dilution rate")

    def __init__(
        self,
        exchange_volume_ml: float | str = 0.5,
        duration: float | str = 20.0,
        correct_pump_gain: bool | str = True,
        **options: Unpack[DosingOptions],
    ) -> None:
        super().__init__(duration=duration, **options)
        self.correct_pump_gain = type(self).correct_pump_gain.parse(correct_pump_gain)
        self.exchange_volume_ml = type(self).exchange_volume_ml.parse(exchange_volume_ml)
        self.run_every(self.duration, run_after_seconds=2.0)

    def execute(self) -> DilutionEvent:
        exchange_ml = self.exchange_volume_ml
        volume_ml = max(self.current_volume_ml, 1.0)
        gain = self._measured_gain()
        share = 1.0 if gain is None or not self.correct_pump_gain else gain
        moved_ml = self.execute_io_action(media_ml=exchange_ml / share, waste_ml=exchange_ml / share)["media_ml"]
        self.nominal_dilution_rate = self._dilution_rate_of(moved_ml * share / volume_ml)
        self.dilution_rate = None if gain is None else self._dilution_rate_of(moved_ml * gain / volume_ml)
        return DilutionEvent(
            f"exchanged {moved_ml:.2f} mL",
            {"exchange_volume_ml": exchange_ml, "volume_actually_cycled_ml": moved_ml},
        )

    def _measured_gain(self) -> float | None:
        """Return the pump gain, or None where OD does not show it."""
        is_measured = self.is_pump_gain_known and self._growth_rate.is_fresh and self.is_od_calibrated
        return self.pump_gain if is_measured else None

    def _dilution_rate_of(self, exchanged: float) -> float:
        """Return the dilution rate [1/h] of an exchange, given as a share of the vial's volume."""
        return round(math.log1p(exchanged) * MINUTES_PER_HOUR / self.duration, 5)
