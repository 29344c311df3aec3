"""Reads optical density at an interval and publishes it per photodiode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Self

import msgspec

from pioreactor import error_codes, structs, topics
from pioreactor.actions.led_intensity import ALL_LED_CHANNELS, led_state, lock_leds_temporarily, set_leds
from pioreactor.background_jobs.od_reading.burst import BRIGHT_VOLTS, TOO_BRIGHT_VOLTS, Levels, PhotodiodeArray
from pioreactor.background_jobs.od_reading.reference import NOISY_BEFORE_ALARM, Reference
from pioreactor.exc import ConfigurationError, HardwareError, HardwareNotFoundError, StoppedError
from pioreactor.jobs.dodging import SCHEDULE_CACHE, ODSchedule
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.settings import Setting
from pioreactor.runtime import context
from pioreactor.runtime.lane import LaneTimer
from pioreactor.states import JobState
from pioreactor.types import PdAngle, PdChannel

RELATIVE_INTENSITY_EVERY = 5
"""The relative intensity of the IR LED is published with one in so many readings."""
DEFAULT_AUTO_INTENSITY = 85.0

ReadCallback = Callable[["ODReader", structs.ODReadings], None]
PreReadCallback = Callable[["ODReader"], None]


class ODReader(BackgroundJob):
    """Lights the culture with the IR LED, reads the photodiodes, and divides by the reference photodiode.

    Iterating over a running reader gives each `ODReadings` as it is made.
    """

    job_name = "od_reading"

    ir_led_intensity = Setting(
        None, datatype="float", settable=True, unit="%", label="IR LED intensity", at_least=0, at_most=100,
        display=False, help="intensity of the IR LED during a reading",
    )  # fmt: skip
    interval = Setting(
        None, datatype="float", settable=True, unit="s", label="Time between OD readings", at_least=1.0, at_most=86_400,
        help="time from one reading to the next",
    )  # fmt: skip
    first_od_obs_time = Setting(None, datatype="float", unit="s", display=False)
    relative_intensity_of_ir_led = Setting(None, datatype="json", display=False)
    ods = Setting(None, datatype="ODReadings", display=False)
    od1 = Setting(None, datatype="ODReading", display=False)
    od2 = Setting(None, datatype="ODReading", display=False)
    od3 = Setting(None, datatype="ODReading", display=False)
    od4 = Setting(None, datatype="ODReading", display=False)
    raw_od1 = Setting(None, datatype="RawODReading", display=False)
    raw_od2 = Setting(None, datatype="RawODReading", display=False)
    raw_od3 = Setting(None, datatype="RawODReading", display=False)
    raw_od4 = Setting(None, datatype="RawODReading", display=False)
    calibrated_od1 = Setting(None, datatype="CalibratedODReading", display=False)
    calibrated_od2 = Setting(None, datatype="CalibratedODReading", display=False)
    calibrated_od3 = Setting(None, datatype="CalibratedODReading", display=False)
    calibrated_od4 = Setting(None, datatype="CalibratedODReading", display=False)
    od_fused = Setting(None, datatype="ODFused", display=False)

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
    ) -> None:
        super().__init__(unit, experiment)
        if not channel_angle_map:
            raise ConfigurationError(
                "no photodiode is configured",
                remedy="Give at least one channel an angle in [od_config.photodiode_channel].",
            )
        config = self.runtime.settings.od_reading
        self._angles = dict(channel_angle_map)
        self._reference_channel = reference_channel
        self._ir_channel = self.runtime.settings.led_channel_of.get("IR")
        if self._ir_channel is None:
            raise ConfigurationError(
                "no LED is configured as IR", remedy="Name the IR LED's channel in [leds], for example A=IR."
            )
        self._darken_others = config.turn_off_leds_during_reading
        self._settle_s = config.duration_between_led_off_and_od_reading
        configured = DEFAULT_AUTO_INTENSITY if config.ir_led_intensity == "auto" else config.ir_led_intensity
        self.ir_led_intensity = configured if ir_led_intensity is None else ir_led_intensity
        self.interval = interval
        self._timer: LaneTimer | None = None
        self._count = 0
        self._newest: list[structs.ODReadings] = []
        self._fresh = self.runtime.clock.signal()
        self._array = self._open_photodiodes()
        self._ir_lease = self.runtime.ownership.acquire(f"led-{self._ir_channel}", self.owner)
        self._prepare(use_dark_offsets=config.use_dark_offsets)
        self._reference = self._open_reference(config.pd_reference_ema) if reference_channel is not None else None

    @classmethod
    def add_pre_read_callback(cls, callback: PreReadCallback) -> None:
        """Call `callback(reader)` on the lane before each reading, for plugins."""
        cls._pre_read.append(callback)

    @classmethod
    def add_post_read_callback(cls, callback: ReadCallback) -> None:
        """Call `callback(reader, readings)` on the lane after each reading, for plugins."""
        cls._post_read.append(callback)

    # ---- start ---------------------------------------------------------------------------------------------

    def _open_photodiodes(self) -> PhotodiodeArray:
        rig = self.runtime.open_rig()
        if not rig.is_hat_present():
            raise HardwareNotFoundError("OD reading needs the Pioreactor HAT, which does not answer")
        channels = [*self._angles, *([self._reference_channel] if self._reference_channel is not None else [])]
        return PhotodiodeArray(
            {channel: rig.photodiode(channel) for channel in sorted(channels)},
            self.runtime.clock,
            mains_hz=self.runtime.settings.od_reading.local_ac_hz,
            still_wanted=lambda: not self._lane.stopping,
        )

    def _prepare(self, *, use_dark_offsets: bool) -> None:
        """Measure the dark with all LEDs off, then choose gains with the IR LED on."""
        before = led_state(self.runtime)
        set_leds(self.runtime, dict.fromkeys(ALL_LED_CHANNELS, 0.0))
        try:
            if use_dark_offsets:
                self._array.measure_dark()
            self._light(self.ir_led_intensity)
            self.sleep(self._settle_s)
            self._array.fit_ranges()
        finally:
            self._light(0.0)
            set_leds(self.runtime, {channel: v for channel, v in before.items() if channel != self._ir_channel})

    def _open_reference(self, ema: float) -> Reference:
        assert self._reference_channel is not None
        scale = 1.0
        if self.runtime.settings.od_reading.ref_normalization == "unity":
            cache = self.runtime.stores.persistent("ir_led_reference_normalization")
            stored = cache.get(self.experiment)
            if stored is None:
                stored = self._first_reference_volts()
                cache.set_if_absent(self.experiment, stored)
            scale = float(stored)
        return Reference(scale, self.interval if self.interval is not None else 5.0, ema)

    def _first_reference_volts(self) -> float:
        assert self._reference_channel is not None
        volts = self._read_lit().volts[self._reference_channel]
        if volts <= 0:
            raise HardwareError(
                f"the reference photodiode (channel {self._reference_channel}) reads {volts:.4f} V with the IR LED on",
                remedy="Check that the IR LED and the reference photodiode are plugged in and in their pockets.",
            )
        return volts

    def on_init_to_ready(self) -> None:
        if self.interval is not None:
            self._schedule(first_after_s=0.0)

    def set_interval(self, interval: float) -> None:
        self.interval = float(interval)
        if self._reference is not None:
            self._reference.interval_s = self.interval
        if self.state != JobState.SLEEPING:
            self._schedule(first_after_s=self.interval)

    def _schedule(self, *, first_after_s: float) -> None:
        self._cancel_timer()
        clock = self.runtime.clock
        schedule = ODSchedule(clock.monotonic() + first_after_s, self.interval)
        self.runtime.stores.volatile(SCHEDULE_CACHE).set("schedule", msgspec.json.encode(schedule).decode())
        self.first_od_obs_time = clock.now().timestamp() + first_after_s
        self._timer = self.every(self.interval, self.record_and_publish, first_after_s=first_after_s)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def on_sleeping(self) -> None:
        self._cancel_timer()
        self._light(0.0)

    def on_sleeping_to_ready(self) -> None:
        if self.interval is not None:
            self._schedule(first_after_s=0.0)

    def on_disconnected(self) -> None:
        self._cancel_timer()
        try:
            self._light(0.0)
        finally:
            self._ir_lease.release()
            self.runtime.stores.volatile(SCHEDULE_CACHE).pop("schedule")
            self._fresh.set()

    # ---- one reading ---------------------------------------------------------------------------------------

    def record_and_publish(self) -> None:
        """Take one reading and publish it; hardware that fails once is reported, and tried again next time."""
        try:
            self.record()
        except (HardwareError, HardwareNotFoundError) as error:
            self.logger.error("No OD reading: %s. %s", error, error.remedy if error.remedy else "")

    def record(self) -> structs.ODReadings:
        """Take one reading, publish it and return it."""
        for prepare in self._pre_read:
            prepare(self)
        levels = self._read_lit()
        timestamp = self.runtime.clock.now()
        self._protect(levels)
        divisor = self._update_reference(levels)
        readings = structs.ODReadings(
            timestamp=timestamp,
            ods={
                channel: structs.ODReading(
                    timestamp=timestamp,
                    angle=angle,
                    od=round(levels.volts[channel] / divisor, 10),
                    channel=channel,
                    ir_led_intensity=self.ir_led_intensity,
                )
                for channel, angle in self._angles.items()
            },
        )
        self._publish_readings(readings)
        for follow in self._post_read:
            follow(self, readings)
        return readings

    def _publish_readings(self, readings: structs.ODReadings) -> None:
        self.ods = readings
        for channel, reading in readings.ods.items():
            setattr(self, f"od{channel}", reading)  # the four settings are named by their channel
        if self._reference is not None and self._count % RELATIVE_INTENSITY_EVERY == 0:
            self.relative_intensity_of_ir_led = structs.RelativeIntensity(
                relative_intensity_of_ir_led=round(self._reference.relative_intensity, 5), timestamp=readings.timestamp
            )
        self._count += 1
        self._newest.append(readings)
        del self._newest[:-16]
        self._fresh.set()

    def _read_lit(self) -> Levels:
        """Read with the IR LED on and, if configured, all others dark; every LED is as before afterwards."""
        others = [channel for channel in ALL_LED_CHANNELS if channel != self._ir_channel]
        if not self._darken_others:
            return self._read_with_ir()
        with lock_leds_temporarily(others, self.owner):
            lit = {channel: v for channel, v in led_state(self.runtime).items() if channel in others and v > 0}
            if lit:
                set_leds(self.runtime, dict.fromkeys(lit, 0.0))
            try:
                return self._read_with_ir()
            finally:
                if lit:
                    set_leds(self.runtime, lit)

    def _read_with_ir(self) -> Levels:
        self._light(self.ir_led_intensity)
        try:
            self.sleep(self._settle_s)
            return self._array.read()
        finally:
            self._light(0.0)

    def _light(self, intensity: float) -> None:
        assert self._ir_channel is not None
        self.runtime.open_rig().leds().set_intensity(self._ir_channel, intensity)

    def _protect(self, levels: Levels) -> None:
        """Stop before the converter's input is damaged; warn a little earlier."""
        if levels.brightest_volts <= BRIGHT_VOLTS:
            return
        self.blink_error_code(error_codes.ADC_INPUT_TOO_HIGH)
        where = f"photodiode {levels.brightest} reads {levels.brightest_volts:.2f} V"
        if levels.brightest_volts <= TOO_BRIGHT_VOLTS:
            self.logger.warning("Too much light: %s, near the limit of %.1f V.", where, TOO_BRIGHT_VOLTS)
            return
        set_leds(self.runtime, dict.fromkeys(ALL_LED_CHANNELS, 0.0))
        self.logger.error("Too much light: %s. All LEDs are off and OD reading stops; lower the IR intensity.", where)
        self.clean_up()
        raise StoppedError(where)

    def _update_reference(self, levels: Levels) -> float:
        reference = self._reference
        if reference is None or self._reference_channel is None:
            return 1.0
        if not reference.update(levels.volts[self._reference_channel]):
            self.logger.warning("The reference photodiode is noisy; this reading of it is not used.")
            if reference.noisy_in_a_row == NOISY_BEFORE_ALARM:
                self._pause_dosing()
        return reference.relative_intensity

    def _pause_dosing(self) -> None:
        """Dosing must not act on an OD that lost its reference; a person resumes it."""
        self.logger.error(
            "The reference photodiode is noisy for %d readings; dosing is paused until you resume it.",
            NOISY_BEFORE_ALARM,
        )
        pause = topics.set_setting(self.unit, self.experiment, "dosing_automation", "state")
        self.publish(pause, JobState.SLEEPING)

    # ---- for scripts ---------------------------------------------------------------------------------------

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


