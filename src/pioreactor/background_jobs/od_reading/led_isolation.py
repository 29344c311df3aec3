"""The LEDs during a reading: the IR LED on, the others dark, and every one as it was before on every path."""

from __future__ import annotations

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
    """Owns the IR LED. What others set for their LEDs stays on record; only the hardware is dark for a moment."""

    def __init__(
        self, runtime: Runtime, ir_channel: LedChannel, *, owner: str, later: Later, logger: CustomLogger
    ) -> None:
        """Take the IR LED; raise `ActuatorInUseError` when somebody else has it."""
        self._runtime = runtime
        self._ir = ir_channel
        self._owner = owner
        self._later = later
        self._logger = logger
        self._owed: set[LedChannel] = set()
        self._lease = runtime.ownership.acquire(f"led-{ir_channel}", owner)
        # What somebody once set for this LED is over, and must not be what it is given back to.
        runtime.stores.volatile(LEDS).set(ir_channel, 0.0)

    @contextmanager
    def reading(self, intensity: float, *, darken_others: bool) -> Iterator[None]:
        """Light the vial for a block; raise what the hardware raises when it cannot be lit."""
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
                self._bring_back([self._ir, *lit])

    def everything_off(self) -> None:
        """Switch every LED off, whoever lit it, and put that on record."""
        cache = self._runtime.stores.volatile(LEDS)
        for channel in ALL_LED_CHANNELS:
            self._set(channel, 0.0)
            cache.set(channel, 0.0)

    def off(self) -> None:
        """Switch the IR LED off; if the hardware does not answer, try again in a moment."""
        self._bring_back([self._ir])

    def release(self) -> None:
        """Switch off what is still owed, and give the IR LED back."""
        try:
            self._bring_back([self._ir, *self._owed], retry=False)
        finally:
            self._lease.release()

    def _set(self, channel: LedChannel, intensity: float) -> None:
        self._runtime.open_rig().leds().set_intensity(channel, intensity)

    def _bring_back(self, channels: list[LedChannel], *, retry: bool = True) -> None:
        failure: Exception | None = None
        for channel in dict.fromkeys(channels):
            wanted = 0.0 if channel == self._ir else led_state(self._runtime)[channel]
            try:
                self._set(channel, wanted)
                self._owed.discard(channel)
            except (HardwareError, HardwareNotFoundError) as error:
                failure = error
                self._owed.add(channel)
        if failure is not None:
            names = ", ".join(sorted(self._owed))
            self._logger.error("LED %s did not take its setting after a reading: %s.", names, failure)
            if retry:
                self._later(RETRY_S, self._settle)

    def _settle(self) -> None:
        if self._owed:
            self._bring_back(sorted(self._owed))
