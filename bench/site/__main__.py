"""Load of a site: a real leader, N simulated units, and browsers that look at the overview of all of them.

Run: python -m bench.site --units 100 --duration-s 60 [--browsers 20] [--history-h 4] [--json] [--keep]. Units publish
as units of `pio demo` were recorded to, and keep each record until the leader acknowledges it. At the end every record
must have been acknowledged and be in the database once. Generator and browsers use the same machine, so a saturated
machine says less about the leader; their own use of it is in the table. `--keep` runs until Ctrl-C, to look at the
panel.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.site.leader import EXPERIMENT, Site, cpu_s, memory_mb, running
from pioreactor.processes.termination import terminate

WARM_UP_S = 12.0
SATURATED = 0.9
"""Share of a core, of one thread, from which on a process cannot do more."""


class Helper:
    """A process of this package that reports when it gets a line."""

    def __init__(self, module: str, *options: str) -> None:
        command = [sys.executable, "-m", f"bench.site.{module}", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a part of the load test has ended; its error is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def report(self) -> dict[str, Any]:
        self.write("report")
        return self.read()


def measure(site: Site, *, units: int, duration_s: float, browsers: int, keep: bool = False) -> dict[str, Any]:
    """Run the load for a while and return what was measured."""
    with ExitStack() as stack:
        load = Helper("units", "--port", str(site.broker_port), "--experiment", EXPERIMENT,
                      "--passwords", str(site.passwords))  # fmt: skip
        stack.callback(terminate, [load.process], patience_s=5.0)
        load.read()
        looking = Helper("browsers", "--port", str(site.port), "--experiment", EXPERIMENT,
                         "--browsers", str(browsers))  # fmt: skip
        stack.callback(terminate, [looking.process], patience_s=5.0)
        looking.write(site.token)
        looking.read()
        time.sleep(WARM_UP_S)
        looking.report()
        before = load.report()
        pids = {**site.processes(), "simulated units": load.process.pid, "browsers": looking.process.pid}
        used = {name: cpu_s(pid) for name, pid in pids.items()}
        began = time.monotonic()
        memory = dict.fromkeys(pids, 0.0)
        backlogs = [before["backlog"]]
        while time.monotonic() - began < duration_s:
            time.sleep(min(5.0, duration_s))
            memory = {name: max(memory[name], memory_mb(pid)) for name, pid in pids.items()}
        spent_s = time.monotonic() - began
        cpu = {name: (cpu_s(pid) - used[name]) / spent_s for name, pid in pids.items()}
        seen, after = looking.report(), load.report()
        backlogs.append(after["backlog"])
        if keep:
            _keep(site)
        load.write("end")
        drained = load.read()
    stored, different = site.od_readings()
    return {
        "units": units,
        "browsers": browsers,
        "duration_s": spent_s,
        "cores": os.cpu_count(),
        "cpu_cores": cpu,
        "memory_mb": memory,
        "live_messages_per_s": (after["live_messages"] - before["live_messages"]) / spent_s,
        "records_per_s": (after["records"] - before["records"]) / spent_s,
        "backlog": backlogs,
        "backlog_at_the_end": drained["backlog"],
        "acknowledged_ms": {key: after[f"acknowledged_{key}_ms"] for key in ("p50", "p95", "max")},
        "resent": drained["resent"],
        "generator_late_p95_ms": after["late_p95_ms"],
        "browser": seen,
        "lost": drained["od_readings"] - different,
        "twice": stored - different,
    }


def _keep(site: Site) -> None:
    print(f"http://127.0.0.1:{site.port} token {site.token}; Ctrl-C ends it.", file=sys.stderr, flush=True)
    try:
        while True:
            site.cluster.check_services()
            time.sleep(0.5)
    except KeyboardInterrupt:
        return


def bottleneck(found: dict[str, Any]) -> str:
    """Name what limits first: a process that has a core to itself, the machine, or what would be next."""
    leader = {name: used for name, used in found["cpu_cores"].items() if name not in ("simulated units", "browsers")}
    busiest = max(leader, key=leader.__getitem__)
    share = leader[busiest]
    if share >= SATURATED:
        return f"{busiest}: {share:.2f} of a core, saturated"
    total = sum(found["cpu_cores"].values())
    if total >= SATURATED * found["cores"]:
        return f"this machine: {total:.2f} of {found['cores']} cores, of the leader most in the {busiest} ({share:.2f})"
    return f"{busiest}: {share:.2f} of a core, so a core would be full at about {found['units'] / share:.0f} units"


def print_report(found: dict[str, Any]) -> None:
    seen = found["browser"]
    print(f"{found['units']} units, {found['browsers']} browsers, {found['duration_s']:.0f} s")
    print(f"{'process':<20}{'share of a core':>16}{'memory MB':>12}")
    for name, share in found["cpu_cores"].items():
        print(f"{name:<20}{share:>16.2f}{found['memory_mb'][name]:>12.0f}")
    print(f"live messages {found['live_messages_per_s']:.0f}/s, records {found['records_per_s']:.0f}/s")
    acknowledged = found["acknowledged_ms"]
    print(f"records waiting at begin and end {found['backlog']}; batches acknowledged after "
          f"{acknowledged['p50']:.0f} ms (p95 {acknowledged['p95']:.0f}, longest {acknowledged['max']:.0f}), "
          f"sent again {found['resent']}; lost {found['lost']}, stored twice {found['twice']}")  # fmt: skip
    print(f"{'request':<34}{'p50 ms':>9}{'p95 ms':>9}{'bytes':>12}")
    for name, answer in seen["answers"].items():
        print(f"{name:<34}{answer['p50_ms']:>9.0f}{answer['p95_ms']:>9.0f}{answer['bytes']:>12,}")
    print(f"failed requests {seen['failed']}, live connections lost {seen['ended']}")
    per_s = {key: seen[f"live_{key}_per_browser"] / found["duration_s"] for key in ("bytes", "frames")}
    print(f"live: {per_s['bytes'] / 1e3:.0f} kB/s and {per_s['frames']:.0f} frames/s a browser, after "
          f"{seen['live_p50_ms']:.0f} ms (p95 {seen['live_p95_ms']:.0f})")  # fmt: skip
    print(f"generator late by {found['generator_late_p95_ms']:.0f} ms (p95)")
    print(f"first bottleneck: {bottleneck(found)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=30)
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--duration-s", type=float, default=20.0)
    parser.add_argument("--history-h", type=float, default=4.0, help="past readings of each unit [h]")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="run until Ctrl-C")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started ends with this
    with ExitStack() as stack:
        directory = tempfile.TemporaryDirectory(prefix="site-", ignore_cleanup_errors=True)
        site = stack.enter_context(running(Path(stack.enter_context(directory)), asked.units, asked.history_h))
        found = measure(site, units=asked.units, duration_s=asked.duration_s, browsers=asked.browsers,
                        keep=asked.keep)  # fmt: skip
    if asked.json:
        print(json.dumps({**found, "first_bottleneck": bottleneck(found)}, indent=2))
    else:
        print_report(found)
    return int(bool(found["lost"] or found["twice"] or found["backlog_at_the_end"]))


if __name__ == "__main__":
    sys.exit(main())
