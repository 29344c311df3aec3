"""A network of two machines and a router in between, made of network namespaces, whose cable can be cut.

Namespaces have no names here: each lives as long as a process in it. What ends the processes ends the network, and
nothing is written to `/run/netns` or to the machine's own interfaces.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Literal

LEADER_ADDRESS, UNIT_ADDRESS = "10.77.1.1", "10.77.2.1"
LEADER_GATEWAY, UNIT_GATEWAY = "10.77.1.254", "10.77.2.254"
INSIDE = "--inside"

Cut = Literal["link down", "silent", "one way"]
CUTS: tuple[Cut, ...] = ("link down", "silent", "one way")
"""The unit's own interface goes down; the router drops everything without a word; it drops what goes to the unit."""


def _environment() -> dict[str, str]:
    """Return ours with a PATH that finds `ip` (package iproute2) where it is not on that of ordinary people."""
    return {**os.environ, "PATH": os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))}


def run_in_namespaces(module: str, arguments: Sequence[str], **options: object) -> subprocess.Popen[str]:
    """Start `python -m module --inside …` where it has a network and process numbers of its own.

    When the returned process ends, however that happens, the kernel ends whatever was started inside.
    """
    process = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    command = [*process, sys.executable, "-m", module, INSIDE, *arguments]
    return subprocess.Popen(command, text=True, env=_environment(), **options)  # type: ignore[call-overload,no-any-return]


def missing_requirement() -> str | None:
    """Return what keeps this machine from making namespaces; None when it can."""
    try:
        answer = subprocess.run(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "ip", "link", "set", "lo", "up"],
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
        )
    except OSError as error:
        return str(error)
    return None if answer.returncode == 0 else answer.stderr.strip()


class Network:
    """The leader's end is in the namespace of the caller, who has one of his own (`run_in_namespaces`)."""

    def __init__(self, router: int, unit: int) -> None:
        self._in_router = inside(router)
        self._in_unit = inside(unit)
        self._make(router, unit)

    @property
    def unit_prefix(self) -> Sequence[str]:
        """What goes in front of a command that runs on the unit's machine."""
        return self._in_unit

    def _make(self, router: int, unit: int) -> None:
        do("ip link set lo up")
        do(f"ip link add cable type veth peer name leader netns {router}")
        do(f"ip link add unit netns {router} type veth peer name cable netns {unit}")
        do(f"ip addr add {LEADER_ADDRESS}/24 dev cable")
        do("ip link set cable up")
        for name, address in (("leader", LEADER_GATEWAY), ("unit", UNIT_GATEWAY)):
            do(f"ip addr add {address}/24 dev {name}", self._in_router)
            do(f"ip link set {name} up", self._in_router)
        do("tee /proc/sys/net/ipv4/ip_forward", self._in_router, said="1")
        do("ip link set lo up", self._in_unit)
        do("tee /proc/sys/net/unix/max_dgram_qlen", self._in_unit, said="512")  # as systemd sets it on real units
        do(f"ip addr add {UNIT_ADDRESS}/24 dev cable", self._in_unit)
        do(f"ip route add default via {LEADER_GATEWAY}")
        self._plug_in()

    def _plug_in(self) -> None:
        do("ip link set cable up", self._in_unit)
        do(f"ip route add default via {UNIT_GATEWAY}", self._in_unit)

    def cut(self, kind: Cut) -> None:
        """No peer gets a reset or another answer from what is cut."""
        if kind == "link down":
            do("ip link set cable down", self._in_unit)
            return
        for address in self._dropped(kind):
            do(f"ip route add blackhole {address}/32", self._in_router)

    def heal(self, kind: Cut) -> None:
        if kind == "link down":
            self._plug_in()
            return
        for address in self._dropped(kind):
            do(f"ip route del blackhole {address}/32", self._in_router)

    @staticmethod
    def _dropped(kind: Cut) -> tuple[str, ...]:
        return (UNIT_ADDRESS,) if kind == "one way" else (UNIT_ADDRESS, LEADER_ADDRESS)


@contextmanager
def network() -> Iterator[Network]:
    """Make the network; at the end of the block it is gone with the last process that lives in it."""
    with ExitStack() as stack:
        router, unit = (stack.enter_context(namespace()) for _ in range(2))
        yield Network(router, unit)


def inside(pid: int) -> list[str]:
    return ["nsenter", f"--net=/proc/{pid}/ns/net", "--"]


@contextmanager
def namespace() -> Iterator[int]:
    """Yield a process that is alone in a network namespace. It ends with its input, also when its parent is killed."""
    with subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE) as holder:
        try:
            _wait_until_apart(holder.pid)
            yield holder.pid
        finally:
            holder.kill()


def _wait_until_apart(pid: int, within_s: float = 10.0) -> None:
    own = Path("/proc/self/ns/net").readlink()
    until = time.monotonic() + within_s
    while (Path("/proc") / str(pid) / "ns" / "net").readlink() == own:
        if time.monotonic() > until:
            raise TimeoutError("the namespace was not made")
        time.sleep(0.01)


def do(command: str, prefix: Sequence[str] = (), *, said: str = "") -> None:
    done = subprocess.run([*prefix, *command.split()], input=said, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{command}: {done.stderr.strip()}")
