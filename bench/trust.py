"""How long outputs stay on once their owner is killed: real processes, the kernel's locks, an output guard, a reactor.

Run: python -m bench.trust [KILLS]. Half of the kills take a job alone; every tenth of the rest takes it as
well, which is then started again as systemd does (after 100 ms).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pioreactor.devices.buses.ports import Buses
from pioreactor.runtime.context import Runtime

RESTART_AFTER_S = 0.1
GIVE_UP_AFTER_S = 20.0
WASTE_PIN = 12

_VICTIM = """
import os, sys
from pathlib import Path
from pioreactor.bootstrap import build_runtime
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        runtime = build_runtime(quiet=True, handles_signals=False, asks_leader=False)
        output = runtime.open_rig().pwm("waste", owner="victim", hz=100.0)
        output.set_duty(100.0)
        print(os.getpid(), flush=True)
        while True:
            __import__("time").sleep(60.0)
    os.waitpid(child, 0)
"""
"""Forks a job that drives a pump for each line it reads: a new Python for each would take longer than all the rest."""


class Unit:
    """One simulated unit of real processes: a reactor and its output guard."""

    def __init__(self, directory: Path) -> None:
        from pioreactor.storage.paths import Paths

        self._paths = Paths.below(directory)
        self._socket = directory / "reactor.sock"
        for folder in (self._paths.dot_pioreactor, self._paths.run_pioreactor, self._paths.locks, self._paths.storage):
            folder.mkdir(parents=True, exist_ok=True)
        self._paths.global_config.write_text(
            f"[hardware]\nrig=sim\n[simulation]\nsocket={self._socket}\n[logging]\nlog_file={directory}/pioreactor.log\n"
        )
        self._paths.local_config.write_text("")
        self._processes: list[subprocess.Popen[str]] = []
        self._start("-m", "pioreactor.twin.server", "--socket", str(self._socket), "--scenario", "water")
        self.buses = self._connect()
        self.victims = self._start("-c", _VICTIM)
        self.output_guard = self.start_output_guard()

    @property
    def environment(self) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        return {
            **kept,
            "HOSTNAME": "unit1",
            "EXPERIMENT": "trust",
            "ACTIVE": "1",
            "MODEL_NAME": "pioreactor_20ml",
            "MODEL_VERSION": "1.5",
            "DOT_PIOREACTOR": str(self._paths.dot_pioreactor),
            "RUN_PIOREACTOR": str(self._paths.run_pioreactor),
        }

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env=dict(self.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._processes.append(process)
        return process

    def _connect(self) -> Buses:
        from pioreactor.exc import PioreactorError
        from pioreactor.twin.remote_buses import connect_buses

        until = time.monotonic() + GIVE_UP_AFTER_S
        while True:
            try:
                buses = connect_buses(self._socket)
                buses.pwm.get_duty(WASTE_PIN)
                return buses
            except (PioreactorError, OSError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def start_output_guard(self) -> subprocess.Popen[str]:
        self.output_guard = self._start("-m", "pioreactor.cli.output_guard")
        return self.output_guard

    def start_victim(self) -> int:
        """Have a job drive a pump; return its process."""
        assert self.victims.stdin is not None and self.victims.stdout is not None
        self.victims.stdin.write("\n")
        self.victims.stdin.flush()
        return int(self.victims.stdout.readline())

    def time_until_off(self) -> float:
        start = time.monotonic()
        while self.buses.pwm.get_duty(WASTE_PIN) > 0:
            if time.monotonic() - start > GIVE_UP_AFTER_S:
                raise TimeoutError("the pump was never switched off")
            time.sleep(0.002)
        return time.monotonic() - start

    def runtime(self) -> Runtime:
        from pioreactor.bootstrap import build_runtime

        return build_runtime(dict(self.environment), quiet=True, handles_signals=False, asks_leader=False)

    def start_dose(self, duration_s: float) -> subprocess.Popen[str]:
        """Have waste removed by `pio`, and return once the pump turns."""
        process = self._start("-m", "pioreactor.cli.main", "run", "remove_waste", "--duration", str(duration_s))
        until = time.monotonic() + GIVE_UP_AFTER_S
        while not self.buses.pwm.get_duty(WASTE_PIN) > 0:
            if time.monotonic() > until:
                raise TimeoutError("the pump never turned")
            time.sleep(0.002)
        return process

    def removed_ml(self) -> float:
        """Return the total volume removed according to the volume ledger [mL]."""
        runtime = self.runtime()
        try:
            return sum(
                float(value)
                for key, value in runtime.stores.persistent("bioreactor").items()
                if "cumulative_waste_removed_ml" in str(key) and isinstance(value, int | float)
            )
        finally:
            runtime.stores.close()

    def close(self) -> None:
        self.buses.close()
        for process in reversed(self._processes):
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()


@contextmanager
def unit() -> Iterator[Unit]:
    with tempfile.TemporaryDirectory() as directory:
        built = Unit(Path(directory))
        try:
            yield built
        finally:
            built.close()


def reaction_times(kills: int, *, seed: int = 0) -> tuple[list[float], list[float]]:
    """Return seconds from a kill to the pump's rest: with the output guard running, and killed as well."""
    chosen = random.Random(seed)
    watched: list[float] = []
    unwatched: list[float] = []
    with unit() as one:
        time.sleep(1.5)
        for number in range(kills):
            victim = one.start_victim()
            time.sleep(chosen.uniform(0.0, 0.3))
            with_guard = number % 10 == 9
            if with_guard:
                one.output_guard.kill()
            os.kill(victim, signal.SIGKILL)
            if with_guard:
                one.output_guard.wait()
                time.sleep(RESTART_AFTER_S)
                started = time.monotonic()
                one.start_output_guard()
                unwatched.append(time.monotonic() - started + RESTART_AFTER_S + one.time_until_off())
            else:
                watched.append(one.time_until_off())
    return watched, unwatched


