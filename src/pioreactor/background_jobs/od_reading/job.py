"""Job that reads optical density at an interval and publishes it per photodiode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import ClassVar, Literal, Self

import msgspec

from pioreactor import error_codes, structs
from pioreactor.background_jobs.od_reading.dosing_pause import DosingPause
from pioreactor.background_jobs.od_reading.ir_led_intensity import MAX_CHOSEN, WEAR_LIMIT, choose_intensity
from pioreactor.background_jobs.od_reading.led_isolation import ReadingLight
from pioreactor.background_jobs.od_reading.light_monitor import LightMonitor
from pioreactor.background_jobs.od_reading.od_calibration import Corrections, RateLimitedLogger
from pioreactor.background_jobs.od_reading.photodiode_sampling import (
    BRIGHT_VOLTS,
    TOO_BRIGHT_VOLTS,
    Levels,
    PhotodiodeArray,
    channels_of_roles,
    configured_channels,
)
from pioreactor.background_jobs.od_reading.published_readings import PublishedReadings
from pioreactor.background_jobs.od_reading.reference_photodiode import Reference
from pioreactor.exc import (
    CalibrationError,
    ConfigurationError,
    HardwareError,
    HardwareNotFoundError,
    StoppedError,
)
from pioreactor.jobs.dodging import SCHEDULE_CACHE, ODSchedule
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.jobs.start_option import FAKE_DATA, StartOption
from pioreactor.runtime import context
from pioreactor.runtime.lane import LaneTimer
from pioreactor.settings.sections import OdReadingSettings
from pioreactor.states import JobState
from pioreactor.types import PdAngle, PdChannel

READING_S = 1.0
CONFIGURED_INTERVAL = -1.0
"""Stands for the interval of the configuration."""

ReadCallback = Callable[["ODReader", structs.ODReadings], None]
PreReadCallback = Callable[["ODReader"], None]


class ODReader(PublishedReadings):
    """Read optical density: light the culture with the IR LED, read the photodiodes, divide by the reference.

    Iterating over a running reader gives each `ODReadings` as it is made.
    """

    job_name = "od_reading"

    ir_led_intensity = Setting[float](
        config=(OdReadingSettings, "ir_led_intensity"),
        label="IR LED intensity",
        display=False,
        help="intensity of the IR LED during a reading",
    )
    interval = Setting[float | None](
        unit="s", label="Time between OD readings", ge=1.0, le=86_400, help="time from one reading to the next"
    )
    first_od_obs_time = Status[float](unit="s", display=False)

    start_options = (
        FAKE_DATA,
        StartOption("snapshot", "Take one reading, print it as JSON, and end."),
    )

    _pre_read: ClassVar[list[PreReadCallback]] = []
    _post_read: ClassVar[list[ReadCallback]] = []

    def __init__(
        self,
        channel_angle_map: Mapping[PdChannel, PdAngle],
        interval: float | None,
        unit: str,
        experiment: str,
        *,
        reference_channel: PdChannel | None = None,
        ir_led_intensity: float | None = None,
        calibrated: bool = True,
    ) -> None:
        """`calibrated=False` reads without calibration, blank and fusion, for making calibrations."""
        super().__init__(unit, experiment)
        self._timer: LaneTimer | None = None
        self._fresh = self.runtime.clock.signal()
        self._release_light: Callable[[], None] | None = None
        if not channel_angle_map:
            raise ConfigurationError(
                "no photodiode is configured",
                remedy="Give at least one channel an angle in [od_config.photodiode_channel].",
            )
        config = self.runtime.settings.od_reading
        self._angles = dict(channel_angle_map)
        self._reference_channel = reference_channel
        self._darken_others = config.turn_off_leds_during_reading
        self._settle_s = config.duration_between_led_off_and_od_reading
        self._newest: list[structs.ODReadings] = []
        self._reference: Reference | None = None
        self._is_failing = False
        self._dosing_pause = DosingPause(self)
        self._light_monitor = LightMonitor(self.report_diagnosis)
        self._limited_log = RateLimitedLogger(self.runtime.clock, self.logger)
        if interval is not None:
            self._check("interval", interval)
        self.interval = interval
        self._corrections = (
            Corrections.load(self.runtime, experiment, self._angles, self.logger)
            if calibrated
            else Corrections.nothing(self._limited_log)
        )
        self._array = self._open_photodiodes()
        self._light = self._open_light()
        self._release_light = self._light.release
        chosen = (
            config.ir_led_intensity if ir_led_intensity is None else self._check("ir_led_intensity", ir_led_intensity)
        )
        self._prepare(chosen, use_dark_offsets=config.use_dark_offsets)
        if reference_channel is not None:
            self._reference = self._open_reference(reference_channel, config.pd_reference_ema)

    @classmethod
    def run_from_options(cls, **options: object) -> str | None:
        given, intensity = options.get("interval"), options.get("ir_led_intensity")
        is_snapshot = bool(options.get("snapshot"))
        interval_s = None if is_snapshot else given if isinstance(given, float) else CONFIGURED_INTERVAL
        ir_led_intensity = intensity if isinstance(intensity, float) else None
        with start_od_reading(interval=interval_s, ir_led_intensity=ir_led_intensity) as reader:
            if options.get(FAKE_DATA.name):
                reader.logger.warning("These readings are of a simulated culture (--fake-data).")
            if is_snapshot:
                return str(reader.record())
            reader.block_until_disconnected()
        return None

    @classmethod
    def _check(cls, name: str, value: float) -> float:
        return float(cls.settings()[name].check(value))

    @classmethod
    def add_pre_read_callback(cls, callback: PreReadCallback) -> None:
        """Call `callback(reader)` on the lane before each reading, for plugins."""
        cls._pre_read.append(callback)

    @classmethod
    def add_post_read_callback(cls, callback: ReadCallback) -> None:
        """Call `callback(reader, readings)` on the lane after each reading, for plugins."""
        cls._post_read.append(callback)

    # ---- start -------------------------------------------------------------------------------------------

    def _open_photodiodes(self) -> PhotodiodeArray:
        rig = self.runtime.open_rig()
        if not rig.is_hat_present():
            raise HardwareNotFoundError("OD reading needs the Pioreactor HAT, which does not respond")
        channels = [*self._angles, *([self._reference_channel] if self._reference_channel is not None else [])]
        return PhotodiodeArray(
            {channel: rig.photodiode(channel) for channel in sorted(channels)},
            self.runtime.clock,
            mains_hz=self.runtime.settings.od_reading.local_ac_hz,
            should_continue=lambda: not self._lane.stopping,
        )

    def _open_light(self) -> ReadingLight:
        channel = self.runtime.settings.led_channel_of.get("IR")
        if channel is None:
            raise ConfigurationError(
                "no LED is configured as IR", remedy="Name the IR LED's channel in [leds], for example A=IR."
            )
        return ReadingLight(self.runtime, channel, owner=self.owner, later=self.later, logger=self.logger)

    def _prepare(self, chosen: float | Literal["auto"], *, use_dark_offsets: bool) -> None:
        """Measure the dark offsets; then, with the IR LED on, select gains and, for `auto`, its intensity."""
        if use_dark_offsets:
            with self._light.reading(0.0, darken_others=True):
                self.sleep(self._settle_s)
                self._array.measure_dark()
        known = self._corrections.calibrations.common_intensity() if chosen == "auto" else chosen
        self.ir_led_intensity = MAX_CHOSEN if known is None else known
        levels = self._try_light()
        if known is None:
            self.ir_led_intensity = choose_intensity(levels.volts, self._reference_channel)
            self.logger.info("The intensity of the IR LED is %g %%.", self.ir_led_intensity)
            levels = self._try_light()
        self._check_intensity(self.ir_led_intensity)
        if levels.brightest_volts > TOO_BRIGHT_VOLTS:
            raise HardwareError(
                f"photodiode {levels.brightest} reads {levels.brightest_volts:.2f} V, too much for its converter",
                remedy="Lower ir_led_intensity, and keep other light away from the vial.",
            )

    def _try_light(self) -> Levels:
        with self._light.reading(self.ir_led_intensity, darken_others=self._darken_others):
            self.sleep(self._settle_s)
            return self._array.fit_ranges()

    def _check_intensity(self, intensity: float) -> None:
        if intensity > WEAR_LIMIT:
            self.logger.warning("The IR LED wears fast above %g %%; it is set to %g %%.", WEAR_LIMIT, intensity)
        try:
            self._corrections.calibrations.check_intensity(intensity)
        except CalibrationError as error:
            self.logger.warning("No calibrated OD: %s.", error)

    def _open_reference(self, channel: PdChannel, ema: float) -> Reference:
        scale = 1.0
        if self.runtime.settings.od_reading.ref_normalization == "unity":
            cache = self.runtime.stores.persistent("ir_led_reference_normalization")
            stored = cache.get(self.experiment)
            if not isinstance(stored, int | float) or not stored > 0:
                stored = self._first_reference_volts(channel)
                cache.set(self.experiment, stored)
            scale = float(stored)
        return Reference(scale, self.interval if self.interval is not None else 5.0, ema)

    def _first_reference_volts(self, channel: PdChannel) -> float:
        volts = self._read_lit().volts[channel]
        if volts <= 0:
            raise HardwareError(
                f"the reference photodiode (channel {channel}) reads {volts:.4f} V with the IR LED on",
                remedy="Check that the IR LED and the reference photodiode are plugged in and in their pockets.",
            )
        return volts

    def on_init_to_ready(self) -> None:
        if self._reference is not None:
            self._dosing_pause.start()
        if self.interval is not None:
            self._schedule(self.interval, first_after_s=0.0)

    # ---- changes -----------------------------------------------------------------------------------------

    def set_interval(self, interval: float) -> None:
        """Read every `interval` [s] from now on; the next reading is one interval away."""
        checked = self._check("interval", interval)
        self.interval = checked
        if self._reference is not None:
            self._reference.interval_s = checked
        if self.state != JobState.SLEEPING:
            self._schedule(checked, first_after_s=checked)

    def set_ir_led_intensity(self, intensity: float) -> None:
        """Set the intensity of the IR LED [%] from the next reading on."""
        self.ir_led_intensity = self._check("ir_led_intensity", intensity)
        self._array.widen()
        if self._reference is not None:
            self._reference.restart()
        self._light_monitor.restart()
        self._check_intensity(self.ir_led_intensity)

    def _schedule(self, interval_s: float, *, first_after_s: float) -> None:
        self._cancel_timer()
        if interval_s <= READING_S:
            self.logger.warning(
                "A reading takes about %g s; at an interval of %g s some are skipped.", READING_S, interval_s
            )
        clock = self.runtime.clock
        schedule = ODSchedule(clock.monotonic() + first_after_s, interval_s)
        self.runtime.stores.volatile(SCHEDULE_CACHE).set("schedule", msgspec.json.encode(schedule).decode())
        self.first_od_obs_time = clock.now().timestamp() + first_after_s
        self._timer = self.every(interval_s, self.record_and_publish, first_after_s=first_after_s)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def on_sleeping(self) -> None:
        self._cancel_timer()
        self._light.off()

    def on_sleeping_to_ready(self) -> None:
        if self.interval is not None:
            self._schedule(self.interval, first_after_s=0.0)

    def on_disconnected(self) -> None:
        self._cancel_timer()
        self._dosing_pause.close()
        self.runtime.stores.volatile(SCHEDULE_CACHE).pop("schedule")
        self._fresh.set()
        if self._release_light is not None:
            self._release_light()

    # ---- one reading -------------------------------------------------------------------------------------

    def record_and_publish(self) -> None:
        """Take one reading and publish it; a failure is logged once, and retried at the next reading."""
        try:
            self.record()
        except CalibrationError as error:
            self._limited_log.warn("calibration", "No calibrated OD: %s. %s", error, error.remedy or "")
        except (HardwareError, HardwareNotFoundError) as error:
            self._is_failing = True
            self._limited_log.error("hardware", "No OD reading: %s. %s", error, error.remedy or "")
        else:
            if self._is_failing:
                self._is_failing = False
                self._limited_log.forget("hardware")
                self.logger.notice("Reading optical density again.")

    def record(self) -> structs.ODReadings:
        """Take one reading, publish it and return it.

        Raise `CalibrationError` when it cannot be calibrated (only raw readings are published then), `HardwareError`
        or `HardwareNotFoundError` when there is none, `StoppedError` when the job is stopped meanwhile.
        """
        for prepare in self._pre_read:
            self._call_plugin(prepare, self)
        levels = self._read_lit()
        timestamp = self.runtime.clock.now()
        self._protect(levels)
        self._light_monitor.update(self.runtime.clock.monotonic(), levels.volts, self._reference_channel)
        raw = self._relative(levels, timestamp)
        calibrated = self._corrections.calibrations
        self.publish_raw({channel: reading for channel, reading in raw.items() if channel in calibrated})
        readings = self._corrected(raw, timestamp)
        self.publish_readings(readings)
        if self._corrections.fused is not None:
            self.publish_fused(self._corrections.fused.estimate(raw), timestamp)
        if self._reference is not None:
            self.sample_relative_intensity(self._reference.relative_intensity, timestamp)
        self._newest.append(readings)
        del self._newest[:-16]
        self._fresh.set()
        for follow in self._post_read:
            self._call_plugin(follow, self, readings)
        return readings

    def _call_plugin(self, call: Callable[..., None], *arguments: object) -> None:
        try:
            call(*arguments)
        except StoppedError:
            raise
        except Exception:
            self.logger.exception("A callback of a plugin failed.")

    def _relative(self, levels: Levels, timestamp: datetime) -> dict[PdChannel, structs.ODReading]:
        """Divide by the reference and subtract the blank."""
        divisor = self._update_reference(levels)
        blanks = self._corrections.blanks
        raw = {}
        for channel, angle in self._angles.items():
            od = levels.volts[channel] / divisor
            raw[channel] = structs.ODReading(
                timestamp=timestamp,
                angle=angle,
                od=round(od if blanks is None else blanks.subtracted(channel, od), 10),
                channel=channel,
                ir_led_intensity=self.ir_led_intensity,
            )
        return raw

    def _corrected(self, raw: Mapping[PdChannel, structs.ODReading], timestamp: datetime) -> structs.ODReadings:
        calibrations = self._corrections.calibrations
        if not len(calibrations):
            return structs.ODReadings(timestamp=timestamp, ods=dict(raw))
        try:
            calibrations.check_intensity(self.ir_led_intensity)
        except CalibrationError:
            self.clear_readings(self._angles)
            raise
        return structs.ODReadings(
            timestamp=timestamp,
            ods={
                channel: calibrations.calibrated(reading) if channel in calibrations else reading
                for channel, reading in raw.items()
            },
        )

    def _read_lit(self) -> Levels:
        with self._light.reading(self.ir_led_intensity, darken_others=self._darken_others):
            self.sleep(self._settle_s)
            return self._array.read()

    def _protect(self, levels: Levels) -> None:
        """Stop before the converter's input is damaged; warn at a lower level."""
        if levels.brightest_volts <= BRIGHT_VOLTS:
            return
        self.blink_error_code(error_codes.ADC_INPUT_TOO_HIGH)
        where = f"photodiode {levels.brightest} reads {levels.brightest_volts:.2f} V"
        if levels.brightest_volts <= TOO_BRIGHT_VOLTS:
            self._limited_log.warn("bright", "Too much light: %s, near the limit of %.1f V.", where, TOO_BRIGHT_VOLTS)
            return
        try:
            self._light.everything_off()
        finally:
            self.logger.error(
                "Too much light: %s. All LEDs are off and OD reading stops; lower the IR intensity.", where
            )
            self.clean_up()
        raise StoppedError(where)

    def _update_reference(self, levels: Levels) -> float:
        reference = self._reference
        if reference is None or self._reference_channel is None:
            return 1.0
        if not reference.update(levels.volts[self._reference_channel]):
            self._limited_log.warn("reference", "The reference photodiode is noisy; this reading of it is not used.")
        self._dosing_pause.update(noisy=reference.is_alarming)
        return reference.relative_intensity

    # ---- for scripts -------------------------------------------------------------------------------------

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> structs.ODReadings:
        """Wait for the next reading; the iteration ends with the job."""
        while not self._newest:
            self._fresh.clear()
            if self._ended.is_set() or self._lane.stopping:
                raise StopIteration
            self._fresh.wait(1.0)
        return self._newest.pop(0)


def start_od_reading(
    *roles: str | None,
    interval: float | None = CONFIGURED_INTERVAL,
    unit: str | None = None,
    experiment: str | None = None,
    ir_led_intensity: float | None = None,
    calibrated: bool = True,
) -> ODReader:
    """Start OD reading with the roles of photodiodes 1–4 (angles, "REF"), or the configured ones when none is given.

    `interval` [s] defaults to the configured one; None reads only when `record` is called. `calibrated=False` reads as
    if nothing were calibrated.
    """
    runtime = context.current()
    photodiodes = dict(channels_of_roles(roles)) if roles else runtime.settings.photodiodes
    angles, reference = configured_channels(photodiodes)
    if interval == CONFIGURED_INTERVAL:
        interval = 1.0 / runtime.settings.od_reading.samples_per_second
    return ODReader(
        angles,
        interval,
        *runtime.place(unit, experiment),
        reference_channel=reference,
        ir_led_intensity=ir_led_intensity,
        calibrated=calibrated,
    )
