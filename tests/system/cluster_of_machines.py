"""Several machines with file systems and networks of their own: from nothing to an experiment on a cluster.

Run inside of namespaces (`bench.network_cut.netns.run_in_namespaces`); what was seen goes into a JSON file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.network_cut.netns import INSIDE, do, inside, namespace

PIO = (sys.executable, "-P", "-m", "pioreactor.cli.main")
PIOS = (sys.executable, "-P", "-m", "pioreactor.cli.pios")
SSH_PASSWORD = "correct horse 42"
WITHIN_S = 60.0


@dataclass
class Machine:
    """A computer: a name, an address, files of its own, and the processes that run on it."""

    name: str
    address: str
    folder: Path
    prefix: Sequence[str]
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        return {
            **kept,
            "HOSTNAME": self.name,
            "DOT_PIOREACTOR": str(self.folder / "dot_pioreactor"),
            "RUN_PIOREACTOR": str(self.folder / "run"),
            "PIO_LOG_FILE": str(self.folder / "pioreactor.log"),
        }

    def pio(self, *arguments: str, program: Sequence[str] = PIO, said: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `said` is its standard input."""
        return subprocess.run(
            [*self.prefix, *program, *arguments],
            env=self.environment, input=said, capture_output=True, text=True, check=False, timeout=180,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command whose output goes to a file."""
        with (self.folder / f"{'-'.join(arguments[:2])}.out").open("w") as output:
            process = subprocess.Popen(
                [*self.prefix, *PIO, *arguments],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.running.append(process)
        return process

    def output(self, *arguments: str) -> str:
        return (self.folder / f"{'-'.join(arguments)}.out").read_text()

    def code(self) -> str:
        """Return the code that the machine shows last, as soon as it shows one."""

        def shown() -> str | None:
            codes = [line.split()[1] for line in self.output("cluster", "join").splitlines() if "  Code " in line]
            return codes[-1] if codes and "Waiting" in self.output("cluster", "join") else None

        return until(shown)

    def stop(self) -> None:
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait(60)


def until(look: Callable[[], object], within_s: float = WITHIN_S) -> str:
    """Return what `look` returns as soon as it is true."""
    deadline = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return str(found)
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {look.__name__}")
        time.sleep(0.1)


class Lab:
    """One network with machines on it; behind a router others, which multicast does not reach."""

    def __init__(self, root: Path, stack: ExitStack) -> None:
        self._root = root
        self._stack = stack
        do("ip link set lo up")
        do("ip link add name lab type bridge mcast_snooping 0")
        do("ip addr add 10.88.0.254/24 dev lab")
        do("ip link set lab up")
        do("tee /proc/sys/net/ipv4/ip_forward", said="1")
        self.machines: list[Machine] = []

    def machine(self, name: str, number: int, *, behind_router: bool = False) -> Machine:
        pid = self._stack.enter_context(namespace())
        prefix, network = inside(pid), f"10.88.{number if behind_router else 0}"
        address = f"{network}.{number}"
        do(f"ip link add port{number} type veth peer name eth0 netns {pid}")
        if behind_router:
            do(f"ip addr add {network}.254/24 dev port{number}")
            do(f"ip link set port{number} up")
        else:
            do(f"ip link set port{number} master lab up")
        for command in (
            "ip link set lo up", f"ip addr add {address}/24 dev eth0", "ip link set eth0 up",
            f"ip route add default via {network}.254",
        ):  # fmt: skip
            do(command, prefix)
        do("tee /proc/sys/net/unix/max_dgram_qlen", prefix, said="512")  # as systemd sets it on real machines
        folder = self._root / f"m{number}"
        folder.mkdir()
        made = Machine(name, address, folder, prefix)
        self.machines.append(made)
        return made


@contextmanager
def lab(root: Path) -> Iterator[Lab]:
    with ExitStack() as stack:
        made = Lab(root, stack)
        try:
            yield made
        finally:
            for machine in reversed(made.machines):
                machine.stop()


def scenario(root: Path) -> dict[str, object]:
    """Make a leader and three workers from nothing, run an experiment, let one leave and remove another."""
    seen: dict[str, object] = {}
    with lab(root) as network:
        began = time.monotonic()
        leader = network.machine("leader1", 1)
        made = leader.pio("cluster", "init", "--simulated", "--json")
        assert made.returncode == 0, made.stderr
        seen["init"] = json.loads(made.stdout)
        leader.start("cluster", "run")
        until(lambda: leader.pio("workers", "status", "--json").returncode == 0)
        seen["leader_s"] = time.monotonic() - began
        first = network.machine("worker1", 2)
        seen["joined_s"] = [join(leader, first)]
        second = network.machine("worker2", 3, behind_router=True)
        seen["key"] = join_by_ssh_key(leader, second)
        workers = [first, second]
        seen["impostor"] = impostor(leader, network.machine("leader1", 4))
        other = second_leader(network.machine("leader2", 6))
        third = network.machine("worker3", 5)
        seen["wrong_codes"] = wrong_codes(leader, third)
        seen["second_leader_sees"] = other.pio("workers", "discover").stdout
        seen["second_leader_without_code"] = other.pio("workers", "add", "worker3", "--code", "0000-0000").stderr
        seen["password"] = join_by_ssh_password(leader, third)
        workers.append(third)
        for worker in workers:
            worker.start("cluster", "run")
        seen["experiment"] = experiment(leader, workers)
        seen["second_leader"] = taken_over(other, leader, workers)
        seen["status"] = {m.name: m.pio("status").returncode for m in (leader, *workers)}
        seen["leave"] = leave(leader, workers[0])
        seen["removed"] = remove(leader, workers[1])
    return seen


def join(leader: Machine, worker: Machine) -> float:
    """Join a worker that is found in the network; return how long it took [s]."""
    began = time.monotonic()
    worker.start("cluster", "join", "--simulated")
    added = leader.pio("workers", "add", worker.name, "--code", worker.code())
    assert added.returncode == 0, added.stderr
    assert worker.running[-1].wait(30) == 0, worker.output("cluster", "join")
    return time.monotonic() - began


def join_by_ssh_key(leader: Machine, worker: Machine) -> dict[str, object]:
    """Join a worker that multicast does not reach, by the key of the cluster, once that is on the machine."""
    serve_ssh(worker)
    began = time.monotonic()
    arguments = ("workers", "add", worker.name, "--ssh", "--ssh-user", "root", "-a", worker.address, "--simulated")
    refused = leader.pio(*arguments)
    assert refused.returncode == 1
    key = next(line for line in refused.stderr.splitlines() if "ssh-ed25519 " in line)
    (worker.folder / "authorized_keys").write_text(key[key.index("ssh-ed25519 ") :] + "\n")
    added = leader.pio(*arguments)
    assert added.returncode == 0, added.stderr
    return {"refused": refused.stderr, "added": added.stdout + added.stderr, "joined_s": time.monotonic() - began}


def join_by_ssh_password(leader: Machine, worker: Machine) -> dict[str, object]:
    """Join a worker by a password; return what was said to a wrong one."""
    serve_ssh(worker)
    began = time.monotonic()
    arguments = ("workers", "add", worker.name, "-p", "--ssh-user", "root", "-a", worker.address, "--simulated")
    refused = leader.pio(*arguments, said="a wrong password\n")
    assert refused.returncode == 1
    added = leader.pio(*arguments, said=f"{SSH_PASSWORD}\n")
    assert added.returncode == 0, added.stderr
    told = [
        path.name for path in leader.folder.rglob("*") if path.is_file() and SSH_PASSWORD.encode() in path.read_bytes()
    ]
    return {"refused": refused.stderr, "joined_s": time.monotonic() - began, "told": told}


def serve_ssh(machine: Machine) -> None:
    """Start an SSH server on a machine. Its root has a password in this namespace only; `pio` is in its PATH."""
    folder = machine.folder
    shadow, program, host_key = folder / "shadow", folder / "bin" / "pio", folder / "ssh_host_ed25519_key"
    hashed = do_output("openssl passwd -6 -stdin", said=SSH_PASSWORD).strip()
    shadow.write_text(f"root:{hashed}:19000:0:99999:7:::\n")
    do(f"mount --bind {shadow} /etc/shadow")
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(PIO)} "$@"\n')
    program.chmod(0o755)
    do_output(f"ssh-keygen -q -t ed25519 -f {host_key} -N", "")
    values = {**machine.environment, "PATH": f"{program.parent}:{machine.environment['PATH']}"}
    configuration = folder / "sshd_config"
    configuration.write_text(
        f"HostKey {host_key}\nPidFile none\nPermitRootLogin yes\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\n"
        "SetEnv " + " ".join(f'"{name}={value}"' for name, value in values.items()) + "\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    sshd = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))
    assert sshd is not None, "apt-get install openssh-server"
    with (folder / "sshd.out").open("w") as output:
        command = [*machine.prefix, sshd, "-D", "-e", "-f", str(configuration)]
        machine.running.append(subprocess.Popen(command, stdout=output, stderr=output, text=True))
    until(lambda: "Server listening" in (folder / "sshd.out").read_text())


def do_output(command: str, *more: str, said: str = "") -> str:
    done = subprocess.run([*command.split(), *more], input=said, capture_output=True, text=True, check=True)
    return done.stdout


def impostor(leader: Machine, machine: Machine) -> str:
    """Return how a machine with the leader's name is refused."""
    machine.start("cluster", "join", "--simulated")
    added = leader.pio("workers", "add", "leader1", "--code", machine.code(), "-a", machine.address)
    assert added.returncode == 1
    assert not (machine.folder / "dot_pioreactor" / "storage" / "cluster.json").exists()
    return added.stderr


def wrong_codes(leader: Machine, machine: Machine) -> list[str]:
    """Type four wrong codes; return the errors. The machine still waits, with another code."""
    machine.start("cluster", "join", "--simulated")
    first = machine.code()
    errors = []
    for _ in range(4):
        added = leader.pio("workers", "add", machine.name, "--code", "0000-0000", "-a", machine.address)
        assert added.returncode == 1
        errors.append(added.stderr)
    assert machine.code() != first
    return errors


def second_leader(machine: Machine) -> Machine:
    """Make another cluster in the same network, of which this machine is the leader; return it when it runs."""
    made = machine.pio("cluster", "init", "--simulated")
    assert made.returncode == 0, made.stderr
    machine.start("cluster", "run")
    until(lambda: machine.pio("workers", "status", "--json").returncode == 0)
    return machine


def taken_over(other: Machine, leader: Machine, workers: Sequence[Machine]) -> dict[str, object]:
    """Try to take joined workers into the cluster of another leader; return what each of them was told, and what came.

    The workers record an experiment meanwhile.
    """
    worker = workers[0]
    added = other.pio("workers", "add", worker.name, "--code", "0000-0000", "-a", worker.address)
    joined_again = worker.pio("cluster", "join", "--simulated")
    before = rows(leader)
    until(lambda: rows(leader) > before)
    return {
        "adds": added.stderr,
        "joins_again": joined_again.stderr,
        "answers_its_token": answer_to_token_of(other, worker),
        "inventory": json.loads(other.pio("workers", "status", "--json").stdout),
        "rows": rows(other),
        "leaders": sorted({clusters(worker) for worker in workers}),
    }


def rows(leader: Machine) -> int:
    """Return how many readings of stirring a leader has recorded."""
    database = leader.folder / "dot_pioreactor" / "storage" / "pioreactor.sqlite"
    return int(do_output("sqlite3", "-readonly", str(database), "SELECT count(*) FROM stirring_rates"))


def clusters(worker: Machine) -> str:
    """Return the leader whose cluster a worker belongs to."""
    return str(json.loads((worker.folder / "dot_pioreactor" / "storage" / "cluster.json").read_text())["leader"])


def answer_to_token_of(other: Machine, worker: Machine) -> str:
    """Ask a worker to end its jobs with the token of a leader that is not its own; return the status."""
    token = (other.folder / "dot_pioreactor" / "storage" / "secrets" / "cluster_token").read_text().strip()
    curl = ("curl", "-sk", "-o", "-", "-w", "%{http_code}", "-X", "POST", "-H", f"Authorization: Bearer {token}")
    url = f"https://{worker.address}/unit_api/jobs/stop/all"
    return subprocess.run([*other.prefix, *curl, url], capture_output=True, text=True, check=False).stdout


def experiment(leader: Machine, workers: Sequence[Machine]) -> dict[str, object]:
    """Run stirring on all workers; return what the leader has recorded of it."""
    for worker in workers:
        until(lambda worker=worker: leader.pio("workers", "status", "--json").stdout.count('"answers": true') >= 1)  # type: ignore[misc]
    until(lambda: leader.pio("workers", "status", "--json").stdout.count('"answers": true') == len(workers))
    assert leader.pio("experiments", "create", "first").returncode == 0
    for worker in workers:
        assert leader.pio("workers", "assign", worker.name, "first").returncode == 0
    started = leader.pio("run", "stirring", "--target-rpm", "400", "-y", program=PIOS)
    assert started.returncode == 0, started.stderr + started.stdout
    database = leader.folder / "dot_pioreactor" / "storage" / "pioreactor.sqlite"

    def recorded() -> str | None:
        counted = subprocess.run(
            ["sqlite3", str(database), "SELECT DISTINCT pioreactor_unit FROM stirring_rates ORDER BY 1"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return counted.stdout if len(counted.stdout.split()) == len(workers) else None

    return {"units": until(recorded).split()}


def leave(leader: Machine, worker: Machine) -> dict[str, object]:
    """Let a worker leave; return what is left of it at the leader."""
    left = worker.pio("cluster", "leave", "-y")
    assert left.returncode == 0, left.stderr
    return {"said": left.stdout, **traces(leader, worker)}


def remove(leader: Machine, worker: Machine) -> dict[str, object]:
    """Remove a worker at the leader; return what is left of it."""
    token = (worker.folder / "dot_pioreactor" / "storage" / "secrets" / "cluster_token").read_text().strip()
    assert leader.pio("workers", "remove", worker.name, "-y").returncode == 0
    until(lambda: worker.name not in traces(leader, worker)["accounts"])
    asked = worker.pio("workers", "status")
    return {"asks": asked.returncode, "said": asked.stderr, "has_token": bool(token), **traces(leader, worker)}


def traces(leader: Machine, worker: Machine) -> dict[str, list[str]]:
    dot = leader.folder / "dot_pioreactor"
    accounts = [line.partition(":")[0] for line in (dot / "broker" / "passwords").read_text().splitlines()]
    tokens = sorted(path.name for path in (dot / "storage" / "secrets" / "unit_tokens").iterdir())
    known = json.loads(leader.pio("workers", "status", "--json").stdout)
    return {"accounts": accounts, "tokens": tokens, "inventory": [row["unit"] for row in known]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument(INSIDE, action="store_true")
    asked = parser.parse_args()
    asked.json.write_text(json.dumps(scenario(asked.data)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
