"""Routes of the leader about configuration: the shared file and its delivery, each unit's own, and their history."""

import io
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated

import msgspec
from litestar import MediaType, Response, Router, get, post, route
from litestar.params import FromPath, JSONBody, QueryParameter

from pioreactor.cluster.config_delivery import SharedVersion
from pioreactor.cluster.delivery_records import DeliveryStatus
from pioreactor.http.fanout import Answered, Failed, UnitReport, ask_each, report
from pioreactor.models import load_models, models_of_units
from pioreactor.settings.editing import changed_values, check_local
from pioreactor.settings.fields import describe, expected, to_text
from pioreactor.settings.schema import MAPS, SECTIONS
from pioreactor.storage.leader.repositories.config_history import ConfigVersion
from pioreactor.structs.encoding import to_timestamp
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.responses import ConfigSaved, ConfigsOfUnits
from pioreactor.web.leader.services import LeaderPorts, LeaderServices, OwnConfigFiles
from pioreactor.web.request_bodies import Body, ConfigText, unit_name
from pioreactor.web.route_declarations import PUT_OR_PATCH
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.configuration import read_text, save_shared

ZIP_NAME = "pioreactor_configuration.zip"
OnlyUnits = Annotated[list[str] | None, QueryParameter(name="unit", required=False)]


class ConfigSync(msgspec.Struct):
    """The version of the shared configuration, and which worker has which; and of the units' own configurations."""

    version: SharedVersion
    units: list[DeliveryStatus]
    own: list[DeliveryStatus]


class SyncConfigs(Body):
    """What to synchronize: the `shared` file to the workers; `specific` files that wait to their units, and the others
    into the history; of all `units` unless some are named. `skip_save`: only read the specific files.
    """

    units: list[str] | None = None
    shared: bool = True
    specific: bool = False
    skip_save: bool = False


class ConfigsSynced(msgspec.Struct):
    """The answer of each unit."""

    shared: dict[str, UnitReport] = {}
    specific: dict[str, UnitReport] = {}


class ConfigsMetadata(msgspec.Struct):
    """What stands beside the files in the archive."""

    leader: str
    created_at: str
    shared_version: int
    omitted_units: list[str]
    """Units that did not answer."""
    errors: dict[str, str]


@get("/config/shared", media_type=MediaType.TEXT, sync_to_thread=True)
def shared_config(leader: LeaderPorts) -> str:
    return read_text(leader.unit.paths.global_config)


@route("/config/shared", http_method=PUT_OR_PATCH, status_code=200, sync_to_thread=True)
def save_shared_config(leader: LeaderPorts, data: JSONBody[ConfigText]) -> ConfigSaved:
    """Check and save the shared file with its history, then send it to every worker.

    An unreachable worker does not make the save fail: `units` lists each worker's answer, and the worker gets the file
    when it is back.
    """
    before = read_text(leader.unit.paths.global_config)
    after = save_shared(leader.unit.paths, data.code, leader=leader.unit.name, units=_units_to_check(leader))
    _note_changes(before, after)
    return ConfigSaved("success", leader.config_delivery.deliver())


def _units_to_check(leader: LeaderServices) -> dict[str, tuple[object, Callable[[], str]]]:
    """Return the model of each unit, and what returns its own configuration as it was last known."""

    def own(unit: str) -> str:
        if unit == leader.unit.name:
            return read_text(leader.unit.paths.local_config)
        return next((version.data for version in leader.database.config_history.of_unit(unit)), "")

    rows = leader.database.workers.all()
    models = models_of_units(
        ((row.pioreactor_unit, row.model_name, row.model_version) for row in rows),
        load_models(leader.unit.paths.models),
    )
    return {unit: (model, partial(own, unit)) for unit, model in models.items()}


@get("/config/sync", sync_to_thread=True)
def config_sync(leader: LeaderPorts) -> ConfigSync:
    """Return which worker has which version of the shared configuration, and each unit of its own."""
    delivery = leader.config_delivery
    return ConfigSync(delivery.current(), delivery.states(), leader.own_config_delivery.states())


