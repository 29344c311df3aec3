"""Routes of the leader about configuration: the shared file, each unit's own, and their history."""

from typing import Annotated

import msgspec
from litestar import MediaType, Router, get, route
from litestar.params import FromPath, JSONBody, QueryParameter

from pioreactor.http.fanout import Failed, UnitReport, report
from pioreactor.storage.leader.repositories.config_history import SHARED, ConfigVersion, unit_filename
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.responses import ConfigSaved, ConfigsOfUnits
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import ConfigText, unit_name
from pioreactor.web.route_declarations import PUT_OR_PATCH
from pioreactor.web.unit.configuration import Saved, read_text, save_shared

OnlyUnits = Annotated[list[str] | None, QueryParameter(name="unit", required=False)]


@get("/config/shared", media_type=MediaType.TEXT, sync_to_thread=True)
def shared_config(leader: LeaderPorts) -> str:
    return read_text(leader.unit.paths.global_config)


@route("/config/shared", http_method=PUT_OR_PATCH, status_code=200, sync_to_thread=True)
def save_shared_config(leader: LeaderPorts, data: JSONBody[ConfigText]) -> ConfigSaved:
    """Check and save the shared file with its history, then send it to every worker.

    An unreachable worker does not make the save fail: `units` lists each worker's answer.
    """
    text = save_shared(leader.unit.paths, data.code, leader=leader.unit.name)
    leader.database.config_history.add(SHARED, text)
    return ConfigSaved("success", send_shared(leader, text))


def send_shared(leader: LeaderServices, text: str) -> dict[str, UnitReport]:
    """Send the shared file to every worker except this unit; return each one's answer."""
    others = [unit for unit in leader.workers_of("$broadcast") if unit != leader.unit.name]
    return report(leader.ask_all(others, "PATCH", "/unit_api/config/shared", json={"code": text}, timeout_s=5.0))


@get("/config/shared/history", sync_to_thread=True)
def history_of_shared(leader: LeaderPorts) -> list[ConfigVersion]:
    return leader.database.config_history.of_shared()


@get("/config/units/{unit:str}", sync_to_thread=True)
def merged_configs(leader: LeaderPorts, unit: FromPath[str], only: OnlyUnits = None) -> ConfigsOfUnits:
    """Return the configuration in force on each unit, shared and own values merged.

    With `$broadcast`, `?unit=` (repeated) names the units that are wanted, all by default.
    """
    found = ConfigsOfUnits({}, {})
    units = leader.units_of(unit_name(unit))
    if only is not None and unit == UNIVERSAL_IDENTIFIER:
        units = [name for wanted in dict.fromkeys(only) for name in leader.units_of(unit_name(wanted, broadcast=False))]
    for answer in leader.ask_all(units, "GET", "/unit_api/config/merged"):
        if isinstance(answer, Failed):
            found.errors[answer.unit] = answer.report()["error"]
            continue
        try:
            found.configs[answer.unit] = msgspec.convert(answer.value, dict[str, dict[str, object]])
        except msgspec.ValidationError as error:
            found.errors[answer.unit] = {"kind": "decode_error", "message": str(error)}
    return found


@route("/config/units/{unit:str}/specific", http_method=PUT_OR_PATCH, status_code=200, sync_to_thread=True)
def save_specific_config(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[ConfigText]) -> Saved:
    """Send a unit its own file to check and save, and add it to the history."""
    [name] = leader.units_of(unit_name(unit, broadcast=False))
    leader.units.fetch(name, "PATCH", "/unit_api/config/specific", json={"code": data.code})
    leader.database.config_history.add(unit_filename(name), data.code)
    return Saved()


@get("/config/units/{unit:str}/specific/history", sync_to_thread=True)
def history_of_specific(leader: LeaderPorts, unit: FromPath[str]) -> list[ConfigVersion]:
    return leader.database.config_history.of_unit(unit_name(unit, broadcast=False))


ROUTES = Router(
    "/",
    route_handlers=[
        *(shared_config, save_shared_config, history_of_shared, merged_configs),
        *(save_specific_config, history_of_specific),
    ],
    tags=["configuration"],
)
