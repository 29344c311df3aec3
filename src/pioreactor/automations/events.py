"""Events of automations, published at `…/<kind>_automation/latest_event`."""

from __future__ import annotations

from datetime import datetime

from pioreactor import structs


class AutomationEvent:
    """Something an automation did; `data` can be encoded as JSON. `timestamp`: when, None for when it is published."""

    def __init__(
        self,
        message: str | None = None,
        data: dict[str, object] | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        self.message = message
        self.data = data
        self.timestamp = timestamp

    @property
    def human_readable_name(self) -> str:
        return type(self).__name__

    def display(self) -> str:
        return self.human_readable_name if self.message is None else f"{self.human_readable_name}: {self.message}"

    def __str__(self) -> str:
        return self.display()

    def to_struct(self, now: datetime | None = None) -> structs.AutomationEvent:
        """Return the payload; an event without a time of its own is of `now`."""
        return structs.AutomationEvent(
            event_name=self.human_readable_name,
            message=self.message,
            data=self.data,
            timestamp=self.timestamp if self.timestamp is not None else now,
        )


class NoEvent(AutomationEvent):
    """Nothing had to be done."""


class DilutionEvent(AutomationEvent):
    """Part of the culture was exchanged for media."""


class DosingStarted(AutomationEvent):
    """The pumps are about to start."""


class DosingStopped(AutomationEvent):
    """The pumps have stopped."""


class AddMediaEvent(AutomationEvent):
    """Media was added."""


class AddAltMediaEvent(AutomationEvent):
    """Alternative media was added."""


class ChangedLedIntensity(AutomationEvent):
    """An LED was set."""


class UpdatedHeaterDC(AutomationEvent):
    """The heater was set."""


class LoopTuned(AutomationEvent):
    """The gains of a controller were measured."""


class ErrorOccurred(AutomationEvent):
    """An action failed."""
