"""Exchanges a fixed volume at fixed times: growth settles at the dilution rate."""

from typing import Any

from pioreactor.automations.dosing.base import DosingAutomationJob
from pioreactor.automations.events import DilutionEvent
from pioreactor.jobs.settings import Setting


class Chemostat(DosingAutomationJob):
    """Dilution rate [1/h] = exchange volume / vial volume · 60 / duration."""

    automation_name = "chemostat"

    exchange_volume_ml = Setting(
        0.5, settable=True, unit="mL", label="Exchange volume", at_least=0, at_most=20, help="volume of each exchange"
    )
    duration = Setting(
        20.0, settable=True, unit="min", label="Time between exchanges", at_least=0.05, at_most=100_000,
        help="time from one exchange to the next",
    )  # fmt: skip

    def __init__(self, exchange_volume_ml: float | str = 0.5, duration: float | str = 20.0, **kwargs: Any) -> None:
        super().__init__(duration=duration, **kwargs)
        self.exchange_volume_ml = float(exchange_volume_ml)
        self.run_every(self.duration, run_after_seconds=2.0)

    def execute(self) -> DilutionEvent:
        exchange_ml = self.exchange_volume_ml
        moved = self.execute_io_action(media_ml=exchange_ml, waste_ml=exchange_ml)
        return DilutionEvent(
            f"exchanged {moved['media_ml']:.2f} mL",
            {"exchange_volume_ml": exchange_ml, "volume_actually_cycled_ml": moved["media_ml"]},
        )
