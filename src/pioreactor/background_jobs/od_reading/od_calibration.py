"""Corrections of raw readings: blank, calibration, and fusion over angles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from pioreactor import structs
from pioreactor.calibrations import store as calibrations
from pioreactor.calibrations.conditions import warn_of_differences
from pioreactor.calibrations.models import CalibrationBase, ODCalibration
from pioreactor.clock.ports import Clock
from pioreactor.estimators import store as estimators
from pioreactor.estimators.models import ODFusionEstimator
from pioreactor.exc import CalibrationError, ConflictError, UnusableCalibrationError
from pioreactor.observability.log import CustomLogger
from pioreactor.runtime.context import Runtime
from pioreactor.science.curves import AboveDomainError, BelowDomainError, NoSolutionError
from pioreactor.types import PdAngle, PdChannel

BLANK_CACHE = "od_blank"
REPEAT_AFTER_S = 300.0
ODs = Mapping[PdChannel, structs.ODReading]


@dataclass
class RateLimitedLogger:
    """Logger that repeats a message at most every five minutes."""

    clock: Clock
    logger: CustomLogger
    _logged_s: dict[str, float] = field(default_factory=dict)

    def warn(self, key: str, message: str, *args: object) -> None:
        if self._is_due(key):
            self.logger.warning(message, *args)

    def error(self, key: str, message: str, *args: object) -> None:
        if self._is_due(key):
            self.logger.error(message, *args)

    def forget(self, key: str) -> None:
        """Log the next occurrence immediately."""
        self._logged_s.pop(key, None)

    def _is_due(self, key: str) -> bool:
        now_s = self.clock.monotonic()
        last_s = self._logged_s.get(key)
        if last_s is not None and now_s - last_s < REPEAT_AFTER_S:
            return False
        self._logged_s[key] = now_s
        return True


class Blanks:
    """Signals of the channels without a culture, which are subtracted from readings."""

    def __init__(self, blanks: Mapping[PdChannel, float]) -> None:
        self._blanks = dict(blanks)

    @classmethod
    def load(cls, runtime: Runtime, experiment: str) -> Blanks | None:
        """Return the blanks of an experiment, or None."""
        stored = runtime.stores.persistent(BLANK_CACHE).get(experiment)
        if not isinstance(stored, str | bytes):
            return None
        return cls(msgspec.json.decode(stored, type=dict[PdChannel, float]))

    def subtracted(self, channel: PdChannel, od: float) -> float:
        return od - self._blanks.get(channel, 0.0)


class ODCalibrations:
    """The active calibrations of the channels that have one."""

    def __init__(self, by_channel: Mapping[PdChannel, CalibrationBase], limited_log: RateLimitedLogger) -> None:
        self._by_channel = dict(by_channel)
        self._limited_log = limited_log

    @classmethod
    def load(
        cls, runtime: Runtime, angles: Mapping[PdChannel, PdAngle], limited_log: RateLimitedLogger
    ) -> ODCalibrations:
        """Look up `od<angle>` for each angle; a calibration counts for the channel that it was made with.

        An unusable one is logged as an error and leaves the channel uncalibrated. Raise `CalibrationError` when an
        active calibration is missing, damaged, or holds nothing recorded.
        """
        found: dict[PdChannel, CalibrationBase] = {}
        for angle in dict.fromkeys(angles.values()):
            try:
                calibration = calibrations.load_active(runtime, f"od{angle}")
            except UnusableCalibrationError as error:
                limited_log.logger.error("%s. The signal of %s° is not calibrated. %s", error, angle, error.remedy)
                continue
            if calibration is None:
                continue
            name = calibration.calibration_name
            if not calibration.recorded_data.get("x"):
                raise CalibrationError(f"calibration {name!r} of od{angle} has no recorded data")
            channels = [channel for channel, its_angle in angles.items() if its_angle == angle]
            channel = getattr(calibration, "pd_channel", channels[0])
            if channel not in channels:
                limited_log.logger.warning(
                    "Calibration %s of od%s was made with photodiode %s, which is not at %s° here; it is not used.",
                    name,
                    angle,
                    channel,
                    angle,
                )
                continue
            # The intensity is checked with that of each reading, as it may be chosen at start.
            warn_of_differences(limited_log.logger, runtime, f"od{angle}", calibration, only=("rpm",))
            found[channel] = calibration
        return cls(found, limited_log)

    def __len__(self) -> int:
        return len(self._by_channel)

    def __contains__(self, channel: object) -> bool:
        return channel in self._by_channel

    def common_intensity(self) -> float | None:
        """Return the IR intensity [%] that all of them were made with, or None if they differ."""
        made_with = {c.ir_led_intensity for c in self._by_channel.values() if isinstance(c, ODCalibration)}
        return made_with.pop() if len(made_with) == 1 else None

    def check_intensity(self, ir_led_intensity: float) -> None:
        """Raise `CalibrationError` when one was made with another IR intensity [%]."""
        for calibration in self._by_channel.values():
            made_with = getattr(calibration, "ir_led_intensity", ir_led_intensity)
            if made_with != ir_led_intensity:
                raise CalibrationError(
                    f"calibration {calibration.calibration_name!r} was made with the IR LED at {made_with:g} %, "
                    f"and it is at {ir_led_intensity:g} %",
                    remedy=f"Set ir_led_intensity to {made_with:g}, or use another calibration.",
                )

    def calibrated(self, raw: structs.ODReading) -> structs.CalibratedODReading:
        """Return a reading of a calibrated channel in the calibration's units, limited to the recorded range."""
        calibration = self._by_channel[raw.channel]
        return structs.CalibratedODReading(
            timestamp=raw.timestamp,
            angle=raw.angle,
            od=round(self._od(calibration, raw), 10),
            channel=raw.channel,
            ir_led_intensity=raw.ir_led_intensity,
            calibration_name=calibration.calibration_name,
        )

    def _od(self, calibration: CalibrationBase, raw: structs.ODReading) -> float:
        try:
            return calibration.y_to_x(raw.od, enforce_bounds=True)
        except (NoSolutionError, BelowDomainError, AboveDomainError):
            nearest = _nearest_recorded(calibration, raw.od)
            self._limited_log.warn(
                f"domain {raw.channel}",
                "Photodiode %s reads %.4g, outside the range of calibration %s; %.4g is reported instead.",
                raw.channel,
                raw.od,
                calibration.calibration_name,
                nearest,
            )
            return nearest


