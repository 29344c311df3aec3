"""A plugin that adds a dosing automation; its last setting has neither label nor unit."""

from pioreactor.automations.dosing.base import DosingAutomationJob
from pioreactor.automations.events import DilutionEvent
from pioreactor.jobs.settings import Setting


class Drip(DosingAutomationJob):
    """Exchange a small volume every `duration` minutes while the culture is dense enough."""

    automation_name = "drip"

    volume_ml = Setting(0.2, unit="mL", label="Volume", ge=0, le=5)
    target_biomass = Setting(2.5, unit="OD", label="Target biomass", ge=0, le=50)
    duration = Setting(10.0, unit="min", label="Interval", ge=0.05, le=1000)
    drops_kept = Setting(3.0, ge=0, le=10)

    def execute(self) -> DilutionEvent:
        moved = self.execute_io_action(media_ml=self.volume_ml, waste_ml=self.volume_ml)
        return DilutionEvent(f"exchanged {moved['media_ml']:.2f} mL", {**moved})