def configured_channels(
    photodiodes: Mapping[PdChannel, str],
) -> tuple[dict[PdChannel, PdAngle], PdChannel | None]:
    """Split `[od_config.photodiode_channel]` into channel → angle, and the reference channel."""
    angles: dict[PdChannel, PdAngle] = {}
    reference: PdChannel | None = None
    for channel, role in photodiodes.items():
        if role == "REF":
            reference = channel
        else:
            angles[channel] = role  # type: ignore[assignment]
    return angles, reference


def _channels_of(roles: tuple[str | None, ...]) -> Iterator[tuple[PdChannel, str]]:
    channels: tuple[PdChannel, ...] = ("1", "2", "3", "4")
    return ((channel, role) for channel, role in zip(channels, roles, strict=False) if role)


def start_od_reading(
    *roles: str | None,
    interval: float | None = -1.0,
    unit: str | None = None,
    experiment: str | None = None,
    ir_led_intensity: float | None = None,
) -> ODReader:
    """Start OD reading with the roles of photodiodes 1–4 (angles, "REF"), or the configured ones when none is given.

    `interval` [s] defaults to the configured one; None reads only when `record` is called.
    """
    runtime = context.current()
    photodiodes = dict(_channels_of(roles)) if roles else runtime.settings.photodiodes
    angles, reference = configured_channels(photodiodes)
    if interval == -1.0:
        interval = 1.0 / runtime.settings.od_reading.samples_per_second
    return ODReader(
        angles,
        interval,
        unit if unit is not None else runtime.unit,
        experiment if experiment is not None else runtime.identity.experiment(),
        reference_channel=reference,
        ir_led_intensity=ir_led_intensity,
    )
