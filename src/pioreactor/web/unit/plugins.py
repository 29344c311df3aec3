"""Routes of a unit about its plugins."""

from pathlib import Path
from typing import Annotated

import msgspec
from litestar import MediaType, Request, Router, get, post, put, route
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import InvalidRequestError, NotFoundError, NotPermittedError
from pioreactor.identity.usb_drives import UsbDrives
from pioreactor.plugin_management.installer import MAX_FILE_BYTES, Installer, Source, check_file_name, leader_database
from pioreactor.plugin_management.listing import ListedPlugin, list_plugins
from pioreactor.web.request_bodies import Body, file_name
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.configuration import read_text
from pioreactor.web.unit.services import UnitPorts, UnitServices

INSTALL_TIMEOUT_S = 600.0
_DISALLOWED = "DISALLOW_UI_INSTALLS"
_LOCK = "plugins"
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class InstallOptions(Body):
    """`source`: the name of a file that was sent to the unit before; not together with `version`."""

    source: Name | None = None
    version: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class InstallPlugin(Body):
    """`args` is the name of one package; it may be missing beside `options.source`."""

    args: Annotated[list[Name], msgspec.Meta(max_length=1)] = msgspec.field(default_factory=list)
    options: InstallOptions = msgspec.field(default_factory=InstallOptions)
    env: dict[str, str | None] = msgspec.field(default_factory=dict)


class NamePlugin(Body):
    """`args` is the name of one plugin."""

    args: Annotated[list[Name], msgspec.Meta(min_length=1, max_length=1)]
    options: dict[str, None] = msgspec.field(default_factory=dict)
    env: dict[str, str | None] = msgspec.field(default_factory=dict)


class UpdatePlugins(Body):
    """`args` is the name of one plugin; without it, all that came from the package index."""

    args: Annotated[list[Name], msgspec.Meta(max_length=1)] = msgspec.field(default_factory=list)
    options: dict[str, None] = msgspec.field(default_factory=dict)
    env: dict[str, str | None] = msgspec.field(default_factory=dict)


class PluginOnUsb(Body):
    """The path of a wheel or a Python file below the folder where USB drives are mounted."""

    filepath: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]


class ReceivedFile(Body):
    """The name of a file that was sent to the unit."""

    filename: Name


@relayed(UNITS, target="units", timeout_s=15.0)
@get("/plugins/installed", sync_to_thread=True)
def installed_plugins(unit: UnitPorts) -> list[ListedPlugin]:
    """Return the plugins of the unit with their state; those that are disabled or failed too."""
    return list_plugins(unit.paths.plugins)


@get("/plugins/installed/{name:str}", media_type=MediaType.TEXT, sync_to_thread=True)
def source_of_plugin(unit: UnitPorts, name: FromPath[str]) -> str:
    """Return the Python source of a plugin that is a single file."""
    path = unit.paths.plugins / file_name(name)
    if path.suffix != ".py" or not path.is_file():
        raise NotFoundError(f"{unit.name} has no plugin file {name!r}")
    return read_text(path)


@relayed(UNITS, target="units", timeout_s=INSTALL_TIMEOUT_S)
@post("/plugins/check", status_code=202, sync_to_thread=True)
def check_plugin(unit: UnitPorts, data: JSONBody[InstallPlugin]) -> Accepted:
    """Find out what a plugin brings and whether it can be imported; nothing is installed."""
    installer, source = installer_of(unit), _source(unit, data)
    return unit.tasks.start("the check of a plugin", lambda: installer.check(source), lock=_LOCK)


