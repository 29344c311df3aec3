"""Machines with files, networks and a systemd of their own, made of namespaces, for transcripts of whole clusters."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from bench.network_cut.netns import do, inside

Found = TypeVar("Found")
SCRIPT: Final = Path(__file__).with_name("boot_machine.sh")
PATIENCE_S: Final = 120.0
_COMMAND_S: Final = 600.0
_HIERARCHIES: Final = ("", "systemd", "unified")
_VARIABLES: Final = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "COLUMNS=118")


def until(look: Callable[[], Found], what: str, *, within_s: float = PATIENCE_S) -> Found:
    """Return what `look` returns as soon as it is true."""
    end = time.monotonic() + within_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(0.25)


@dataclass
class Transcript:
    """Lines of a page; words of this machine and secrets are replaced as they are added."""

    lines: list[str] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)

    def paragraph(self, text: str) -> None:
        self.lines += [text, ""]

    def show(self, *commands: str) -> None:
        text = "\n".join(command.rstrip() for command in commands)
        for word, instead in self.replaced.items():
            text = text.replace(word, instead)
        self.lines += ["```", text, "```", ""]

    def write(self, page: Path) -> None:
        page.write_text("\n".join(self.lines), encoding="utf-8")


@dataclass
class BootedMachine:
    """A machine that runs systemd."""

    name: str
    address: str
    process: subprocess.Popen[bytes]
    init: int
    """Process number of its systemd, outside."""

    def arguments(self, command: str, *, root: bool = False) -> list[str]:
        """Return what runs a line of shell on the machine, as the account of the services or as root."""
        user = "root" if root else "pioreactor"
        home = "/root" if root else "/home/pioreactor"
        namespaces = ("-m", "-p", "-n", "-u", "-i", "-C")
        shell = ("env", "-i", f"HOME={home}", f"USER={user}", *_VARIABLES, "sh", "-c", f"cd; {command}")
        enter = ("nsenter", "-t", str(self.init), *namespaces, f"--root=/proc/{self.init}/root", "env", "-C", "/")
        return [*enter, *(shell if root else ("runuser", "-u", user, "--", *shell))]

    def do(self, command: str, *, root: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a line of shell to its end; its errors are in its output, in their order."""
        return subprocess.run(
            self.arguments(command, root=root), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False, timeout=_COMMAND_S,
        )  # fmt: skip

    def start(self, command: str, *, root: bool = False) -> subprocess.Popen[str]:
        """Start a line of shell whose output is read from a pipe."""
        return subprocess.Popen(
            self.arguments(command, root=root), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def shown(self, command: str, *, root: bool = False, exit_code: int = 0) -> str:
        """Return a command as it was typed, with its duration and its output; it has to end as expected."""
        began = time.monotonic()
        done = self.do(command, root=root)
        took_s = time.monotonic() - began
        assert done.returncode == exit_code, f"{self.name}: {command}: {done.returncode}\n{done.stdout}"
        return f"{self.typed(command, root=root)}    # {took_s:.1f} s\n{done.stdout.rstrip()}"

    def typed(self, command: str, *, root: bool = False) -> str:
        return f"{self.name}{'#' if root else '$'} {command}"


class Network:
    """One network; behind a router others, which multicast does not reach."""

    def __init__(self) -> None:
        do("ip link set lo up")
        do("ip link add name lab type bridge mcast_snooping 0")
        do("ip addr add 10.88.0.254/24 dev lab")
        do("ip link set lab up")
        do("tee /proc/sys/net/ipv4/ip_forward", said="1")

    def plug_in(self, pid: int, number: int, *, behind_router: bool) -> str:
        """Give the machine that a process is on an interface; return its address."""
        network = f"10.88.{number if behind_router else 0}"
        do(f"ip link add port{number} type veth peer name eth0 netns {pid}")
        if behind_router:
            do(f"ip addr add {network}.254/24 dev port{number}")
            do(f"ip link set port{number} up")
        else:
            do(f"ip link set port{number} master lab up")
        for command in (
            f"ip addr add {network}.{number}/24 dev eth0", "ip link set eth0 up",
            f"ip route add default via {network}.254",
        ):  # fmt: skip
            do(command, inside(pid))
        do("tee /proc/sys/net/unix/max_dgram_qlen", inside(pid), said="512")  # as systemd sets it on real machines
        return f"{network}.{number}"


@contextmanager
def booted(names: dict[str, bool], shared: Path) -> Iterator[dict[str, BootedMachine]]:
    """Boot machines; the value of each name says whether it is behind the router. At the end they are off."""
    network = Network()
    machines: dict[str, BootedMachine] = {}
    try:
        for number, (name, behind_router) in enumerate(names.items(), 1):
            process = subprocess.Popen(["bash", str(SCRIPT), name, str(shared)], stdin=subprocess.DEVNULL)
            init = until(lambda process=process: _systemd_of(process.pid), f"{name} boots")  # type: ignore[misc]
            address = network.plug_in(init, number, behind_router=behind_router)
            machines[name] = BootedMachine(name, address, process, init)
            until(lambda name=name: _is_up(machines[name]), f"{name} is up")  # type: ignore[misc]
        yield machines
    finally:
        for machine in machines.values():
            machine.process.kill()
            machine.process.wait()
        tops = [Path("/sys/fs/cgroup", hierarchy, f"lab-{name}") for name in names for hierarchy in _HIERARCHIES]
        # The kernel has to end what ran on them first.
        until(lambda: all(map(_remove_cgroups, tops)), "what ran on the machines has ended")


def _systemd_of(unshare: int) -> int:
    children = Path(f"/proc/{unshare}/task/{unshare}/children").read_text().split()
    is_systemd = bool(children) and Path(f"/proc/{children[0]}/comm").read_text().strip() == "systemd"
    return int(children[0]) if is_systemd else 0


def _is_up(machine: BootedMachine) -> bool:
    return machine.do("systemctl is-active multi-user.target", root=True).stdout.strip() == "active"


def _remove_cgroups(top: Path) -> bool:
    """Remove a group and those in it; tell whether all are gone, which they are not while a process is in one."""
    for folder in sorted((path for path in (top, *top.rglob("*")) if path.is_dir()), reverse=True):
        try:
            folder.rmdir()
        except OSError:
            return False
    return True


def print_line(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
