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
    `dilution_rate`, is the nominal one times the pump gain that the growth rate estimator finds. It is published only
    if OD is calibrated, since scattered light is not proportional to density.
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

    nominal_dilution_rate = Measurement[float](unit="h⁻¹", label="Nominal dilution rate")
    dilution_rate = Measurement[float](unit="h⁻¹", label="Measured dilution rate")

    def __init__(
        self, exchange_volume_ml: float | str = 0.5, duration: float | str = 20.0, **options: Unpack[DosingOptions]
    ) -> None:
        super().__init__(duration=duration, **options)
        self.exchange_volume_ml = type(self).exchange_volume_ml.parse(exchange_volume_ml)
        self.run_every(self.duration, run_after_seconds=2.0)

    def execute(self) -> DilutionEvent:
        exchange_ml = self.exchange_volume_ml
        volume_ml = max(self.current_volume_ml, 1.0)
        moved = self.execute_io_action(media_ml=exchange_ml, waste_ml=exchange_ml)
        self._publish_dilution_rate(volume_ml, moved["media_ml"])
        return DilutionEvent(
            f"exchanged {moved['media_ml']:.2f} mL",
            {"exchange_volume_ml": exchange_ml, "volume_actually_cycled_ml": moved["media_ml"]},
        )

    def _publish_dilution_rate(self, volume_ml: float, exchanged_ml: float) -> None:
        per_h = math.log1p(exchanged_ml / volume_ml) * MINUTES_PER_HOUR / self.duration
        self.nominal_dilution_rate = round(per_h, 5)
        is_measured = self.is_pump_gain_known and self._growth_rate.is_fresh and self.is_od_calibrated
        self.dilution_rate = round(per_h * self.pump_gain, 5) if is_measured else None
