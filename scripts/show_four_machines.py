"""Writes transcripts of four machines with a systemd of their own: from nothing to an experiment, and updates.

Run `python scripts/show_four_machines.py` as root on Debian; it takes about five minutes. It writes
`docs/tutorials/four-machines.md` and `docs/tutorials/updates-of-a-cluster.md`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "scripts")]

import build_deb  # noqa: E402
from booted_machines import BootedMachine, Transcript, booted, print_line, until  # noqa: E402
from tests.system import release_for_tests as releases  # noqa: E402

TUTORIALS: Final = ROOT / "docs" / "tutorials"
DEB: Final = "pioreactor_27.0.0+deb12_amd64.deb"
NAMES: Final = {"leader1": False, "worker1": False, "worker2": True, "worker3": False}
WORKERS: Final = ("worker1", "worker2", "worker3")
BAD_ON_WORKER2: Final = """

import socket

if socket.gethostname() == "worker2":
    raise RuntimeError("this version cannot watch worker2")
"""
Machines = Mapping[str, BootedMachine]


def make_releases(folder: Path, keys: Path) -> None:
    """Build the package of 27.0.0 and releases after it: a bad migration, a good one, one that fails on a worker."""
    wheels = releases.needed_wheels(folder / "wheels")
    own = releases.own_wheel(keys, "27.0.0")
    build_deb.build(folder, wheel=own, wheels=wheels, debian="12")
    key = keys / "key"
    subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key), check=True)
    (folder / "release_signers").write_text(f"release {key.with_suffix('.pub').read_text()}")
    monitor = "background_jobs/monitor/job.py"
    text = (ROOT / "src" / "pioreactor" / monitor).read_text()
    changes = {
        "27.1.0": releases.broken_migration(),
        "27.2.0": {},
        "27.3.0": {monitor: text + BAD_ON_WORKER2},
    }
    for version, changed in changes.items():
        wheel = releases.own_wheel(keys, version, changed)
        releases.bundle(folder / f"release_{version}.zip", wheel, wheels, key)


def install(machine: BootedMachine, variables: str = "") -> list[str]:
    """Install the package; return what was typed."""
    shown = machine.shown(f"{variables}dpkg -i /srv/{DEB}", root=True)
    kept = [line for line in shown.splitlines() if "Reading database" not in line]
    return ["\n".join(kept)]


def answering(leader: BootedMachine) -> int:
    return leader.do("pio workers status --json").stdout.count('"answers": true')


def set_up_leader(transcript: Transcript, leader: BootedMachine) -> None:
    began = time.monotonic()
    shown = install(leader, "PIOREACTOR_ROLE='leader --simulated' ")
    until(lambda: leader.do("pio status").returncode == 0, "the leader works")
    took_s = time.monotonic() - began
    transcript.paragraph("## The leader")
    transcript.show(*shown, leader.shown("pio status"))
    transcript.paragraph(f"From the bare machine to a leader on which all checks succeed: **{took_s:.0f} s**.")


def join_by_code(transcript: Transcript, machines: Machines, name: str) -> None:
    """Join a worker that shows a code; the one behind the router is named by its address."""
    leader, worker = machines["leader1"], machines[name]
    began, before = time.monotonic(), answering(leader)
    shown = install(worker)
    joining_s = time.monotonic()
    joining = worker.start("pio cluster join --simulated")
    assert joining.stdout is not None
    said: list[str] = []
    for line in joining.stdout:
        said.append(line.rstrip())
        if line.startswith("Waiting"):
            break
    code = next(line.split()[1] for line in said if line.startswith("  Code "))
    transcript.replaced[code] = "THE-CODE"
    address = f" -a {worker.address}" if name == "worker2" else ""
    shown.append("\n".join([worker.typed("pio cluster join --simulated"), *said]))
    if not address:
        shown.append(leader.shown("pio workers discover"))
    shown.append(leader.shown(f"pio workers add {name} --code {code}{address}"))
    rest = joining.communicate(timeout=60)[0].strip()
    shown.append(f"(and {name} says)\n{rest}")
    shown.append(worker.shown("systemctl start pioreactor.target", root=True))
    until(lambda: answering(leader) == before + 1, f"{name} answers")
    transcript.paragraph(f"## {name}, {'behind a router' if address else 'found in the network'}")
    transcript.show(*shown)
    transcript.paragraph(_joined(name, began, joining_s))


def _joined(name: str, began: float, joining: float) -> str:
    now = time.monotonic()
    return (
        f"From `pio cluster join` until {name} answers the leader: **{now - joining:.0f} s**; with the installation "
        f"{now - began:.0f} s."
    )


def join_by_ssh(transcript: Transcript, machines: Machines, name: str) -> None:
    leader, worker = machines["leader1"], machines[name]
    began, before = time.monotonic(), answering(leader)
    shown = install(worker)
    worker.do("ssh-keygen -A && systemctl start ssh", root=True)
    command = f"pio workers add {name} --ssh -a {worker.address} --simulated"
    joining_s = time.monotonic()
    refused = leader.shown(command, exit_code=1)
    key = re.search(r"ssh-ed25519 \S+", refused)
    assert key is not None, refused
    transcript.replaced[key[0]] = "ssh-ed25519 THE-KEY"
    line = f"mkdir -p .ssh && echo '{key[0]}' >> .ssh/authorized_keys"
    shown += [refused, worker.shown(line), leader.shown(command)]
    until(lambda: answering(leader) == before + 1, f"{name} answers")
    transcript.paragraph(f"## {name}, by SSH")
    transcript.paragraph("The first try says which key the machine has to know.")
    transcript.show(*shown)
    transcript.paragraph(_joined(name, began, joining_s))


def run_experiment(transcript: Transcript, machines: Machines) -> None:
    leader = machines["leader1"]
    shown = [leader.shown("pio workers status"), leader.shown("pio experiments create first")]
    shown += [leader.shown(f"pio workers assign {name} first") for name in WORKERS]
    shown.append(leader.shown("pios run stirring --target-rpm 400 -y"))
    began = time.monotonic()
    until(lambda: len(stirred(leader)) == len(WORKERS), "all stir")
    took_s = time.monotonic() - began
    transcript.paragraph("## An experiment")
    transcript.show(*shown, leader.shown("pios jobs list running"))
    transcript.paragraph(
        f"After {took_s:.0f} s the leader's database has stirring rates of {', '.join(stirred(leader))}."
    )


def rows(leader: BootedMachine, query: str) -> list[str]:
    database = "/home/pioreactor/.pioreactor/storage/pioreactor.sqlite"
    code = f"import sqlite3\nfor row in sqlite3.connect('{database}').execute('''{query}'''): print(*row)"
    return leader.do(f'/opt/pioreactor/current/bin/python -c "{code}"').stdout.split("\n")[:-1]


def stirred(leader: BootedMachine, since: str = "") -> list[str]:
    """Return the workers with a measured stirring rate after a moment."""
    return rows(leader, f"SELECT DISTINCT pioreactor_unit FROM stirring_rates WHERE timestamp > '{since}' ORDER BY 1")


def update(transcript: Transcript, machines: Machines) -> None:
    """Try releases on the cluster while all workers stir."""
    leader, absent = machines["leader1"], machines["worker3"]
    for machine in machines.values():
        machine.do("mkdir -p /etc/pioreactor && cp /srv/release_signers /etc/pioreactor/", root=True)

    def tell(title: str, text: str, *commands: tuple[BootedMachine, str, int]) -> None:
        print_line(title)
        shown = [machine.shown(command, exit_code=code) for machine, command, code in commands]
        transcript.paragraph(f"## {title}")
        transcript.paragraph(text)
        transcript.show(*shown)

    def install_release(version: str, more: str = "--force -y") -> str:
        return f"pios update app --source /srv/release_{version}.zip {more}"

    tell("Jobs run", "All three workers stir. Nothing is changed without consent, on the leader neither.",
         (leader, install_release("27.1.0", "-y"), 1), (leader, "pio version", 0))  # fmt: skip
    tell("A migration that fails", "With consent (`--force`). The migration of 27.1.0 fails on a copy of the database.",
         (leader, install_release("27.1.0"), 1), (leader, "pio update status", 0), (leader, "pio status", 0),
         (leader, "pio workers status", 0))  # fmt: skip
    subprocess.run(("ip", "link", "set", "port4", "down"), check=True)
    tell("A worker that is away", "The cable of worker3 is unplugged. 27.2.0 is good.",
         (leader, install_release("27.2.0"), 1), (leader, "pio workers status", 0))  # fmt: skip
    subprocess.run(("ip", "link", "set", "port4", "up"), check=True)
    until(lambda: answering(leader) == len(WORKERS), "worker3 is back")
    tell("It is back", "The cable is plugged in again.",
         (leader, install_release("27.2.0", "--units worker3 --force -y"), 0), (absent, "pio update status", 0),
         (leader, "pio workers status", 0), (leader, "pios jobs list running", 0))  # fmt: skip
    tell("A release that does not work on one worker",
         "27.3.0 has a fault: its monitor does not start on worker2. "
         "The trial there sees it before anything is stopped.",
         (leader, install_release("27.3.0"), 1), (machines["worker2"], "pio update status", 0),
         (leader, "pio workers status", 0))  # fmt: skip
    [now] = rows(leader, "SELECT max(timestamp) FROM stirring_rates")
    until(lambda: len(stirred(leader, now)) == len(WORKERS), "all still measure")
    transcript.paragraph(
        f"Since then stirring rates have come from {', '.join(stirred(leader, now))}: the jobs measure on."
    )


def inside(shared: Path) -> None:
    first, second = Transcript(), Transcript()
    first.paragraph("# Four machines become a cluster")
    about = (
        "written by `python scripts/show_four_machines.py`. The machines are namespaces of one computer with two "
        "cores: each has files, processes, a network interface, an SSH server and a systemd of its own, and Debian 12"
    )
    first.paragraph(
        f"What four machines said, {about} without an account, a folder or a service of this software; Mosquitto is "
        "installed. worker2 is behind a router that multicast does not pass. The reactors are simulated. `leader1$` is "
        "the account `pioreactor` of that machine, `leader1#` its root; the number after a command is its duration. "
        "Codes and keys are replaced by words."
    )
    second.paragraph("# Updates of a cluster that runs")
    second.paragraph(
        f"What a cluster said to three releases, {about}. It is that of "
        "[Four machines become a cluster](four-machines.md); its workers stir all the time. "
        "How updates work: [Update the software](../how-to/update-the-software.md)."
    )
    with booted(NAMES, shared) as machines:
        print_line("booted")
        set_up_leader(first, machines["leader1"])
        for name, join in (("worker1", join_by_code), ("worker2", join_by_code), ("worker3", join_by_ssh)):
            print_line(name)
            join(first, machines, name)
        print_line("experiment")
        run_experiment(first, machines)
        first.write(TUTORIALS / "four-machines.md")
        update(second, machines)
        second.write(TUTORIALS / "updates-of-a-cluster.md")


def main(arguments: Sequence[str]) -> int:
    if arguments:
        inside(Path(arguments[0]))
        return 0
    with tempfile.TemporaryDirectory() as name:
        shared, keys = Path(name) / "srv", Path(name) / "keys"
        shared.mkdir()
        keys.mkdir()
        make_releases(shared, keys)
        namespaces = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
        command = [*namespaces, sys.executable, str(Path(__file__).resolve()), str(shared)]
        return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
