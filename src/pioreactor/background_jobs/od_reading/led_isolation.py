"""LEDs during a reading: the IR LED on, the others off, and all restored afterwards on every code path."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pioreactor.actions.led_intensity import ALL_LED_CHANNELS, LEDS, led_state, lock_leds_temporarily
from pioreactor.exc import HardwareError, HardwareNotFoundError
from pioreactor.observability.log import CustomLogger
from pioreactor.runtime.context import Runtime
from pioreactor.types import LedChannel

RETRY_S = 1.0

Later = Callable[[float, Callable[[], None]], object]


class ReadingLight:
    """Owner of the IR LED. The recorded intensities of the other LEDs are kept; only the hardware is switched off."""

    def __init__(
        self, runtime: Runtime, ir_channel: LedChannel, *, owner: str, later: Later, logger: CustomLogger
    ) -> None:
        """Acquire the IR LED; raise `ActuatorInUseError` if another process owns it."""
        self._runtime = runtime
        self._ir = ir_channel
        self._owner = owner
        self._later = later
        self._logger = logger
        self._pending: set[LedChannel] = set()
        self._lease = runtime.ownership.acquire(f"led-{ir_channel}", owner)
        # An earlier intensity of this LED is obsolete and must not be restored after a reading.
        runtime.stores.volatile(LEDS).set(ir_channel, 0.0)

    @contextmanager
    def reading(self, intensity: float, *, darken_others: bool) -> Iterator[None]:
        """Light the vial for a block; errors of the hardware are raised."""
        others = [channel for channel in ALL_LED_CHANNELS if channel != self._ir] if darken_others else []
        with lock_leds_temporarily(others, self._owner) as ours:
            before = led_state(self._runtime) if ours else {}
            lit = [channel for channel in ours if before[channel] > 0]
            try:
                for channel in lit:
                    self._set(channel, 0.0)
                self._set(self._ir, intensity)
                yield
            finally:
                self._restore([self._ir, *lit])

    def everything_off(self) -> None:
        """Switch every LED off, also those of other jobs, and record that."""
        cache = self._runtime.stores.volatile(LEDS)
        for channel in ALL_LED_CHANNELS:
            self._set(channel, 0.0)
            cache.set(channel, 0.0)

    def off(self) -> None:
        """Switch the IR LED off; retry if the hardware does not respond."""
        self._restore([self._ir])

    def release(self) -> None:
        """Restore the LEDs that are still pending, and release the IR LED."""
        try:
            self._restore([self._ir, *self._pending], retry=False)
        finally:
            self._lease.release()

    def _set(self, channel: LedChannel, intensity: float) -> None:
        self._runtime.open_rig().leds().set_intensity(channel, intensity)

    def _restore(self, channels: list[LedChannel], *, retry: bool = True) -> None:
        failure: Exception | None = None
        for channel in dict.fromkeys(channels):
            intensity = 0.0 if channel == self._ir else led_state(self._runtime)[channel]
            try:
                self._set(channel, intensity)
                self._pending.discard(channel)
            except (HardwareError, HardwareNotFoundError) as error:
                failure = error
                self._pending.add(channel)
        if failure is not None:
            names = ", ".join(sorted(self._pending))
            self._logger.error("LED %s could not be restored after a reading: %s.", names, failure)
            if retry:
                self._later(RETRY_S, self._retry_restore)

    def _retry_restore(self) -> None:
        if self._pending:
            self._restore(sorted(self._pending))