def frozen_dose(duration_s: float, *, frozen_s: float) -> tuple[float, float]:
    """Freeze the process of a dose; return how long its pump ran, and for how long by the volume ledger [s]."""
    from pioreactor.actions.bioreactor import set_variables
    from pioreactor.calibrations.defaults import ML_PER_S, install_simulated

    with unit() as one:
        runtime = one.runtime()
        install_simulated(runtime)
        # Only liquid above the end of the efflux tube is removed.
        above = {"current_volume_ml": 12.0, "efflux_tube_volume_ml": 5.0}
        set_variables(runtime, one.environment["EXPERIMENT"], above)
        runtime.stores.close()
        process = one.start_dose(duration_s)
        began = time.monotonic()
        process.send_signal(signal.SIGSTOP)
        one.time_until_off()
        turned_s = time.monotonic() - began
        time.sleep(max(0.0, frozen_s - turned_s))
        process.send_signal(signal.SIGCONT)
        process.wait(GIVE_UP_AFTER_S)
        return turned_s, one.removed_ml() / ML_PER_S


def describe(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)

    def at(part: float) -> float:
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))]

    return (
        f"{name:<34}{len(ordered):>5} kills   median {at(0.5):.3f} s   p95 {at(0.95):.3f} s   "
        f"p99 {at(0.99):.3f} s   worst {ordered[-1]:.3f} s"
    )


def histogram(seconds: list[float], *, width_s: float) -> str:
    """Return the distribution, one line for each step of time."""
    counts: dict[int, int] = {}
    for value in seconds:
        counts[int(value / width_s)] = counts.get(int(value / width_s), 0) + 1
    most = max(counts.values())
    return "\n".join(
        f"{step * width_s:6.2f} s {'█' * round(50 * counts.get(step, 0) / most):<50} {counts.get(step, 0)}"
        for step in range(max(counts) + 1)
    )


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    watched, unwatched = reaction_times(kills)
    print(describe("job killed", watched))
    print(histogram(watched, width_s=0.05))
    if unwatched:
        print(describe("job and output guard killed", unwatched))
        print(histogram(unwatched, width_s=0.25))


if __name__ == "__main__":
    main()
