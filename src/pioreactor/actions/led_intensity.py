"""Sets the intensity of LEDs: the hardware first, then the unit's record of it, then the announcement."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from pioreactor import structs, topics
from pioreactor.exc import ActuatorInUseError, HardwareNotFoundError, InvalidRequestError
from pioreactor.jobs.registration import Registration
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.types import LED_CHANNELS, LedChannel

log = logging.getLogger(__name__)

LEDS = "leds"
"""Volatile cache of what each LED is meant to be [%]; after a power cut all of them are dark."""
ALL_LED_CHANNELS = LED_CHANNELS
LedState = Mapping[LedChannel, float]


class LockedLeds(list[LedChannel]):
    """Channels that were locked; `led_intensity(…, lock_owner=…)` takes it."""

    def __init__(self, owner: str) -> None:
        super().__init__()
        self.owner = owner


def led_state(runtime: Runtime) -> dict[LedChannel, float]:
    """Return the intensity of every LED [%], as last set on this unit."""
    cache = runtime.stores.volatile(LEDS)
    return {channel: float(cache.get(channel, 0.0) or 0.0) for channel in ALL_LED_CHANNELS}


def set_leds(runtime: Runtime, desired: LedState) -> None:
    """Write intensities [%] to the hardware and remember them; raise when a value or a chip is no good."""
    for channel, intensity in desired.items():
        if channel not in ALL_LED_CHANNELS:
            raise InvalidRequestError(f"there is no LED channel {channel!r}; channels are A, B, C and D")
        if not 0 <= intensity <= 100:
            raise InvalidRequestError(f"the intensity of LED {channel} must be between 0 and 100 %, not {intensity}")
    leds = runtime.open_rig().leds()
    cache = runtime.stores.volatile(LEDS)
    # All of the hardware first: a record that cannot be written must not keep another LED lit.
    for channel, intensity in desired.items():
        leds.set_intensity(channel, intensity)
    for channel, intensity in desired.items():
        cache.set(channel, float(intensity))


def publish_leds(runtime: Runtime, publish: Callable[..., object], unit: str, experiment: str) -> None:
    """Publish what every LED is meant to be."""
    state = structs.LEDsIntensity(**led_state(runtime))
    publish(topics.setting(unit, experiment, "leds", "intensity"), state, qos=0, retain=True)


def unlocked(runtime: Runtime, channels: Iterable[LedChannel], *, owner: str) -> list[LedChannel]:
    """Return the channels that no other job has locked."""
    holders = {channel: runtime.ownership.holder(f"led-{channel}") for channel in channels}
    return [channel for channel, holder in holders.items() if holder is None or holder == owner]


def led_intensity(
    desired_state: LedState,
    unit: str | None = None,
    experiment: str | None = None,
    verbose: bool = True,
    source_of_event: str | None = None,
    pubsub_client: object = None,
    lock_owner: LockedLeds | str = "",
) -> bool:
    """Set LEDs to intensities [%]. Return False when one of them was locked or the hardware did not answer.

    `lock_owner` is what `lock_leds_temporarily` gave, and allows the channels that it locked.

    LEDs set outside a running job stay on; `pio kill --job-name led_intensity` (or `--all-jobs`) turns them off.
    """
    runtime = context.current()
    where, what_for = runtime.place(unit, experiment)
    if not runtime.identity.is_active():
        log.error("%s is not an active worker; LEDs stay as they are.", where)
        return False
    owner = lock_owner.owner if isinstance(lock_owner, LockedLeds) else lock_owner
    publisher = getattr(pubsub_client, "publish", None)
    if publisher is not None:
        return _change(runtime, desired_state, where, what_for, verbose, source_of_event, publisher, owner)
    registration = Registration(
        runtime, unit=where, experiment=what_for, job_name="led_intensity", source="app", exclusive=False
    )
    try:
        return _change(runtime, desired_state, where, what_for, verbose, source_of_event, registration.publish, owner)
    finally:
        registration.close()


def _change(
    runtime: Runtime,
    desired: LedState,
    unit: str,
    experiment: str,
    verbose: bool,
    source_of_event: str | None,
    publish: object,
    owner: str,
) -> bool:
    assert callable(publish)
    free = unlocked(runtime, desired, owner=owner)
    try:
        set_leds(runtime, {channel: desired[channel] for channel in free})
    except HardwareNotFoundError as error:
        log.error("LEDs cannot be set: %s.", error)
        return False
    publish_leds(runtime, publish, unit, experiment)
    for channel in free if verbose else ():
        event = structs.LEDChangeEvent(
            channel=channel,
            intensity=float(desired[channel]),
            source_of_event=source_of_event,
            timestamp=runtime.clock.now(),
        )
        publish(topics.event(unit, experiment, "led_change_events"), event, qos=0)
    for channel in set(desired) - set(free):
        holder = runtime.ownership.holder(f"led-{channel}")
        log.warning("LED %s is locked by %s.", channel, holder if holder is not None else "a job that has just ended")
    return len(free) == len(desired)


@contextmanager
def lock_leds_temporarily(channels: Iterable[LedChannel], owner: str | None = None) -> Iterator[LockedLeds]:
    """Keep others from changing these LEDs for a block; gives those that could be locked."""
    runtime = context.current()
    name = owner if owner is not None else f"process {runtime.pid}"
    with ExitStack() as leases:
        locked = LockedLeds(name)
        for channel in channels:
            try:
                lease = runtime.ownership.acquire(f"led-{channel}", name)
            except ActuatorInUseError:
                continue
            leases.callback(lease.release)
            locked.append(channel)
        yield locked


@contextmanager
def change_leds_intensities_temporarily(
    desired_state: LedState,
    unit: str | None = None,
    experiment: str | None = None,
    source_of_event: str | None = None,
    pubsub_client: object = None,
    verbose: bool = True,
) -> Iterator[None]:
    """Set LEDs for a block and give each back the intensity it had, unless it was locked meanwhile."""
    runtime = context.current()
    before = {channel: led_state(runtime)[channel] for channel in desired_state}
    options = {
        "unit": unit,
        "experiment": experiment,
        "source_of_event": source_of_event,
        "pubsub_client": pubsub_client,
        "verbose": verbose,
    }
    try:
        led_intensity(desired_state, **options)  # type: ignore[arg-type]
        yield
    finally:
        led_intensity(before, **options)  # type: ignore[arg-type]
