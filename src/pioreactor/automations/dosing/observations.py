"""Readings of other jobs that dosing automations and their diagnostics use, beside OD and growth rate."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from pioreactor.automations.diagnostics.ports import Observation, PumpGainEstimated, StirringMeasured
from pioreactor.structs.readings import MeasuredRPM, Temperature

if TYPE_CHECKING:
    from pioreactor.automations.base import AutomationJob
    from pioreactor.messaging.ports import Message

MAX_TIMESTAMP_AGE_S = 3600.0
"""A reading with an older timestamp, or one in the future, counts as new: the wall clock was stepped."""
MIN_GAIN, MAX_GAIN = 0.5, 2.0
"""Estimates of the pump gain outside this range have other causes than the pump."""
KNOWN_GAIN_SD = 0.07
"""The estimate starts from 1 ± 0.1; below this standard deviation it has been updated by doses."""


class _Estimate(msgspec.Struct):
    """The part of an estimate of `growth_rate_calculating` that is used here."""

    pump_gain: float | None = None
    pump_gain_sd: float | None = None
    od_filtered: float | None = None


class DosingObservations:
    """State of pump, stirrer and temperature as last published; changes are passed on as observations."""

    def __init__(
        self, job: AutomationJob, volume_ml: Callable[[], float], observe: Callable[[Observation], object]
    ) -> None:
        self._job = job
        self._clock = job.runtime.clock
        self._observe = observe
        self._volume_ml = volume_ml
        self._stirring: dict[str, float] = {}
        """The last `duty_cycle` [%] and `target_rpm` of the stirrer."""
        self._celsius: float | None = None
        self.pump_gain = 1.0
        """Volume delivered over volume requested."""
        self.is_pump_gain_known = False

    def subscribe(self) -> None:
        """Subscribe to the readings, on the lane of the job."""
        subscribe = self._job.subscribe_to_setting
        subscribe("growth_rate_calculating", "estimate", self._on_estimate)
        subscribe("stirring", "duty_cycle", self._on_stirring, allow_retained=True)
        subscribe("stirring", "target_rpm", self._on_stirring, allow_retained=True)
        subscribe("stirring", "measured_rpm", self._on_measured_rpm)
        subscribe("temperature_automation", "temperature", self._on_temperature, allow_retained=True)

    def monotonic_time(self, at: datetime | None) -> float:
        """Return the monotonic time [s] of a timestamp: a message may have waited while pumps ran."""
        age_s = 0.0 if at is None else (self._clock.now() - at).total_seconds()
        return self._clock.monotonic() - (age_s if 0 <= age_s <= MAX_TIMESTAMP_AGE_S else 0.0)

    def _on_stirring(self, message: Message) -> None:
        self._stirring[message.topic.rsplit("/", 1)[1]] = float(message.payload)

    def _on_measured_rpm(self, message: Message) -> None:
        """Pass on a speed with the duty cycle at which it was measured: the stirrer corrects the duty afterwards."""
        measured = msgspec.json.decode(message.payload, type=MeasuredRPM)
        duty, target = self._stirring.get("duty_cycle"), self._stirring.get("target_rpm")
        if duty is None or not target:
            return
        self._observe(
            StirringMeasured(
                self.monotonic_time(measured.timestamp),
                duty_percent=duty,
                rpm=measured.measured_rpm,
                target_rpm=target,
                volume_ml=self._volume_ml(),
                celsius=self._celsius,
            )
        )

    def _on_temperature(self, message: Message) -> None:
        self._celsius = msgspec.json.decode(message.payload, type=Temperature).temperature

    def _on_estimate(self, message: Message) -> None:
        estimate = msgspec.json.decode(message.payload, type=_Estimate)
        gain, sd, od = estimate.pump_gain, estimate.pump_gain_sd, estimate.od_filtered
        if gain is None or not MIN_GAIN <= gain <= MAX_GAIN:
            return
        self.pump_gain = gain
        self.is_pump_gain_known = sd is not None and sd < KNOWN_GAIN_SD
        if sd is not None and od is not None and od > 0:
            self._observe(PumpGainEstimated(self._clock.monotonic(), gain, sd, math.log(od)))
