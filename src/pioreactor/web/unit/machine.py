"""Routes of a unit about its machine as a whole: what state it is in, its log, web server, reboot and shutdown, USB."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
from litestar import MediaType, Router, get, post, route
from litestar.params import JSONBody

from pioreactor.actions.backup import list_backups
from pioreactor.actions.repair_unit import repair_unit
from pioreactor.cluster.backup_replication import BackupCopies, Copy
from pioreactor.cluster.certificate_renewal import CertificateState, UnitCertificates, certificates_of, renew
from pioreactor.exc import ConflictError, PioreactorError
from pioreactor.identity.computer import POLKIT_REMEDY
from pioreactor.identity.usb_drives import UsbArtifact, UsbDrives, UsbState
from pioreactor.job_catalog import activities_among
from pioreactor.processes.system_command import SystemCommandError, run_system_command
from pioreactor.structs.encoding import to_timestamp
from pioreactor.version import __version__
from pioreactor.web.request_bodies import Body
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices
from pioreactor.web.unit.system import DiskSpace, Memory, disk_space_of, memory_of_computer
from pioreactor.web.unit.utc_clock import UtcClock, read_clock, refuse_simulated

_POWER_DEBOUNCE_S = 15.0
_COMMAND_TIMEOUT_S = 30.0
_USB_TIMEOUT_S = 60.0
_MAX_LOG_BYTES = 64 * 1024
_LEADER_SERVICES = ("mqtt_to_db_streaming",)


class PowerRefusedError(PioreactorError):
    """The operating system refused to reboot, to shut down, or to restart the web server."""

    code = "power_refused"
    status = 409
    remedy = POLKIT_REMEDY


class PowerRequest(Body):
    """`even_with_jobs`: do it although jobs run, which end."""

    even_with_jobs: bool = False


class ServiceState(msgspec.Struct):
    """A job that always runs on this unit."""

    name: str
    is_running: bool


class WebServerStatus(msgspec.Struct):
    status: str
    started_at: str
    version: str


class Machine(msgspec.Struct):
    """State of a machine; null where it has no sensor."""

    pioreactor_unit: str
    is_leader: bool
    is_simulated: bool
    machine: str | None
    hat: str | None
    version: str
    ipv4: str
    disk: DiskSpace
    memory: Memory
    cpu_celsius: float | None
    uptime_s: float | None
    clock: UtcClock
    certificates: list[CertificateState]
    """Certificates of this machine; none where it serves no HTTPS."""
    services: list[ServiceState]
    web_server: WebServerStatus
    activities: list[str]
    """Jobs that run, except those that always run."""
    backups: list[Copy]
    """Backups of the leader's database on this machine, newest first."""


@relayed(UNITS, target="units", waits=True)
@get("/system/machine", sync_to_thread=True)
def machine(unit: UnitPorts) -> Machine:
    """Return the state of this machine: disk, memory, temperature, versions, clock, services, backups."""
    computer, is_leader = unit.runtime.computer, unit.runtime.identity.is_leader
    versions = computer.versions()
    backups = [Copy(path.name, path.stat().st_size) for path in list_backups(unit.runtime)] if is_leader else []
    return Machine(
        pioreactor_unit=unit.name,
        is_leader=is_leader,
        is_simulated=not computer.belongs_to_reactor,
        machine=versions.get("rpi_machine"),
        hat=versions.get("hat"),
        version=__version__,
        ipv4=computer.ipv4(),
        disk=disk_space_of(unit),
        memory=memory_of_computer(),
        cpu_celsius=computer.statistics(unit.paths.dot_pioreactor).get("cpu_temperature_celcius"),
        uptime_s=_uptime_s(),
        clock=read_clock(unit),
        certificates=certificates_of(unit.paths),
        services=_services(unit),
        web_server=_web_server(unit),
        activities=_activities(unit),
        backups=[*backups, *BackupCopies(unit.runtime).copies()],
    )


