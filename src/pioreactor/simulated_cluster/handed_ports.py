"""Ports by which code on other threads uses the clock and the broker of virtual time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import cast

from pioreactor.clock.ports import Clock, Signal, Task
from pioreactor.messaging.ports import Bus, BusFactory, Message, Subscription, Will
from pioreactor.simulated_cluster.simulation_thread import SimulationThread


class _HandedSignal:
    """A signal of virtual time, for any thread."""

    def __init__(self, thread: SimulationThread, signal: Signal) -> None:
        self._thread, self._signal = thread, signal

    def set(self) -> None:
        self._thread.call(self._signal.set)

    def clear(self) -> None:
        self._thread.call(self._signal.clear)

    def is_set(self) -> bool:
        return self._signal.is_set()

    def wait(self, timeout_s: float | None = None) -> bool:
        return self._thread.wait(lambda: self._signal.wait(timeout_s))


class HandedClock:
    """The clock of virtual time, for any thread: who waits lets time pass, unless it passes by itself."""

    def __init__(self, thread: SimulationThread, clock: Clock) -> None:
        self._thread, self._clock = thread, clock

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now(self) -> datetime:
        return self._clock.now()

    def sleep(self, duration_s: float) -> None:
        self._thread.wait(lambda: self._clock.sleep(duration_s))

    def signal(self) -> Signal:
        return _HandedSignal(self._thread, self._clock.signal())

    def spawn(self, run: Callable[[], None], *, name: str) -> Task:
        return self._thread.call(lambda: self._clock.spawn(run, name=name))


class _HandedSubscription:
    def __init__(self, thread: SimulationThread, subscription: Subscription) -> None:
        self._thread, self._subscription = thread, subscription

    def cancel(self) -> None:
        self._thread.call(self._subscription.cancel)


class HandedBus:
    """A connection to the broker of virtual time, for any thread. Callbacks run on the simulation's thread."""

    def __init__(self, thread: SimulationThread, bus: Bus) -> None:
        self._thread, self._bus = thread, bus

    def publish(self, topic: str, payload: bytes | str = b"", *, qos: int = 1, retain: bool = False) -> None:
        self._thread.call(lambda: self._bus.publish(topic, payload, qos=qos, retain=retain))

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Subscription:
        subscription = self._thread.call(lambda: self._bus.subscribe(topic_filter, callback, qos=qos))
        return cast(Subscription, _HandedSubscription(self._thread, subscription))

    def is_connected(self) -> bool:
        return self._bus.is_connected()

    def on_connection(self, callback: Callable[[bool], None]) -> Subscription:
        subscription = self._thread.call(lambda: self._bus.on_connection(callback))
        return cast(Subscription, _HandedSubscription(self._thread, subscription))

    def flush(self, timeout_s: float) -> bool:
        return self._thread.call(lambda: self._bus.flush(timeout_s))

    def close(self) -> None:
        self._thread.call(self._bus.close)


class HandedBuses:
    """Opens connections to the broker of virtual time from any thread."""

    def __init__(self, thread: SimulationThread, buses: BusFactory) -> None:
        self._thread, self._buses = thread, buses

    def connect(self, client_name: str, *, will: Will | None = None) -> Bus:
        return HandedBus(self._thread, self._thread.call(lambda: self._buses.connect(client_name, will=will)))
