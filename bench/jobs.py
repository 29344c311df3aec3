"""How long jobs take from start to `ready` on the broker, and the memory of each while all of them run.

Run `python -m bench.jobs [ROUNDS]`. It sets up a real cluster on this machine: broker, leader, one worker with a
simulated reactor, each process its own. Start-up is a multiple of an interpreter that does nothing, in the same run, so
that a busy machine slows both alike; "cpu" compares processor time, which other programs hardly disturb. Targets: start
growth_rate_calculating and monitor at most 8 times, stirring and od_reading at most 20 times; proportional memory (PSS)
at most 18 MB without numpy, 26 MB with it.
"""

from __future__ import annotations

import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pioreactor import topics
from pioreactor.bootstrap import build_runtime
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.experiment import start_experiment
from pioreactor.demo.plan import LEADER, DemoPlan
from pioreactor.messaging.ports import Message

STARTED = {"growth_rate_calculating": 8, "monitor": 8, "stirring": 20, "od_reading": 20}
AUTOMATIONS = {
    "temperature_automation": ["--automation-name", "thermostat", "--target-temperature", "37"],
    "dosing_automation": ["--automation-name", "turbidostat", "--target-biomass", "1.0", "--exchange-volume-ml", "1.0"],
    "led_automation": ["--automation-name", "light_dark_cycle"],
}
WORKER = "worker1"
EXPERIMENT = "demo"
LONGEST_START_S = 30.0


class Timer:
    """Starts jobs of the worker and waits until they have published that they are ready."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._environment = {**cluster.environment(WORKER), "EXPERIMENT": EXPERIMENT, "ACTIVE": "1"}
        self._environment |= {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.5"}
        runtime = build_runtime(cluster.environment(LEADER), quiet=True, handles_signals=False)
        self._stores = runtime.stores
        self._bus = runtime.buses.connect("bench")
        self._ready = threading.Event()
        self._awaited = ""
        self._bus.subscribe(topics.state(WORKER, "+", "+"), self._on_state)

    def _on_state(self, message: Message) -> None:
        if not message.retain and message.payload == b"ready" and message.topic.split("/")[3] == self._awaited:
            self._ready.set()

    def start(self, job: str, *options: str) -> tuple[subprocess.Popen[bytes], float, float]:
        """Return the process, the seconds until it was ready, and the processor time that this took."""
        self._awaited = job
        self._ready.clear()
        began_s = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "pioreactor.cli.main", "run", job, *options],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if not self._ready.wait(LONGEST_START_S):
            process.kill()
            raise SystemExit(f"{job} was not ready after {LONGEST_START_S:g} s")
        took_s = time.perf_counter() - began_s
        return process, took_s, cpu_s_of(process.pid)

    def close(self) -> None:
        self._bus.close()
        self._stores.close()


def cpu_s_of(pid: int) -> float:
    """Return the processor time a process has used [s], in nanosecond steps where the kernel counts them."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total_ns += int((task / "schedstat").read_text().split()[0])
    return total_ns / 1e9


def pass_took() -> tuple[float, float]:
    """Return seconds and processor time of an interpreter that does nothing (the latter said by itself at its end)."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    took_s = time.perf_counter() - began_s
    clocked = [sys.executable, "-c", "import time; print(time.process_time())"]
    return took_s, float(subprocess.run(clocked, check=True, capture_output=True, text=True).stdout)


def pss_mb(pid: int) -> float:
    """Return the memory of a process, what it shares divided among the sharers [MB]."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def has_numpy(pid: int) -> bool:
    return "numpy" in Path(f"/proc/{pid}/maps").read_text()


def end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)
    process.wait(20)


@contextmanager
def a_cluster() -> Iterator[DemoCluster]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="pio-bench-") as folder:
        cluster = DemoCluster(DemoPlan(Path(folder), workers=1, port=port), log=lambda _: None)
        try:
            cluster.start()
            start_experiment(cluster, jobs=())
            yield cluster
        finally:
            cluster.stop()


def measure_starts(timer: Timer, rounds: int) -> None:
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ("python -c pass", *STARTED)}
    for _ in range(rounds):
        took["python -c pass"].append(pass_took())
        for job in STARTED:
            process, seconds, cpu_s = timer.start(job)
            took[job].append((seconds, cpu_s))
            end(process)
    wall = {name: statistics.median(seconds for seconds, _ in pairs) for name, pairs in took.items()}
    # Rare disturbances only add: the smallest is the truest for processor time.
    cpu = {name: min(seconds for _, seconds in pairs) for name, pairs in took.items()}
    print(f"{'start to ready':<26}{'time':>9}{'ratio':>9}{'cpu':>9}{'ratio':>9}{'target':>9}")
    for name in took:
        ratio, cpu_ratio = wall[name] / wall["python -c pass"], cpu[name] / cpu["python -c pass"]
        target = f"{STARTED[name]:g} x" if name in STARTED else ""
        print(f"{name:<26}{wall[name] * 1000:>6.0f} ms{ratio:>7.1f} x{cpu[name] * 1000:>6.0f} ms", end="")
        print(f"{cpu_ratio:>7.1f} x{target:>9}")


def measure_memory(timer: Timer, cluster: DemoCluster) -> None:
    cluster.start_boot_services()
    processes = {job: timer.start(job)[0] for job in STARTED if job != "monitor"}
    processes |= {job: timer.start(job, *options)[0] for job, options in AUTOMATIONS.items()}
    time.sleep(20)
    pids = {service.name: service.process.pid for service in cluster.services if service.process is not None}
    pids |= {f"{job} of {WORKER}": process.pid for job, process in processes.items()}
    print(f"\n{'memory while all run':<38}{'PSS':>8}{'target':>9}")
    sums: dict[str, float] = {}
    for name, pid in sorted(pids.items(), key=lambda item: item[0].split(" of ")[::-1]):
        memory_mb = pss_mb(pid)
        unit = name.split(" of ")[1]
        sums[unit] = sums.get(unit, 0.0) + memory_mb
        limit = 26 if has_numpy(pid) else 18
        print(f"{name:<38}{memory_mb:>5.1f} MB{limit:>6} MB")
    for unit, memory_mb in sums.items():
        print(f"{'all of ' + unit:<38}{memory_mb:>5.1f} MB")
    for process in processes.values():
        end(process)


def main(rounds: int = 5) -> None:
    """Print both tables."""
    with a_cluster() as cluster:
        timer = Timer(cluster)
        try:
            measure_starts(timer, rounds)
            measure_memory(timer, cluster)
        finally:
            timer.close()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
