"""Routes of the leader that hand files to units: of plugins, and descriptors of the laboratory."""

from collections.abc import Callable, Iterable
from urllib.parse import quote

from litestar import Request, Router, put, route
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import InvalidRequestError
from pioreactor.http.fanout import UnitReport, ask_each
from pioreactor.plugin_management.installer import MAX_FILE_BYTES as MAX_PLUGIN_BYTES
from pioreactor.plugin_management.installer import Source, check_file_name
from pioreactor.web.leader.services import LeaderPorts, LeaderServices, reported
from pioreactor.web.request_bodies import file_name
from pioreactor.web.route_declarations import PATCH_OR_POST
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.files import MAX_FILE_BYTES, NOT_SENT, SENT_FOLDERS, SENT_SUFFIXES
from pioreactor.web.unit.plugins import INSTALL_TIMEOUT_S, PluginOnUsb, usb_file

_SEND_TIMEOUT_S = 60.0


@put("/units/{unit:str}/plugins/received/{name:str}", status_code=200, request_max_body_size=MAX_PLUGIN_BYTES)
async def send_plugin_file(
    leader: LeaderPorts, request: Request[object, object, State], unit: FromPath[str], name: FromPath[str]
) -> dict[str, UnitReport]:
    """Hand a wheel or a Python file to one unit or all (`$broadcast`); the body is its bytes. Then install it there."""
    units, checked = leader.units_of(unit), check_file_name(name)
    content = await request.body()
    return await sync_to_thread(_send, leader, units, checked, content)


@route(
    "/units/{unit:str}/plugins/install-from-leader-usb",
    http_method=PATCH_OR_POST,
    status_code=202,
    sync_to_thread=True,
)
def install_plugin_from_leader_usb(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[PluginOnUsb]) -> Accepted:
    """Install a file from a USB drive of the leader on one unit or all (`$broadcast`)."""
    copy = "/unit_api/plugins/install-python-file-from-leader-copy"
    return _from_usb(leader, unit, data, "the installation of a plugin", lambda name: (copy, {"filename": name}))


@route(
    "/units/{unit:str}/plugins/check-from-leader-usb",
    http_method=PATCH_OR_POST,
    status_code=202,
    sync_to_thread=True,
)
def check_plugin_from_leader_usb(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[PluginOnUsb]) -> Accepted:
    """Find out what a file on a USB drive of the leader brings to one unit or all; nothing is installed."""
    check = "/unit_api/plugins/check"
    return _from_usb(leader, unit, data, "the check of a plugin", lambda name: (check, {"options": {"source": name}}))


@put("/units/{unit:str}/system/sent_files/{path:path}", status_code=200, request_max_body_size=MAX_FILE_BYTES)
async def send_file(
    leader: LeaderPorts, request: Request[object, object, State], unit: FromPath[str], path: FromPath[str]
) -> dict[str, UnitReport]:
    """Write a descriptor or data file to one unit or all (`$broadcast`); the body is its bytes.

    `path` begins with `exportable_datasets`, `plugins` or `ui`. A file that is there is replaced.
    """
    units, checked = leader.units_of(unit), _sent_path(path)
    content = await request.body()

    def write(name: str) -> object:
        where = f"/unit_api/system/path/{quote(checked)}"
        leader.units.fetch(name, "PUT", where, body=content, timeout_s=_SEND_TIMEOUT_S)
        return checked

    return await sync_to_thread(lambda: reported(ask_each(units, write)))


def _sent_path(path: str) -> str:
    """Return a path that people may write to; raise `InvalidRequestError` for any other."""
    folder, *below = parts = [file_name(part) for part in path.strip("/").split("/")]
    if folder not in SENT_FOLDERS or not below or below[0] in NOT_SENT:
        raise InvalidRequestError(f"{path[:100]!r} is not in {', '.join(SENT_FOLDERS)}")
    if not parts[-1].endswith(SENT_SUFFIXES):
        raise InvalidRequestError(
            f"{parts[-1][:100]!r} is none of {', '.join(SENT_SUFFIXES)}",
            remedy="Install code as a plugin, which is checked first.",
        )
    return "/".join(parts)


def _from_usb(
    leader: LeaderServices, unit: str, data: PluginOnUsb, what: str, request: Callable[[str], tuple[str, object]]
) -> Accepted:
    """Send a file of a USB drive to units, then the request about the name of that file."""
    units, file = leader.units_of(unit), usb_file(leader.unit, data.filepath)
    Source.of_file(file)
    path, body = request(file.name)

    def ask(name: str) -> object:
        received = f"/unit_api/plugins/received/{quote(file.name)}"
        leader.units.fetch(name, "PUT", received, body=file.read_bytes(), timeout_s=_SEND_TIMEOUT_S)
        return leader.units.ask(name, "POST", path, json=body, timeout_s=INSTALL_TIMEOUT_S)

    return leader.unit.tasks.start(what, lambda: reported(ask_each(units, ask)), pool="requests")


def _send(leader: LeaderServices, units: Iterable[str], name: str, content: bytes) -> dict[str, UnitReport]:
    def send(unit: str) -> object:
        path = f"/unit_api/plugins/received/{quote(name)}"
        leader.units.fetch(unit, "PUT", path, body=content, timeout_s=_SEND_TIMEOUT_S)
        return name

    return reported(ask_each(units, send))


ROUTES = Router(
    "/",
    route_handlers=[send_plugin_file, send_file, install_plugin_from_leader_usb, check_plugin_from_leader_usb],
    tags=["plugins"],
    opt=needs("cluster", change="manage"),
)
