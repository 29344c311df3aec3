"""How long jobs take from start to `ready` on the broker, and the memory of each while all of them run.

Run `python -m bench.jobs [ROUNDS]`. It sets up a real cluster on this machine: broker, leader, one worker with a
simulated reactor, each process its own. Start-up is a multiple of an interpreter that does nothing, in the same run, so
that a busy machine slows both alike; "cpu" compares processor time, which other programs hardly disturb. Targets: start
growth_rate_calculating and monitor at most 8 times, stirring and od_reading at most 20 times; proportional memory (PSS)
at most 18 MB without numpy, 26 MB with it; all of a worker at most 60 MB.

Three designs are compared: each job as a process of its own, forked by the fork server, and, as a trial that no unit
offers, all jobs as threads of one process.
"""

from __future__ import annotations

import os
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
from pioreactor.processes.forked_process import PioStarter, StartedProcess
from pioreactor.processes.launch import module_argv, pio_argv
from pioreactor.settings.editing import set_value

STARTED = {"growth_rate_calculating": 8, "monitor": 8, "stirring": 20, "od_reading": 20}
AUTOMATIONS = {
    "temperature_automation": ["--automation-name", "thermostat", "--target-temperature", "37"],
    "dosing_automation": ["--automation-name", "turbidostat", "--target-biomass", "1.0", "--exchange-volume-ml", "1.0"],
    "led_automation": ["--automation-name", "light_dark_cycle"],
}
ONE_PROCESS = """
import sys, threading
from pioreactor.bootstrap import build_runtime
from pioreactor.job_catalog import JOBS
from pioreactor.runtime import context
context.install(build_runtime(handles_signals=False))
for words in map(str.split, sys.argv[1:]):
    options = {flag.removeprefix("--").replace("-", "_"): value for flag, value in zip(words[1::2], words[2::2])}
    numbers = {key: float(value) if value.replace(".", "").isdigit() else value for key, value in options.items()}
    threading.Thread(target=JOBS[words[0]].load().run_from_options, kwargs=numbers).start()
"""
WORKER = "worker1"
EXPERIMENT = "demo"
LONGEST_START_S = 30.0
SETTLES_S = 15.0


class Timer:
    """Starts jobs of the worker and waits until they have published that they are ready."""

    def __init__(self, cluster: DemoCluster) -> None:
        self._environment = {**cluster.environment(WORKER), "EXPERIMENT": EXPERIMENT, "ACTIVE": "1"}
        self._environment |= {"MODEL_NAME": "pioreactor_20ml", "MODEL_VERSION": "1.5"}
        runtime = build_runtime(cluster.environment(LEADER), quiet=True, handles_signals=False)
        self.fork_server = cluster.paths(WORKER).fork_server
        self._stores = runtime.stores
        self._bus = runtime.buses.connect("bench")
        self._ready = threading.Event()
        self._awaited = ""
        self.seen_ready: set[str] = set()
        self._bus.subscribe(topics.state(WORKER, "+", "+"), self._on_state)

    def _on_state(self, message: Message) -> None:
        if message.payload == b"ready":
            self.seen_ready.add(message.topic.split("/")[3])
        if not message.retain and message.payload == b"ready" and message.topic.split("/")[3] == self._awaited:
            self._ready.set()

    def start(self, job: str, *options: str, forked: bool = False) -> tuple[StartedProcess, float, float]:
        """Return the process, the seconds until it was ready, and the processor time that this took."""
        self._awaited = job
        self._ready.clear()
        began_s = time.perf_counter()
        starter = PioStarter(self.fork_server if forked else None)
        process = starter(pio_argv("run", job, *options), self._environment)
        if forked and isinstance(process, subprocess.Popen):
            raise SystemExit("the fork server did not start the job")
        if not self._ready.wait(LONGEST_START_S):
            os.kill(process.pid, signal.SIGKILL)
            raise SystemExit(f"{job} was not ready after {LONGEST_START_S:g} s")
        took_s = time.perf_counter() - began_s
        return process, took_s, cpu_s_of(process.pid)

    def start_all_in_one(self) -> subprocess.Popen[bytes]:
        """Start a process with all activities as threads."""
        automations = (" ".join((job, *options)) for job, options in AUTOMATIONS.items())
        words = [*(job for job in STARTED if job != "monitor"), *automations]
        self.seen_ready.clear()
        argv = [sys.executable, "-c", ONE_PROCESS, *words]
        return subprocess.Popen(argv, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

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


def end(process: StartedProcess) -> None:
    os.kill(process.pid, signal.SIGINT)
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


def start_fork_server(cluster: DemoCluster) -> None:
    paths = cluster.paths(WORKER)
    set_value(paths.local_config, "jobs", "use_fork_server", "1")
    cluster.add_service(WORKER, "fork_server", module_argv("pioreactor.cli.fork_server"))
    until_s = time.monotonic() + LONGEST_START_S
    while not paths.fork_server.exists() and time.monotonic() < until_s:
        time.sleep(0.05)


def measure_starts(timer: Timer, rounds: int) -> None:
    own, forked = {job: job for job in STARTED}, {f"{job}, forked": job for job in STARTED}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in ("python -c pass", *own, *forked)}
    for _ in range(rounds):
        took["python -c pass"].append(pass_took())
        for name, job in (own | forked).items():
            process, seconds, cpu_s = timer.start(job, forked=name in forked)
            took[name].append((seconds, cpu_s))
            end(process)
    wall = {name: statistics.median(seconds for seconds, _ in pairs) for name, pairs in took.items()}
    # Rare disturbances only add: the smallest is the truest for processor time.
    cpu = {name: min(seconds for _, seconds in pairs) for name, pairs in took.items()}
    print(f"{'start to ready':<34}{'time':>9}{'ratio':>9}{'cpu':>9}{'ratio':>9}{'target':>9}")
    for name in took:
        ratio, cpu_ratio = wall[name] / wall["python -c pass"], cpu[name] / cpu["python -c pass"]
        target = f"{STARTED[name]:g} x" if name in STARTED else "100 ms" if name in forked else ""
        print(f"{name:<34}{wall[name] * 1000:>6.0f} ms{ratio:>7.1f} x{cpu[name] * 1000:>6.0f} ms", end="")
        print(f"{cpu_ratio:>7.1f} x{target:>9}")


