"""Routes of a unit about the computer that it runs on, with its shutdown and reboot, and about results of tasks."""

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from litestar import Response, Router, get, put, route
from litestar.params import FromPath, JSONBody

from pioreactor.exc import ConflictError, PioreactorError
from pioreactor.identity.unit_tokens import replace_token
from pioreactor.structs.encoding import to_timestamp
from pioreactor.version import __version__
from pioreactor.web.request_bodies import Body
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.security.guards import only_units
from pioreactor.web.tasks import Accepted, TaskResult
from pioreactor.web.unit.services import UnitPorts, UnitServices

_POWER_DEBOUNCE_S = 15.0
_POWER_TIMEOUT_S = 30.0


class PowerRefusedError(PioreactorError):
    """The operating system refused to reboot or to shut down."""

    code = "power_refused"
    status = 409
    remedy = "Allow it for the account of the web server: see packaging/polkit."


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


class UtcClock(msgspec.Struct):
    status: str
    clock_time: str
    synchronized: bool | None
    """Whether the computer's clock follows a time server; null when the operating system does not tell."""


@get("/health")
async def health(unit: UnitPorts) -> Health:
    return Health("ok", unit.name, to_timestamp(unit.clock.now()))


@relayed(UNITS, target="units")
@get("/versions/app")
async def app_version() -> Version:
    return Version(__version__)


@get("/system/ipv4", sync_to_thread=True)
def ipv4() -> Address:
    return Address(local_ipv4())


@get("/system/disk_space", sync_to_thread=True)
def disk_space(unit: UnitPorts) -> DiskSpace:
    folder = unit.paths.dot_pioreactor
    usage = shutil.disk_usage(folder if folder.exists() else Path("/"))
    return DiskSpace(usage.total, usage.used, usage.free)


@get("/system/memory", sync_to_thread=True)
def memory() -> Memory:
    return Memory(_pages("SC_PHYS_PAGES"), _available_memory())


@relayed(UNITS, target="units")
@get("/system/utc_clock", sync_to_thread=True)
def utc_clock(unit: UnitPorts) -> UtcClock:
    return UtcClock("success", to_timestamp(unit.clock.now()), unit.runtime.computer.is_clock_synchronized())


@relayed(waits=True)
@get("/task_results/{task_id:str}")
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


def _start_power(unit: UnitServices, what: str) -> Accepted:
    unit.launcher.debounce("power", within_s=_POWER_DEBOUNCE_S)
    return unit.tasks.start(what, lambda: _run_power(what, unit.power[what]), lock="power")


def _run_power(what: str, command: Sequence[str]) -> str:
    try:
        finished = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_POWER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PowerRefusedError(f"{what} failed: {error}") from error
    if finished.returncode != 0:
        raise PowerRefusedError(f"{what} was refused: {finished.stderr.strip()[-200:]}")
    return "ok"


@relayed(UNITS, target="units", method="POST")
@route("/system/reboot", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def reboot(unit: UnitPorts) -> Accepted:
    """Reboot the computer; its jobs end, and those that the unit resumes start again."""
    return _start_power(unit, "reboot")


@relayed(UNITS, target="units", method="POST")
@route("/system/shutdown", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def shutdown(unit: UnitPorts) -> Accepted:
    """Shut the computer down."""
    return _start_power(unit, "shutdown")


ROUTES = Router(
    "/",
    route_handlers=[
        *(health, app_version, ipv4, disk_space, memory, utc_clock, task_result, reboot, shutdown),
        replace_own_token,
    ],
    tags=["unit"],
)