@post("/config/sync", status_code=200, sync_to_thread=True)
def sync_configs(leader: LeaderPorts, data: JSONBody[SyncConfigs]) -> ConfigsSynced:
    """Send the shared file to the workers now, and the units' own files that wait; read the others into the history."""
    chosen = None
    if data.units is not None:
        chosen = [name for each in dict.fromkeys(data.units) for name in leader.units_of(unit_name(each))]
    done = ConfigsSynced()
    if data.shared:
        done.shared = leader.config_delivery.deliver(chosen)
    if data.specific:
        own = leader.own_config_delivery
        done.specific = report(_specific_files(leader, chosen)) if data.skip_save else own.deliver(chosen)
    return done


def _specific_files(leader: LeaderServices, units: Sequence[str] | None = None) -> list[Answered[str] | Failed]:
    """Return the text of each unit's own file."""
    return ask_each(
        leader.units_of(UNIVERSAL_IDENTIFIER) if units is None else units, OwnConfigFiles(leader.units).read
    )


class DescribedKey(msgspec.Struct):
    """One key of the configuration: what it is for, what it takes, and its default as it is written in a file."""

    key: str
    description: str
    takes: str
    default: str
    obsolete: str
    """Why the key has no effect; blank for one that has."""


class DescribedSection(msgspec.Struct):
    section: str
    description: str
    keys: list[DescribedKey]


@get("/config/keys", sync_to_thread=True)
def config_keys() -> list[DescribedSection]:
    """Return all sections and keys of the configuration that the software itself reads, with their help."""
    return [
        DescribedSection(
            name,
            (type_.__doc__ or "").splitlines()[0],
            [
                DescribedKey(each.key, each.description, expected(each.type), to_text(each.default), each.obsolete)
                for each in describe(type_)
            ],
        )
        for name, (_, type_) in SECTIONS.items()
    ] + [DescribedSection(name, section.description, []) for name, section in MAPS.items()]


@get("/config/zipped", media_type="application/zip", opt=needs("cluster", read="manage"), sync_to_thread=True)
def zipped_configs(leader: LeaderPorts) -> Response[bytes]:
    """Return an archive: `config.ini`, `<unit>/unit_config.ini` of each unit that answers, and `metadata.json`."""
    answers = _specific_files(leader)
    failed = [answer for answer in answers if isinstance(answer, Failed)]
    metadata = ConfigsMetadata(
        leader=leader.unit.name,
        created_at=to_timestamp(leader.unit.clock.now()),
        shared_version=leader.config_delivery.current().number,
        omitted_units=[answer.unit for answer in failed],
        errors={answer.unit: answer.message for answer in failed},
    )
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.ini", read_text(leader.unit.paths.global_config))
        for answer in answers:
            if not isinstance(answer, Failed):
                archive.writestr(f"{answer.unit}/unit_config.ini", answer.value)
        archive.writestr("metadata.json", msgspec.json.encode(metadata))
    headers = {"Content-Disposition": f'attachment; filename="{ZIP_NAME}"'}
    return Response(content.getvalue(), media_type="application/zip", headers=headers)


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
def save_specific_config(leader: LeaderPorts, unit: FromPath[str], data: JSONBody[ConfigText]) -> ConfigSaved:
    """Send a unit its own file to check and save, and add it to the history.

    A unit that does not answer gets the file when it is back; `units` has its answer.
    """
    [name] = leader.units_of(unit_name(unit, broadcast=False))

    def check() -> None:
        model = next((model for each, (model, _) in _units_to_check(leader).items() if each == name), None)
        check_local(read_text(leader.unit.paths.global_config), data.code, model=model)

    before, units = leader.own_config_delivery.save(name, data.code, check)
    _note_changes(before, data.code)
    return ConfigSaved("success", units)


def _note_changes(before: str, after: str) -> None:
    """Record the values that differ between two texts of a configuration."""
    went, came = changed_values(before, after)
    note_values(before=went, after=came)


@get("/config/units/{unit:str}/specific/history", sync_to_thread=True)
def history_of_specific(leader: LeaderPorts, unit: FromPath[str]) -> list[ConfigVersion]:
    return leader.database.config_history.of_unit(unit_name(unit, broadcast=False))


ROUTES = Router(
    "/",
    route_handlers=[
        *(shared_config, save_shared_config, history_of_shared, config_sync, sync_configs, config_keys, zipped_configs),
        *(merged_configs, save_specific_config, history_of_specific),
    ],
    tags=["configuration"],
    opt=needs("cluster", change="manage"),
)