@relayed(UNITS, target="units", waits=True)
@get("/system/log", media_type=MediaType.TEXT, sync_to_thread=True)
def log_tail(unit: UnitPorts) -> str:
    """Return the end of this unit's log file; empty if it has none."""
    path = unit.runtime.log_file
    try:
        if path is None:
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MAX_LOG_BYTES))
            text = file.read(_MAX_LOG_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if len(text) < _MAX_LOG_BYTES else text.partition("\n")[2]


@get("/system/web_server/status", sync_to_thread=True)
def web_server_status(unit: UnitPorts) -> WebServerStatus:
    return _web_server(unit)


@relayed(UNITS, target="units", method="POST")
@route("/system/web_server/restart", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def restart_web_server(unit: UnitPorts) -> Accepted:
    """Restart the web server of this machine; its jobs continue."""
    return _start(unit, "restart")


@relayed(UNITS, target="units", method="POST")
@route("/system/reboot", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def reboot(unit: UnitPorts, data: JSONBody[PowerRequest | None] = None) -> Accepted:
    """Reboot the computer; jobs that the unit resumes start again. Refused while jobs run unless that is meant."""
    _refuse_while_jobs_run(unit, "reboot", data)
    return _start(unit, "reboot")


@relayed(UNITS, target="units", method="POST")
@route("/system/shutdown", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def shutdown(unit: UnitPorts, data: JSONBody[PowerRequest | None] = None) -> Accepted:
    """Shut the computer down. Refused while jobs run unless that is meant."""
    _refuse_while_jobs_run(unit, "shutdown", data)
    return _start(unit, "shutdown")


class Repaired(msgspec.Struct):
    """What was done; empty where nothing had to be."""

    done: list[str]


@relayed(UNITS, target="units", method="POST", also=("PATCH",), timeout_s=60.0)
@route("/system/repair", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def repair(unit: UnitPorts) -> Accepted:
    """Create missing directories, repair permissions, and close jobs that were killed."""
    return unit.tasks.start("the repair", lambda: Repaired(repair_unit(unit.runtime)), lock="repair")


@relayed(UNITS, target="units", method="POST", timeout_s=60.0)
@post("/system/certificates/renew", status_code=202, sync_to_thread=True)
def renew_certificates(unit: UnitPorts) -> Accepted:
    """Renew the certificate of this machine, on the leader that of the authority too. Connections stay open."""

    def post_to_leader(path: str, body: object) -> object:
        leader = unit.runtime.identity.leader_hostname
        if unit.others is None or not leader:
            raise ConflictError("this unit has no leader that could sign", remedy="Run `pio cluster join` on it.")
        return unit.others.ask(leader, "POST", path, json=body, timeout_s=_COMMAND_TIMEOUT_S)

    def work() -> UnitCertificates:
        return UnitCertificates(renew(unit.paths, post_to_leader, now=unit.clock.now()))

    return unit.tasks.start("renewing certificates", work, lock="certificates")


def _refuse_while_jobs_run(unit: UnitServices, what: str, wanted: PowerRequest | None) -> None:
    running = _activities(unit)
    if running and not (wanted is not None and wanted.even_with_jobs):
        raise ConflictError(
            f"{unit.name} runs {', '.join(running)}, which a {what} ends",
            remedy=f"Stop them first, or ask for the {what} once more, even with jobs.",
        )


def _activities(unit: UnitServices) -> list[str]:
    """Return the names of the jobs that run, except those that always run."""
    return activities_among({record.job_name for record in unit.stores.jobs().running()})


def _services(unit: UnitServices) -> list[ServiceState]:
    running = {record.job_name for record in unit.stores.jobs().running()}
    expected = ("monitor", *(_LEADER_SERVICES if unit.runtime.identity.is_leader else ()))
    return [ServiceState(name, name in running) for name in expected]


def _web_server(unit: UnitServices) -> WebServerStatus:
    return WebServerStatus("active", to_timestamp(unit.started_at), __version__)


def _start(unit: UnitServices, what: str) -> Accepted:
    refuse_simulated(unit, "it")
    unit.launcher.debounce("power", within_s=_POWER_DEBOUNCE_S)
    return unit.tasks.start(what, lambda: run_power(what, unit.power[what]), lock="power")


def run_power(what: str, command: Sequence[str]) -> str:
    """Run a command of the operating system; raise `PowerRefusedError`."""
    try:
        run_system_command(command, timeout_s=_COMMAND_TIMEOUT_S)
    except SystemCommandError as error:
        ending = "failed" if error.stderr is None else "was refused"
        raise PowerRefusedError(f"{what} {ending}: {error}") from error
    return "ok"


def _uptime_s() -> float | None:
    try:
        return float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None


class ChooseDrive(Body):
    """`device` may be missing where one drive is plugged in."""

    device: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None


@relayed(UNITS, target="units", waits=True)
@get("/usb", sync_to_thread=True)
def usb(unit: UnitPorts) -> UsbState:
    """Return which USB drives are plugged in, and whether they are mounted."""
    return usb_drives(unit).state()


@relayed(UNITS, target="units", waits=True)
@get("/usb/artifacts", sync_to_thread=True)
def usb_artifacts(unit: UnitPorts) -> list[UsbArtifact]:
    """Return plugins and releases on the mounted drives."""
    return usb_drives(unit).artifacts()


@relayed(UNITS, target="units", timeout_s=_USB_TIMEOUT_S)
@post("/usb/mount", status_code=202, sync_to_thread=True)
def mount_usb(unit: UnitPorts, data: JSONBody[ChooseDrive | None] = None) -> Accepted:
    """Mount a USB drive."""
    device = data.device if data is not None else None
    return unit.tasks.start("mounting the drive", lambda: usb_drives(unit).mount(device), lock="usb")


@relayed(UNITS, target="units", timeout_s=_USB_TIMEOUT_S)
@post("/usb/eject", status_code=202, sync_to_thread=True)
def eject_usb(unit: UnitPorts, data: JSONBody[ChooseDrive | None] = None) -> Accepted:
    """Write everything out and unmount a USB drive, which can then be removed."""
    device = data.device if data is not None else None
    return unit.tasks.start("ejecting the drive", lambda: usb_drives(unit).eject(device), lock="usb")


def usb_drives(unit: UnitServices) -> UsbDrives:
    return UsbDrives(unit.paths.usb)


ROUTES = Router(
    "/",
    route_handlers=[
        machine,
        log_tail,
        web_server_status,
        restart_web_server,
        reboot,
        shutdown,
        repair,
        renew_certificates,
        usb,
        usb_artifacts,
        mount_usb,
        eject_usb,
    ],
    tags=["unit"],
    opt=needs("cluster", change="manage"),
)
