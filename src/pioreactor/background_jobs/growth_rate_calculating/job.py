"""Job that estimates growth rate and filtered OD from each reading, accounting for doses."""

from __future__ import annotations

import math
from datetime import datetime

import msgspec

from pioreactor import structs, topics
from pioreactor.actions.bioreactor import vial_state
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.measurement import Measurement
from pioreactor.messaging.ports import Message
from pioreactor.science.growth_rate import Estimate, GrowthRateEstimator
from pioreactor.states import JobState

NORMALIZATION_CACHE = "od_normalization_mean"
STATE_CACHE = "growth_rate_state"
STATE_EVERY_S = 60.0
MAX_AGE_S = 3600.0
"""A message whose time stamp is older, or in the future, counts as new: the clock was stepped."""
BAND_95 = 1.96


class GrowthRateCalculator(BackgroundJob):
    """Estimate growth rate [1/h] and normalized OD from each OD reading and from what was dosed.

    Publishes `growth_rate` [1/h], `od_filtered` [OD relative to the start], and `estimate` with a 95 % band.
    """

    job_name = "growth_rate_calculating"

    growth_rate = Measurement[structs.GrowthRate](
        unit="h⁻¹", label="Growth rate", quantity="growth_rate", display=False
    )
    od_filtered = Measurement[structs.ODFiltered](label="Normalized OD", quantity="od_filtered", display=False)
    estimate = Measurement[structs.GrowthRateEstimate](
        label="Growth rate with its 95 % band", quantity="growth_rate_band", display=False
    )

    experiment_caches = (NORMALIZATION_CACHE, STATE_CACHE)

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit, experiment)
        clock = self.runtime.clock
        self._readings_for_norm = self.runtime.settings.growth_rate_calculating.samples_for_od_statistics
        self._time_base_s = clock.now().timestamp() - clock.monotonic()
        self._norms = self._stored_norms()
        self._skipped = 0
        """Readings that were not positive since the last one that was."""
        self._first_ods: dict[str, list[float]] = {}
        self._estimator = self._stored_estimator()
        self.every(STATE_EVERY_S, self._store_state)
        self.start_passive_listeners()

    def start_passive_listeners(self) -> None:
        source = self._source_topic()
        self.subscribe_and_callback(self._on_ods, source, allow_retained=False)
        dosing = topics.event(self.unit, self.experiment, "dosing_events")
        self.subscribe_and_callback(self._on_dose, dosing, allow_retained=False)

    def _source_topic(self) -> str:
        return topics.setting(self.unit, self.experiment, "od_reading", "ods")

    # ---- messages ----------------------------------------------------------------------------------------

    def _on_ods(self, message: Message) -> None:
        if self.state == JobState.SLEEPING or not message.payload:
            return
        try:
            readings = structs.decode(message.payload, structs.ODReadings)
        except msgspec.DecodeError as error:
            self.logger.warning("An unreadable OD message is skipped: %s.", error)
            return
        self.process({channel: reading.od for channel, reading in readings.ods.items()}, readings.timestamp)

    def _on_dose(self, message: Message) -> None:
        try:
            dose = structs.decode(message.payload, structs.DosingEvent)
        except msgspec.DecodeError as error:
            self.logger.warning("An unreadable dosing event is skipped: %s.", error)
            return
        if not dose.event.startswith("add_") or dose.source_of_event == "pump_calibration":
            return
        volume_ml = vial_state(self.runtime, self.experiment).current_volume_ml - max(dose.volume_change, 0.0)
        self._estimator.dose(self._time_of(dose.timestamp), dose.volume_change, max(volume_ml, 1.0))

    def process(self, ods: dict[str, float], timestamp: datetime) -> None:
        """Update the estimate with one reading per channel."""
        combined = self._combine(ods)
        if combined is None:
            return
        estimate = self._estimator.update(self._time_of(timestamp), combined)
        if estimate.outcome == "not_positive":
            self._skipped += 1
            if self._skipped == 1:
                self.logger.warning("The OD is not positive; readings are skipped until it is.")
            return
        if self._skipped:
            self.logger.info("The OD is positive again; %d readings were skipped.", self._skipped)
            self._skipped = 0
        self._publish_estimate(estimate, timestamp)

    def _time_of(self, timestamp: datetime) -> float:
        """Return a time [s] that is monotonic while this job runs and close to Unix time across restarts."""
        clock = self.runtime.clock
        age_s = (clock.now() - timestamp).total_seconds()
        if not 0 <= age_s <= MAX_AGE_S:
            age_s = 0.0
        return self._time_base_s + clock.monotonic() - age_s

    def _combine(self, ods: dict[str, float]) -> float | None:
        """Return the normalized OD: the geometric mean of the channels, each relative to its start; None at the start.

        A channel without a positive reading is skipped; one that joins later starts at the mean of the others.
        """
        positive = {channel: od for channel, od in ods.items() if od > 0}
        combined = self._relative_to_start(positive)
        for channel, od in positive.items():
            if channel not in self._norms:
                self._begin(channel, od / (combined if combined is not None else 1.0))
        if combined is None and any(channel in self._norms for channel in ods):
            begun = self._relative_to_start(positive)
            return begun if begun is not None else 0.0
        return combined

    def _relative_to_start(self, ods: dict[str, float]) -> float | None:
        """Return the geometric mean of the channels whose normalization is known; None if there are none."""
        relative = [od / self._norms[channel] for channel, od in ods.items() if channel in self._norms]
        return math.exp(sum(map(math.log, relative)) / len(relative)) if relative else None

    def _begin(self, channel: str, od: float) -> None:
        """Collect one of the first readings of a channel, which determine its normalization."""
        first = self._first_ods.setdefault(channel, [])
        first.append(od)
        if len(first) >= self._readings_for_norm:
            self._norms[channel] = _median(first)
            self._store_norms()

    def _publish_estimate(self, estimate: Estimate, timestamp: datetime) -> None:
        self.growth_rate = structs.GrowthRate(growth_rate=round(estimate.growth_rate, 6), timestamp=timestamp)
        self.od_filtered = structs.ODFiltered(od_filtered=round(estimate.od_filtered, 6), timestamp=timestamp)
        half_band = BAND_95 * estimate.growth_rate_sd
        self.estimate = structs.GrowthRateEstimate(
            growth_rate=round(estimate.growth_rate, 6),
            lower_95=round(estimate.growth_rate - half_band, 6),
            upper_95=round(estimate.growth_rate + half_band, 6),
            od_filtered=round(estimate.od_filtered, 6),
            pump_gain=round(estimate.pump_gain, 4),
            pump_gain_sd=round(estimate.pump_gain_sd, 4),
            noise_cv=round(estimate.noise_cv, 5),
            outlier=estimate.outlier,
            timestamp=timestamp,
        )

    # ---- stored state ------------------------------------------------------------------------------------

    def _stored_norms(self) -> dict[str, float]:
        stored = self.runtime.stores.persistent(NORMALIZATION_CACHE).get(self.experiment)
        try:
            return msgspec.json.decode(stored, type=dict[str, float]) if isinstance(stored, str | bytes) else {}
        except msgspec.DecodeError:
            self.logger.warning("The stored normalization is damaged; it is measured again.")
            return {}

    def _store_norms(self) -> None:
        text = msgspec.json.encode(self._norms).decode()
        self.runtime.stores.persistent(NORMALIZATION_CACHE).set(self.experiment, text)

    def _stored_estimator(self) -> GrowthRateEstimator:
        volume_ml = vial_state(self.runtime, self.experiment).current_volume_ml  # raises now what a dose would raise
        stored = self.runtime.stores.persistent(STATE_CACHE).get(self.experiment)
        if isinstance(stored, str | bytes) and self._norms:
            try:
                return GrowthRateEstimator.from_state(msgspec.json.decode(stored))
            except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
                self.logger.warning("The stored estimate cannot be used (%s); starting over.", error)
        return GrowthRateEstimator(vial_volume_ml=volume_ml)

    def _store_state(self) -> None:
        text = msgspec.json.encode(self._estimator.state()).decode()
        self.runtime.stores.persistent(STATE_CACHE).set(self.experiment, text)

    def on_disconnected(self) -> None:
        self._store_state()


def _median(values: list[float]) -> float:
    """Return the median; importing `statistics` would delay the start by 3 ms."""
    in_order, middle = sorted(values), len(values) // 2
    return in_order[middle] if len(values) % 2 else (in_order[middle - 1] + in_order[middle]) / 2
