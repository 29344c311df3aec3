"""Routes of the leader to read and write logs."""

from datetime import datetime
from typing import Annotated, Final, Literal

from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from pioreactor import topics
from pioreactor.exc import InvalidRequestError
from pioreactor.storage.leader.repositories.logs import LEVELS, PAGE_ROWS, RECENT_ROWS, LogRow
from pioreactor.structs.encoding import encode, from_timestamp, to_timestamp
from pioreactor.structs.events import Log
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER
from pioreactor.web.answer_cache import FOLLOWS_DATABASE
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import WriteLog, experiment_name, setting_name, unit_name
from pioreactor.web.security.identity import Identity, identity_of
from pioreactor.web.security.route_rights import needs

MinLevel = Literal["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]
NOTE: Final = "note"
"""Task of entries that people write; charts mark them."""
_MAX_CLOCK_DIFFERENCE_S: Final = 60.0
Lines = Annotated[int, QueryParameter(ge=1, le=PAGE_ROWS)]


@get("/logs", sync_to_thread=True)
def all_logs(
    leader: LeaderPorts,
    min_level: FromQuery[MinLevel] = "INFO",
    skip: FromQuery[int] = 0,
    search: FromQuery[str] = "",
    task: FromQuery[str] = "",
) -> list[LogRow]:
    """Return a page of 100 entries, newest first, after skipping `skip`."""
    return leader.database.logs.all(min_level=min_level, skip=skip, search=search, task=task)


@get("/experiments/{experiment:str}/recent_logs", sync_to_thread=True)
def recent_logs(
    leader: LeaderPorts,
    experiment: FromPath[str],
    min_level: FromQuery[MinLevel] = "INFO",
    lines: Lines = RECENT_ROWS,
) -> list[LogRow]:
    """Return at most `lines` entries of the last 24 h, newest first."""
    return leader.database.logs.recent_of_experiment(experiment_name(experiment), min_level=min_level, lines=lines)


@get("/experiments/{experiment:str}/logs", sync_to_thread=True)
def logs_of_experiment(
    leader: LeaderPorts,
    experiment: FromPath[str],
    min_level: FromQuery[MinLevel] = "INFO",
    skip: FromQuery[int] = 0,
    search: FromQuery[str] = "",
    task: FromQuery[str] = "",
) -> list[LogRow]:
    return leader.database.logs.of_experiment(
        experiment_name(experiment), min_level=min_level, skip=skip, search=search, task=task
    )


@get("/workers/{unit:str}/experiments/{experiment:str}/recent_logs", sync_to_thread=True)
def recent_logs_of_worker(
    leader: LeaderPorts,
    unit: FromPath[str],
    experiment: FromPath[str],
    min_level: FromQuery[MinLevel] = "INFO",
    lines: Lines = RECENT_ROWS,
) -> list[LogRow]:
    """Return at most `lines` entries of the last 24 h, newest first: of the unit, and those for all units."""
    name, unit = experiment_name(experiment), unit_name(unit)
    return leader.database.logs.recent_of_unit(unit, name, min_level=min_level, lines=lines)


@get("/workers/{unit:str}/experiments/{experiment:str}/logs", sync_to_thread=True)
def logs_of_worker(
    leader: LeaderPorts,
    unit: FromPath[str],
    experiment: FromPath[str],
    min_level: FromQuery[MinLevel] = "INFO",
    skip: FromQuery[int] = 0,
    search: FromQuery[str] = "",
    task: FromQuery[str] = "",
) -> list[LogRow]:
    name, unit = experiment_name(experiment), unit_name(unit)
    return leader.database.logs.of_unit_in_experiment(
        unit, name, min_level=min_level, skip=skip, search=search, task=task
    )


@get("/units/{unit:str}/system_logs", sync_to_thread=True)
def system_logs(
    leader: LeaderPorts,
    unit: FromPath[str],
    min_level: FromQuery[MinLevel] = "INFO",
    skip: FromQuery[int] = 0,
    search: FromQuery[str] = "",
    task: FromQuery[str] = "",
) -> list[LogRow]:
    """Return the entries of a unit that belong to no experiment."""
    return leader.database.logs.system_of_unit(
        unit_name(unit), min_level=min_level, skip=skip, search=search, task=task
    )


@get("/units/{unit:str}/logs", sync_to_thread=True)
def logs_of_unit(
    leader: LeaderPorts,
    unit: FromPath[str],
    min_level: FromQuery[MinLevel] = "INFO",
    skip: FromQuery[int] = 0,
    search: FromQuery[str] = "",
    task: FromQuery[str] = "",
) -> list[LogRow]:
    return leader.database.logs.of_unit(unit_name(unit), min_level=min_level, skip=skip, search=search, task=task)


@post(
    ["/workers/{unit:str}/experiments/{experiment:str}/logs", "/units/{unit:str}/experiments/{experiment:str}/logs"],
    status_code=202,
    opt=needs("experiments", tool="reversible"),
    sync_to_thread=True,
)
def write_log_entry(
    leader: LeaderPorts,
    request: Request[object, object, State],
    unit: FromPath[str],
    experiment: FromPath[str],
    data: JSONBody[WriteLog],
) -> Status:
    """Add an entry to the log of a unit, or of every worker of the experiment (`$broadcast`).

    Units report for their jobs. An entry of a person, or of a program with a person's token, is a note: its source
    (`ui`, `api`) and task (`note`) are not those of the body. It names who wrote it, and when, if not at `timestamp`.
    """
    name, level = experiment_name(experiment), data.level.upper()
    if level not in LEVELS:
        raise InvalidRequestError(
            f"{data.level!r} is not a log level", remedy="One of DEBUG, INFO, NOTICE, WARNING, ERROR."
        )
    try:
        timestamp = from_timestamp(data.timestamp)
    except ValueError as error:
        raise InvalidRequestError(f"{data.timestamp!r} is not an ISO 8601 timestamp") from error
    source = setting_name(data.source_ if data.source_ else data.source)
    entry = Log(
        message=data.message,
        level=level,
        source=source,
        task=data.task if data.task else data.source,
        timestamp=timestamp,
    )
    identity = identity_of(request.scope)
    if identity is not None and identity.kind != "unit":
        entry = _note(entry, identity, leader.unit.clock.now())
    for recipient in _addressed(leader, unit, name):
        leader.unit.publish(topics.log(recipient, name, entry.source, level), encode(entry))
    return Status("accepted")


def _note(entry: Log, identity: Identity, now: datetime) -> Log:
    """Return an entry that says who wrote it; refuse one of the future."""
    lateness_s = (now - entry.timestamp).total_seconds()
    if lateness_s < -_MAX_CLOCK_DIFFERENCE_S:
        raise InvalidRequestError(
            f"{to_timestamp(entry.timestamp)} is in the future: here it is {to_timestamp(now)}",
            remedy="Record an event when it has happened.",
        )
    written = f", written {now:%Y-%m-%d %H:%M} UTC" if lateness_s > _MAX_CLOCK_DIFFERENCE_S else ""
    return Log(
        message=f"{entry.message} ({identity.name}{written})",
        level=entry.level,
        source="ui" if identity.kind == "person" else "api",
        task=NOTE,
        timestamp=entry.timestamp,
    )


def _addressed(leader: LeaderServices, unit: str, experiment: str) -> list[str]:
    if unit == UNIVERSAL_IDENTIFIER and experiment != UNIVERSAL_EXPERIMENT:
        return leader.members_of(experiment)
    return leader.units_of(unit_name(unit))


ROUTES = Router(
    "/",
    route_handlers=[
        *(all_logs, recent_logs, logs_of_experiment, recent_logs_of_worker, logs_of_worker, system_logs, logs_of_unit),
        write_log_entry,
    ],
    tags=["logs"],
    opt=needs("experiments") | FOLLOWS_DATABASE,
)
