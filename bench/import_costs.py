"""Measures what imports cost that commands and jobs avoid, as multiples of an interpreter that does nothing.

Run `python -m bench.import_costs [ROUNDS]`. Each measurement is a process of its own. Compared is processor time, which
other programs hardly disturb, and the resident set at the end (Linux only). Rows that begin with "+" are added to a
process that has imported what every job needs.
"""

import statistics
import subprocess
import sys

REFERENCE = "python -c pass"
JOB = "base class of jobs"
_JOB = "from pioreactor.cli import fast_start\nfast_start.import_msgspec()\nimport pioreactor.jobs.job\n"
SOURCES = {
    REFERENCE: "",
    "catalog of jobs": "import pioreactor.job_catalog",
    "classes of all jobs": "from pioreactor.job_catalog import JOBS\nfor job in JOBS.values(): job.load()",
    "click": "import click",
    "all commands": "from pioreactor.cli.tree import ENTRIES\nimport importlib\n"
    "for entry in ENTRIES.values(): importlib.import_module(entry.module)",
    JOB: _JOB,
    "+ command line": f"{_JOB}import pioreactor.cli.run, pioreactor.cli.tree",
    "+ typing_extensions": f"{_JOB}import typing_extensions",
    "+ TLS, hashes, URLs": f"{_JOB}import ssl, hashlib, urllib.request",
    "+ YAML": f"{_JOB}import yaml",
    "+ HTTP client": f"{_JOB}import pioreactor.http.client",
}
_REPORT = """
import os, time
print(time.process_time(), int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
"""


def main(rounds: int = 15) -> None:
    """Print what each row adds to the interpreter, or to a job: the shortest time, the median of the memory."""
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in SOURCES}
    for _ in range(rounds):
        for name, source in SOURCES.items():
            command = [sys.executable, "-c", f"{source}\n{_REPORT}"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            cpu_s, resident_bytes = done.stdout.split()
            measured[name].append((float(cpu_s), float(resident_bytes) / 1e6))
    cpu_s_of = {name: min(cpu for cpu, _ in values) for name, values in measured.items()}
    mb_of = {name: statistics.median(mb for _, mb in values) for name, values in measured.items()}
    print(f"{'adds':<22} {'processor time':>20} {'memory':>10}")
    for name in SOURCES:
        base = JOB if name.startswith("+") else REFERENCE
        added_s = cpu_s_of[name] - cpu_s_of[base]
        print(
            f"{name:<22} {added_s * 1000:7.1f} ms {added_s / cpu_s_of[REFERENCE]:7.2f} x"
            f" {mb_of[name] - mb_of[base]:7.1f} MB"
        )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
