"""The last value of each quantity of a unit, and waiting for the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec

from pioreactor.measurements import parser_of, specs_of_topic
from pioreactor.messaging.ports import Message


@dataclass(frozen=True, slots=True)
class Quantity:
    """A recorded quantity as SiLA names it; `topic` is what follows unit and experiment."""

    display_name: str
    description: str
    topic: str


QUANTITIES: Final = {
    "OpticalDensity": Quantity(
        "Optical Density", "Optical density of photodiode channel 1, in the units of its calibration.", "od_reading/od1"
    ),
    "Temperature": Quantity(
        "Temperature", "Temperature of the liquid, in degrees Celsius.", "temperature_automation/temperature"
    ),
    "GrowthRate": Quantity(
        "Growth Rate", "Implied specific growth rate, per hour.", "growth_rate_calculating/growth_rate"
    ),
}


class Latest:
    """Values by identifier. To be used on one event loop."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._changed = asyncio.Event()

    def put(self, identifier: str, value: float) -> None:
        """Take a value and wake those who wait."""
        self._values[identifier] = value
        self._changed.set()
        self._changed = asyncio.Event()

    async def follow(self, identifier: str) -> AsyncIterator[float]:
        """Yield the last value, once there is one, and each that follows."""
        known: float | None = None
        while True:
            changed, value = self._changed, self._values.get(identifier)
            if value is not None and value != known:
                known = value
                yield value
            else:
                await changed.wait()


def measured(message: Message) -> float | None:
    """Return the value of a recorded quantity in a message; None for what cannot be read."""
    for spec in specs_of_topic(message.topic):
        try:
            row = parser_of(spec)(message.topic, message.payload)
        except (ValueError, TypeError, msgspec.DecodeError):
            return None
        value = row.get(spec.series.column) if isinstance(row, dict) and spec.series is not None else None
        if isinstance(value, float | int):
            return float(value)
    return None
