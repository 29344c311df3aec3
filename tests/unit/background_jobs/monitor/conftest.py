"""Monitor on a unit with a fake computer and reactor."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pioreactor import topics
from pioreactor.background_jobs.monitor import Monitor
from pioreactor.devices.spy_rig import SpyRig
from pioreactor.identity.computer import SimulatedComputer
from pioreactor.testing.simulation import Bench, simulated_bench


class FakeComputer(SimulatedComputer):
    """Answers what a test sets."""

    def __init__(self) -> None:
        self.free_gb = 100.0
        self.cpu_celsius: float | None = 40.0
        self.undervolted = False
        self.slow = True  # no button, ten looks a second less
        self.closed: set[str] = set()
        self.web_trouble: str | None = None
        self.asked_web: list[tuple[str, int]] = []
        self.times_powered_off = 0
        self.on_network = True

    def statistics(self, data_root: Path) -> dict[str, float | None]:
        return {"available_disk_space": self.free_gb, "cpu_temperature_celcius": self.cpu_celsius}

    def is_on_network(self) -> bool:
        return self.on_network

    def is_undervolted(self) -> bool:
        return self.undervolted

    def is_slow(self) -> bool:
        return self.slow

    def may_write(self, path: Path) -> bool:
        return path.name not in self.closed

    def web_server_fault(self, host: str, port: int, *, is_secure: bool, timeout_s: float = 3.0) -> str | None:
        self.asked_web.append((host, port))
        return self.web_trouble

    def power_off(self) -> bool:
        self.times_powered_off += 1
        return True


class Watched:
    """A unit with a monitor."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.computer = FakeComputer()
        self.rig = SpyRig(gates=bench.simulation.clock.signal)
        unit = bench.unit
        unit.runtime = replace(unit.runtime, computer=self.computer, open_rig=lambda: self.rig)
        self.light: list[tuple[float, str]] = []
        indicator = self.rig.indicator()
        indicator.on = lambda: self._see("on")  # type: ignore[method-assign]
        indicator.off = lambda: self._see("off")  # type: ignore[method-assign]

    def _see(self, what: str) -> None:
        self.light.append((round(self.bench.simulation.clock.monotonic(), 3), what))

    def start(self) -> Monitor:
        return self.bench.start(lambda: Monitor(self.bench.unit.name))

    def publish(
        self, name: str, payload: str = "1", *, unit: str | None = None, experiment: str = "$experiment"
    ) -> None:
        who = unit if unit is not None else self.bench.unit.name
        self.bench.bus.publish(topics.setting(who, experiment, "monitor", name), payload)

    def said(self, words: str, level: str = "#") -> list[str]:
        return [message for message in self.bench.logged(level) if words in message]

    def published(self, name: str) -> list[Any]:
        topic = topics.monitor(self.bench.unit.name, name)
        return [msgspec.json.decode(m.payload) for m in self.bench.messages if m.topic == topic and m.payload]

    def flashes(self) -> int:
        return sum(what == "on" for _, what in self.light)


@pytest.fixture
def set_up() -> Iterator[Callable[..., Watched]]:
    with ExitStack() as benches:
        yield lambda **options: Watched(
            benches.enter_context(simulated_bench(scenario="water", calibrated_pumps=False, **options))
        )


@pytest.fixture
def watched(set_up: Callable[..., Watched]) -> Watched:
    return set_up()
