"""Routes of a unit about its plugins."""

import msgspec
from litestar import MediaType, Router, get
from litestar.params import FromPath

from pioreactor.exc import NotFoundError
from pioreactor.plugin_management import get_plugins
from pioreactor.web.request_bodies import file_name
from pioreactor.web.route_declarations import UNITS, relayed
from pioreactor.web.unit.configuration import read_text
from pioreactor.web.unit.services import UnitPorts


class PluginRow(msgspec.Struct):
    name: str
    version: str
    source: str
    author: str
    description: str
    homepage: str


@relayed(UNITS, target="units", timeout_s=15.0)
@get("/plugins/installed", sync_to_thread=True)
def installed_plugins(unit: UnitPorts) -> list[PluginRow]:
    """Return the plugins that the web server has imported."""
    found = get_plugins(unit.paths.plugins)
    return [
        PluginRow(name, plugin.version, plugin.source, plugin.author, plugin.description, plugin.homepage)
        for name, plugin in sorted(found.items())
    ]


@get("/plugins/installed/{name:str}", media_type=MediaType.TEXT, sync_to_thread=True)
def source_of_plugin(unit: UnitPorts, name: FromPath[str]) -> str:
    """Return the Python source of a plugin that is a single file."""
    path = unit.paths.plugins / file_name(name)
    if path.suffix != ".py" or not path.is_file():
        raise NotFoundError(f"{unit.name} has no plugin file {name!r}")
    return read_text(path)


ROUTES = Router("/", route_handlers=[installed_plugins, source_of_plugin], tags=["plugins of a unit"])
