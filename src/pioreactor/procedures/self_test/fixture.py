"""What self-tests work with: the rig, waiting within a test's time, light, readings, motion – all off afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from statistics import StatisticsError, correlation

from pioreactor.actions.led_intensity import ALL_LED_CHANNELS, led_state, lock_leds_temporarily
from pioreactor.background_jobs.od_reading.photodiode_sampling import PhotodiodeArray
from pioreactor.background_jobs.stirring.job import start_stirring
from pioreactor.devices.drivers.tachometer import rpm_from_edges
from pioreactor.devices.ports import Rig
from pioreactor.exc import ConfigurationError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.procedures.exclusive_run import trial_experiment
from pioreactor.procedures.self_test.failure import SelfTestFailure
from pioreactor.runtime.context import Runtime
from pioreactor.types import LedChannel, PdChannel

LONGEST_S = 180.0
WIDEST_V = 3.2
LIGHT_SETTLES_S = 0.2
"""An IR LED warms, and dims, for some tenths of a second."""
DEFAULT_IR_PERCENT = 80.0


class SelfTestFixture:
    """One test's view of the reactor."""

    def __init__(self, runtime: Runtime, action: managed_lifecycle) -> None:
        self.runtime = runtime
        self.action = action
        self._until_s = float("inf")

    # ---- time ----------------------------------------------------------------------------------------------

    def begin(self, *, limit_s: float = LONGEST_S) -> None:
        """Start the clock of one test."""
        self._until_s = self.runtime.clock.monotonic() + limit_s

    def wait(self, duration_s: float) -> None:
        """Wait; raise `SelfTestFailure` when the test takes too long, `StoppedError` when it is stopped."""
        if self.runtime.clock.monotonic() + duration_s > self._until_s:
            raise SelfTestFailure(f"it takes longer than {LONGEST_S:g} s", remedy="Run it again with the unit idle.")
        self.action.sleep(duration_s)

    # ---- parts ---------------------------------------------------------------------------------------------

    @property
    def rig(self) -> Rig:
        return self.runtime.open_rig()

    @property
    def signal_channels(self) -> dict[PdChannel, str]:
        """Photodiode → angle, without the reference."""
        return {channel: role for channel, role in self.runtime.settings.photodiodes.items() if role != "REF"}

    @property
    def reference_channel(self) -> PdChannel | None:
        return next((c for c, role in self.runtime.settings.photodiodes.items() if role == "REF"), None)

    @property
    def ir_channel(self) -> LedChannel:
        channel = self.runtime.settings.led_channel_of.get("IR")
        if channel is None:
            raise ConfigurationError("no LED is configured as IR", remedy="Name its channel in [leds]: A=IR.")
        return channel

    @property
    def ir_percent(self) -> float:
        """Return the configured intensity of the IR LED, 80 % when it is chosen at start."""
        configured = self.runtime.settings.od_reading.ir_led_intensity
        return DEFAULT_IR_PERCENT if isinstance(configured, str) else configured

    # ---- light ---------------------------------------------------------------------------------------------

    @contextmanager
    def only_light(self, channel: LedChannel, percent: float) -> Iterator[None]:
        """Light one LED and darken the others for a block; each is as before afterwards.

        What is on record stays: should this process die, the output guard puts the LEDs back to it.
        """
        leds = self.rig.leds()
        with lock_leds_temporarily(ALL_LED_CHANNELS, self.action.owner):
            try:
                for one in ALL_LED_CHANNELS:
                    leds.set_intensity(one, percent if one == channel else 0.0)
                self.wait(LIGHT_SETTLES_S)
                yield
            finally:
                for one, before in led_state(self.runtime).items():
                    leds.set_intensity(one, before)

    @contextmanager
    def dark(self) -> Iterator[None]:
        """Darken all LEDs for a block."""
        with self.only_light(self.ir_channel, 0.0):
            yield

    def read_volts(self, channels: Mapping[PdChannel, str] | None = None) -> dict[PdChannel, float]:
        """Return the level of each photodiode [V] (default: all that are configured), dark level included."""
        wanted = self.runtime.settings.photodiodes if channels is None else channels
        diodes = {channel: self.rig.photodiode(channel) for channel in wanted}
        for diode in diodes.values():
            diode.fit_range(WIDEST_V)
        for diode in diodes.values():
            diode.fit_range(diode.read_volts())
        array = PhotodiodeArray(
            diodes,
            self.runtime.clock,
            mains_hz=self.runtime.settings.od_reading.local_ac_hz,
            should_continue=lambda: not self.action.stopping,
        )
        self.wait(0.0)
        return dict(array.read().volts)

    # ---- motion --------------------------------------------------------------------------------------------

    @contextmanager
    def stirring(self, rpm: float) -> Iterator[None]:
        """Stir for a block; a bar that does not reach its speed is the business of another test."""
        with start_stirring(rpm, experiment=trial_experiment(self.runtime)) as stirrer:
            stirrer.block_until_rpm_is_close_to_target(abs_tolerance=120.0, timeout=20.0)
            yield

    @contextmanager
    def fan(self) -> Iterator[Fan]:
        """Own the fan for a block."""
        hz = self.runtime.settings.stirring.pwm_hz
        output = self.rig.pwm("stirring", owner=self.action.owner, hz=hz)
        try:
            yield Fan(self, output.set_duty)
        finally:
            output.release()


class Fan:
    """The stirrer's fan at a duty [%], without control."""

    def __init__(self, fixture: SelfTestFixture, set_duty: object) -> None:
        assert callable(set_duty)
        self.set_duty = set_duty
        self._fixture = fixture
        self._tachometer = fixture.rig.tachometer()

    def measure_rpm(self, window_s: float) -> float:
        self._tachometer.edges()
        self._fixture.wait(window_s)
        return rpm_from_edges(self._tachometer.edges())


def pearson(xs: list[float], ys: list[float]) -> float:
    """Return the correlation of two series, 0 when one of them is constant."""
    try:
        return correlation(xs, ys)
    except StatisticsError:
        return 0.0