def start_all(timer: Timer, *, forked: bool) -> dict[str, StartedProcess]:
    processes = {job: timer.start(job, forked=forked)[0] for job in STARTED if job != "monitor"}
    return processes | {job: timer.start(job, *given, forked=forked)[0] for job, given in AUTOMATIONS.items()}


def memory_of_jobs(processes: dict[str, StartedProcess], title: str) -> float:
    """Print the memory of jobs once they have run for a while, end them, and return the sum [MB]."""
    time.sleep(SETTLES_S)
    found_mb = {job: pss_mb(process.pid) for job, process in processes.items()}
    print(f"\n{title}")
    for job, memory_mb in found_mb.items():
        limit = 26 if has_numpy(processes[job].pid) else 18
        print(f"{job:<38}{memory_mb:>5.1f} MB{limit:>6} MB")
    print(f"{'all jobs':<38}{sum(found_mb.values()):>5.1f} MB")
    for process in processes.values():
        end(process)
    return sum(found_mb.values())


def measure_memory(timer: Timer, cluster: DemoCluster) -> None:
    own_mb = memory_of_jobs(start_all(timer, forked=False), "jobs as processes of their own: PSS, target")
    start_fork_server(cluster)
    forked = start_all(timer, forked=True)
    services = {service.name: service.process.pid for service in cluster.services if service.process is not None}
    server = f"fork_server of {WORKER}"
    time.sleep(SETTLES_S)
    server_mb = pss_mb(services[server])
    print(f"\nthe fork server beside six forked jobs: {server_mb:.1f} MB")
    forked_mb = server_mb + memory_of_jobs(forked, "jobs that were forked: PSS, target")
    print("\nservices: PSS while jobs run as one process")
    one = timer.start_all_in_one()
    time.sleep(SETTLES_S)
    one_mb = pss_mb(one.pid)
    found_mb = {name: pss_mb(pid) for name, pid in services.items()}
    for name, memory_mb in sorted(found_mb.items(), key=lambda item: item[0].split(" of ")[::-1]):
        print(f"{name:<38}{memory_mb:>5.1f} MB")
    print(f"ready in one process: {', '.join(sorted(timer.seen_ready - {'monitor'}))}")
    one.kill()
    one.wait()
    others_mb = sum(mb for name, mb in found_mb.items() if name.endswith(WORKER) and name != server)
    others_mb -= found_mb[f"reactor of {WORKER}"]
    print(f"\n{'all of a worker, without its twin':<38}{'PSS':>8}{'goal':>9}")
    for design, memory_mb in {"own processes": own_mb, "forked": forked_mb, "one process": one_mb}.items():
        print(f"{design:<38}{others_mb + memory_mb:>5.1f} MB{60:>6} MB")


def main(rounds: int = 5) -> None:
    """Print the tables."""
    with a_cluster() as cluster:
        timer = Timer(cluster)
        try:
            cluster.start_boot_services()
            measure_memory(timer, cluster)
            stop_monitor(cluster)
            measure_starts(timer, rounds)
        finally:
            timer.close()


def stop_monitor(cluster: DemoCluster) -> None:
    """Stop the worker's monitor, whose start is measured; no one restarts it here."""
    monitor = next(service for service in cluster.services if service.name == f"monitor of {WORKER}")
    cluster.services.remove(monitor)
    if monitor.process is not None:
        end(monitor.process)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