def _nearest_recorded(calibration: CalibrationBase, y: float) -> float:
    """Return the recorded x of the smallest or largest recorded y, whichever is closer to y."""
    recorded = list(zip(calibration.recorded_data["y"], calibration.recorded_data["x"], strict=True))
    smallest, largest = min(recorded), max(recorded)
    return smallest[1] if abs(y - smallest[0]) <= abs(y - largest[0]) else largest[1]


class FusedOD:
    """The active estimator over several angles."""

    def __init__(self, estimator: ODFusionEstimator, limited_log: RateLimitedLogger) -> None:
        self.estimator = estimator
        self._limited_log = limited_log

    @classmethod
    def load(cls, runtime: Runtime, limited_log: RateLimitedLogger) -> FusedOD | None:
        """Return the active estimator, or None; raise `CalibrationError` when it is missing or damaged."""
        try:
            estimator = estimators.load_active(runtime, estimators.OD_FUSED)
        except UnusableCalibrationError as error:
            limited_log.logger.error("%s. Fused OD is not computed. %s", error, error.remedy)
            return None
        return cls(estimator, limited_log) if isinstance(estimator, ODFusionEstimator) else None

    def estimate(self, raw: ODs) -> float | None:
        """Return the fused density of one moment, or None (with a rate-limited warning) if it cannot be computed."""
        estimator, fusion = self.estimator, self.estimator.fusion
        by_angle: dict[str, list[float]] = {}
        for reading in raw.values():
            if reading.ir_led_intensity != estimator.ir_led_intensity:
                self._limited_log.warn(
                    "fusion intensity",
                    "No fused OD: estimator %s was made with the IR LED at %g %%, and it is at %g %%.",
                    estimator.estimator_name,
                    estimator.ir_led_intensity,
                    reading.ir_led_intensity,
                )
                return None
            by_angle.setdefault(reading.angle, []).append(reading.od)
        try:
            fused = fusion.estimate({angle: sum(ods) / len(ods) for angle, ods in by_angle.items()})
        except CalibrationError as error:
            self._limited_log.warn("fusion", "No fused OD: %s.", error)
            return None
        if fusion.is_at_bound(fused):
            self._limited_log.warn(
                "fusion bound", "Fused OD %.4g lies at a bound of estimator %s.", fused, estimator.estimator_name
            )
        return fused


@dataclass(frozen=True)
class Corrections:
    """All corrections that apply to raw readings of a unit in an experiment."""

    blanks: Blanks | None
    calibrations: ODCalibrations
    fused: FusedOD | None

    @classmethod
    def nothing(cls, limited_log: RateLimitedLogger) -> Corrections:
        """Leave raw readings as they are."""
        return cls(None, ODCalibrations({}, limited_log), None)

    @classmethod
    def load(
        cls, runtime: Runtime, experiment: str, angles: Mapping[PdChannel, PdAngle], logger: CustomLogger
    ) -> Corrections:
        """Load the corrections; raise `ConflictError` for a blank with a calibration or estimator, which include it."""
        limited_log = RateLimitedLogger(runtime.clock, logger)
        blanks = Blanks.load(runtime, experiment)
        made = cls(blanks, ODCalibrations.load(runtime, angles, limited_log), FusedOD.load(runtime, limited_log))
        if blanks is not None and (len(made.calibrations) or made.fused is not None):
            what = "an active OD calibration" if len(made.calibrations) else "an active fusion estimator"
            raise ConflictError(
                f"experiment {experiment} has a blank, which cannot be combined with {what}",
                remedy="Delete the blank (pio run od_blank delete), or set no calibration and no estimator active.",
            )
        return made