@relayed(UNITS, target="units", method="POST", also=("PATCH",), timeout_s=INSTALL_TIMEOUT_S)
@route("/plugins/install", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def install_plugin(unit: UnitPorts, data: JSONBody[InstallPlugin]) -> Accepted:
    """Install a package from the package index, or a file that was sent before; 409 in the task if it is refused."""
    return start_install(unit, _source(unit, data))


@relayed(UNITS, target="units", method="POST", also=("PATCH",), timeout_s=INSTALL_TIMEOUT_S)
@route("/plugins/update", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def update_plugins(unit: UnitPorts, data: JSONBody[UpdatePlugins]) -> Accepted:
    """Install the newest version of a plugin, or of all that came from the package index."""
    installer, [name] = installer_of(unit), data.args if data.args else [None]
    return unit.tasks.start("the update of plugins", lambda: installer.update(name), lock=_LOCK)


@relayed(UNITS, target="units", method="POST", also=("PATCH",), timeout_s=INSTALL_TIMEOUT_S)
@route("/plugins/check-from-usb", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def check_plugin_from_usb(unit: UnitPorts, data: JSONBody[PluginOnUsb]) -> Accepted:
    """Find out what a file on a USB drive of the unit brings; nothing is installed."""
    installer, source = installer_of(unit), Source.of_file(usb_file(unit, data.filepath))
    return unit.tasks.start("the check of a plugin", lambda: installer.check(source), lock=_LOCK)


@relayed(UNITS, target="units", method="POST", also=("PATCH",), timeout_s=INSTALL_TIMEOUT_S)
@route("/plugins/install-from-usb", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def install_plugin_from_usb(unit: UnitPorts, data: JSONBody[PluginOnUsb]) -> Accepted:
    """Install a wheel or a Python file from a USB drive of the unit."""
    return start_install(unit, Source.of_file(usb_file(unit, data.filepath)))


@route("/plugins/install-python-file-from-leader-copy", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def install_plugin_from_copy(unit: UnitPorts, data: JSONBody[ReceivedFile]) -> Accepted:
    """Install a file that the leader has sent."""
    return start_install(unit, _received(unit, data.filename))


@relayed(UNITS, target="units", method="POST", also=("PATCH",), timeout_s=60.0)
@route("/plugins/uninstall", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def uninstall_plugin(unit: UnitPorts, data: JSONBody[NamePlugin]) -> Accepted:
    """Remove a plugin; its configuration, its tables and its data stay."""
    installer, [name] = installer_of(unit), data.args
    return unit.tasks.start("the removal of a plugin", lambda: installer.uninstall(name), lock=_LOCK)


@relayed(UNITS, target="units", timeout_s=60.0)
@post("/plugins/enable", status_code=202, sync_to_thread=True)
def enable_plugin(unit: UnitPorts, data: JSONBody[NamePlugin]) -> Accepted:
    """Import a disabled plugin again; 409 in the task if its import fails in a process of its own."""
    installer, [name] = installer_of(unit), data.args
    return unit.tasks.start("enabling a plugin", lambda: installer.set_enabled(name, True), lock=_LOCK)


@relayed(UNITS, target="units", timeout_s=60.0)
@post("/plugins/disable", status_code=202, sync_to_thread=True)
def disable_plugin(unit: UnitPorts, data: JSONBody[NamePlugin]) -> Accepted:
    """Keep a plugin from being imported by jobs that start later; it stays installed."""
    installer, [name] = installer_of(unit), data.args
    return unit.tasks.start("disabling a plugin", lambda: installer.set_enabled(name, False), lock=_LOCK)


@put("/plugins/received/{name:str}", status_code=204, request_max_body_size=MAX_FILE_BYTES)
async def receive_plugin_file(unit: UnitPorts, request: Request[object, object, State], name: FromPath[str]) -> None:
    """Take a wheel or a Python file, to be checked or installed by its name; the body is its bytes."""
    installer = installer_of(unit)
    target = installer.folder.received / check_file_name(name)
    content = await request.body()
    installer.folder.receive(target.name, content)


def start_install(unit: UnitServices, source: Source) -> Accepted:
    """Start the installation of a plugin on this unit."""
    installer = installer_of(unit)
    return unit.tasks.start("the installation of a plugin", lambda: installer.install(source), lock=_LOCK)


def usb_file(unit: UnitServices, path: str) -> Path:
    """Return a file on a USB drive of this unit; raise `NotFoundError` for any other."""
    roots = [unit.paths.usb, *UsbDrives(unit.paths.usb).mounted()]
    for root in (each.resolve() for each in roots):
        try:
            wanted = (root / path).resolve()
            if wanted.is_file() and wanted.is_relative_to(root):
                return wanted
        except (OSError, ValueError) as error:
            raise InvalidRequestError(f"{path[:100]!r} cannot be a path") from error
    raise NotFoundError(f"{unit.name} has no file {path[:100]!r} on a USB drive")


def _source(unit: UnitServices, data: InstallPlugin) -> Source:
    name, version = data.options.source, data.options.version
    if name is None:
        if not data.args:
            raise InvalidRequestError("args must be the name of one plugin")
        return Source.named(data.args[0], version)
    if version is not None:
        raise InvalidRequestError("version and source exclude each other: a file has its version")
    return _received(unit, name)


def _received(unit: UnitServices, name: str) -> Source:
    file = installer_of(unit).folder.received / check_file_name(name)
    if not file.is_file():
        raise NotFoundError(f"{unit.name} has no file {name!r}", remedy="Send it first: PUT plugins/received/NAME.")
    return Source.of_file(file)


def installer_of(unit: UnitServices) -> Installer:
    """Return the installer of a unit; raise `NotPermittedError` where plugins are only installed at its keyboard."""
    if (unit.paths.dot_pioreactor / _DISALLOWED).is_file():
        raise NotPermittedError(
            f"plugins of {unit.name} cannot be changed over the network", remedy=f"Remove the file {_DISALLOWED} there."
        )
    is_leader, named = unit.runtime.identity.is_leader, unit.runtime.settings.storage.database
    database = leader_database(unit.paths, named) if is_leader else None
    return Installer(unit.paths, is_leader, database, unit.clock.now, environment=unit.launcher.environment)


ROUTES = Router(
    "/",
    route_handlers=[
        *(installed_plugins, source_of_plugin, check_plugin, install_plugin),
        *(
            check_plugin_from_usb,
            install_plugin_from_usb,
            update_plugins,
            install_plugin_from_copy,
            uninstall_plugin,
            enable_plugin,
            disable_plugin,
            receive_plugin_file,
        ),
    ],
    tags=["plugins of a unit"],
    opt=needs("cluster", change="manage"),
)
