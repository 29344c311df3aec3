"""Fed batch: add media at a fixed interval, remove nothing."""

from typing import ClassVar, Unpack

from pioreactor.actions.dosing import MEDIA, PumpDevice
from pioreactor.automations.dosing.base import DosingAutomationJob, DosingOptions
from pioreactor.automations.events import AddMediaEvent, AutomationEvent, ErrorOccurred
from pioreactor.jobs.settings import Setting


class FedBatch(DosingAutomationJob):
    """Add a volume of media at fixed times until the vial is full, then pause."""

    automation_name = "fed_batch"
    pumps: ClassVar[tuple[PumpDevice, ...]] = (MEDIA,)

    dosing_volume_ml = Setting(
        1.0, unit="mL", label="Dosing volume", ge=0, le=10_000, le_by_model="reactor_capacity_ml",
        help="volume of each feeding",
    )  # fmt: skip
    duration = Setting(
        720.0, unit="min", label="Time between feedings", ge=0.05, le=100_000,
        help="time from one feeding to the next",
    )  # fmt: skip

    def __init__(
        self, dosing_volume_ml: float | str = 1.0, duration: float | str = 720.0, **options: Unpack[DosingOptions]
    ) -> None:
        super().__init__(duration=duration, **options)
        self.dosing_volume_ml = type(self).dosing_volume_ml.parse(dosing_volume_ml)
        self.run_every(self.duration)

    def execute(self) -> AutomationEvent:
        if not self.has_room_for(self.dosing_volume_ml):
            return ErrorOccurred("the vial is full")
        with self._diagnostics.dose() as is_allowed:
            if not is_allowed:
                return ErrorOccurred("the last doses had no effect")
            moved_ml = self.move_liquid("add_media", self.add_media_to_bioreactor, self.dosing_volume_ml)
        return AddMediaEvent(f"added {moved_ml:.2f} mL", {"volume_actually_moved_ml": moved_ml})
