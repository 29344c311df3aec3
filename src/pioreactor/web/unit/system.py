"""Routes of a unit about the computer that it runs on, and about results of tasks."""

import os
import shutil
import socket
from pathlib import Path
from typing import Annotated

import msgspec
from litestar import Response, Router, get, put
from litestar.params import FromPath, JSONBody

from pioreactor.alarms.channels import Channel
from pioreactor.exc import ConflictError
from pioreactor.identity.unit_tokens import replace_token
from pioreactor.storage.leader.alarms.leader_watch_file import LeaderWatch, store_leader_watch
from pioreactor.structs.encoding import to_timestamp
from pioreactor.version import __version__
from pioreactor.web.request_bodies import Body
from pioreactor.web.route_declarations import UNITS, relayed
from pioreactor.web.security.guards import only_units
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import TaskResult
from pioreactor.web.unit.services import UnitPorts, UnitServices


class WatchedLeader(Body):
    """`rank`: the place among the units that watch the leader, of which the first reports first."""

    rank: Annotated[int, msgspec.Meta(ge=0, le=9)]
    channels: list[Channel]
    secrets: dict[str, dict[str, str]]


class OwnToken(Body):
    """The token with which this unit and its leader authenticate to each other from now on."""

    token: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{32,128}$(?!\n)")]


class Health(msgspec.Struct):
    """Public information: the unit is running."""

    status: str
    pioreactor_unit: str
    utc_time: str


class Version(msgspec.Struct):
    version: str


class Address(msgspec.Struct):
    ipv4: str


class DiskSpace(msgspec.Struct):
    """[bytes]"""

    total: int
    used: int
    free: int


class Memory(msgspec.Struct):
    """[bytes]"""

    total: int
    available: int


@get("/health")
async def health(unit: UnitPorts) -> Health:
    return Health("ok", unit.name, to_timestamp(unit.clock.now()))


@relayed(UNITS, target="units")
@get("/versions/app", opt=needs(None))
async def app_version() -> Version:
    return Version(__version__)


@get("/system/ipv4", sync_to_thread=True)
def ipv4() -> Address:
    return Address(local_ipv4())


@get("/system/disk_space", sync_to_thread=True)
def disk_space(unit: UnitPorts) -> DiskSpace:
    return disk_space_of(unit)


def disk_space_of(unit: UnitServices) -> DiskSpace:
    """Return the space on the disk that holds the unit's data."""
    folder = unit.paths.dot_pioreactor
    usage = shutil.disk_usage(folder if folder.exists() else Path("/"))
    return DiskSpace(usage.total, usage.used, usage.free)


@get("/system/memory", sync_to_thread=True)
def memory() -> Memory:
    return memory_of_computer()


def memory_of_computer() -> Memory:
    """Return the memory of this computer."""
    return Memory(_pages("SC_PHYS_PAGES"), _available_memory())


@relayed(waits=True)
@get("/task_results/{task_id:str}", opt=needs(None))
async def task_result(unit: UnitPorts, task_id: FromPath[str]) -> Response[TaskResult]:
    """Return a task: 202 while it is pending or running, 200 once it succeeded or failed, 404 for an unknown id."""
    found: TaskResult = unit.tasks.find(task_id)
    return Response(found, status_code=200 if found.status in ("succeeded", "failed") else 202)


@put("/token", status_code=204, guards=[only_units], sync_to_thread=True)
def replace_own_token(unit: UnitPorts, data: JSONBody[OwnToken]) -> None:
    """Replace this unit's token; the leader calls it. The token of this request is no longer valid afterwards."""
    if unit.runtime.identity.is_leader:
        raise ConflictError("the leader makes its own token")
    replace_token(unit.paths.secrets, data.token)


@put("/system/leader_watch", status_code=204, guards=[only_units], sync_to_thread=True)
def replace_leader_watch(unit: UnitPorts, data: JSONBody[WatchedLeader]) -> None:
    """Replace the channels to which this unit reports a dead leader; the leader calls it."""
    if unit.runtime.identity.is_leader:
        raise ConflictError("the leader does not watch itself")
    store_leader_watch(unit.paths.secrets, LeaderWatch(data.rank, tuple(data.channels)), data.secrets)


def local_ipv4() -> str:
    """Return the IPv4 address of this computer in its network; empty when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # no packet is sent: the kernel only selects the route
            return str(probe.getsockname()[0])
        except OSError:
            return ""


def _pages(name: str) -> int:
    return os.sysconf(name) * os.sysconf("SC_PAGE_SIZE")


def _available_memory() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _pages("SC_AVPHYS_PAGES")


ROUTES = Router(
    "/",
    route_handlers=[
        *(health, app_version, ipv4, disk_space, memory, task_result),
        *(replace_own_token, replace_leader_watch),
    ],
    tags=["unit"],
    opt=needs("cluster", change="manage"),
)
