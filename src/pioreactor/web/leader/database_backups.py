"""Routes of the leader about backups of its database: where they are, one more, and their restoration."""

from pathlib import Path
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from litestar import Router, get, post
from litestar.params import JSONBody

from pioreactor.actions.backup import back_up, before_restores, folder_of, list_backups, restore, verify
from pioreactor.cluster.backup_replication import PATH, VERIFY_TIMEOUT_S, Copy, VerifiedCopy, fetch_copy, replicate
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.http.fanout import Failed, ask_each
from pioreactor.http.units import decoded
from pioreactor.job_catalog import activities_among
from pioreactor.storage.leader.database_status import DatabaseStatus, status_of
from pioreactor.storage.leader.rollups.differences import VerifiedRollups, repair_rollups, verify_rollups
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Body, file_name, unit_name
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted

_ASK_TIMEOUT_S: Final = 5.0


class StoredBackup(msgspec.Struct):
    """A copy of the database; `is_before_restore`: of what a restoration replaced."""

    pioreactor_unit: str
    name: str
    size_bytes: int
    is_before_restore: bool = False


class Backups(msgspec.Struct):
    """Copies on the leader and on its workers, newest first; `silent` are workers that did not answer."""

    backups: list[StoredBackup]
    silent: list[str]


class NameBackup(Body):
    """The name of a copy, and the unit that has it."""

    pioreactor_unit: Annotated[str, msgspec.Meta(max_length=100)]
    name: Annotated[str, msgspec.Meta(max_length=200)]


class MadeBackup(msgspec.Struct):
    """A verified copy on the leader, the workers that have it as well, and why others do not."""

    name: str
    size_bytes: int
    rows: int
    workers: list[str]
    problems: list[str]


class VerifiedBackup(msgspec.Struct):
    """A copy that is whole, and how many rows it has."""

    pioreactor_unit: str
    name: str
    rows: int


class Restored(msgspec.Struct):
    """`before`: name of the copy of what was there, which is listed as well."""

    before: str


@get("/backups", sync_to_thread=True)
def database_backups(leader: LeaderPorts) -> Backups:
    """Return the copies of the database on the leader and on its workers."""
    here = leader.unit.name
    found = [StoredBackup(here, path.name, path.stat().st_size) for path in list_backups(leader.unit.runtime)]
    found += [StoredBackup(here, path.name, path.stat().st_size, True) for path in before_restores(leader.unit.runtime)]
    silent = []
    others = [unit for unit in leader.workers_of(UNIVERSAL_IDENTIFIER) if unit != here]
    for answer in ask_each(others, lambda unit: _copies_of(leader, unit)):
        if isinstance(answer, Failed):
            silent.append(answer.unit)
        else:
            found += [StoredBackup(answer.unit, copy.name, copy.size_bytes) for copy in answer.value]
    return Backups(found, silent)


@get("/database", sync_to_thread=True)
def database_status(leader: LeaderPorts) -> DatabaseStatus:
    """Return which database the leader has, its size, and the command that moves it to the other kind."""
    return status_of(leader.database.location)


@post("/database/verify", status_code=202, sync_to_thread=True)
def verify_database(leader: LeaderPorts) -> Accepted:
    """Compare the roll-ups, which charts are drawn from, with the rows; nothing is changed."""
    location = leader.database.location
    return leader.unit.tasks.start("the check of the roll-ups", lambda: verify_rollups(location), lock="rollups")


@post("/database/repair", status_code=202, sync_to_thread=True)
def repair_database(leader: LeaderPorts) -> Accepted:
    """Make the roll-ups that differ from the rows anew, and compare them again; rows are not changed."""
    location = leader.database.location

    def work() -> list[VerifiedRollups]:
        repair_rollups(location, [each.table for each in verify_rollups(location) if each.differing])
        return verify_rollups(location)

    return leader.unit.tasks.start("the repair of the roll-ups", work, lock="rollups")


@post("/backups", status_code=202, sync_to_thread=True)
def make_backup(leader: LeaderPorts) -> Accepted:
    """Copy the database while experiments run, verify the copy, and send it to as many workers as are configured."""

    def work() -> MadeBackup:
        runtime = leader.unit.runtime
        backup, problems = back_up(runtime), list[str]()
        wanted = runtime.settings.storage.number_of_backup_replicates_to_workers
        workers = [row.pioreactor_unit for row in leader.database.workers.active()]
        others = [unit for unit in workers if unit != leader.unit.name]
        have = replicate(runtime, backup.path, others, wanted, leader.units.fetch_bytes, report=problems.append)
        return MadeBackup(backup.path.name, backup.size_bytes, backup.rows, have, problems)

    return leader.unit.tasks.start("the backup", work, pool="requests", lock="import")


@post("/backups/restore", guards=[only_signed_in], status_code=202, sync_to_thread=True)
def restore_backup(leader: LeaderPorts, data: JSONBody[NameBackup]) -> Accepted:
    """Replace the database by a copy, after a copy of what is there; refused while jobs run on any unit."""
    unit, name = unit_name(data.pioreactor_unit, broadcast=False), file_name(data.name)
    if not name.endswith((".sqlite", ".dump")):
        raise InvalidRequestError(f"{name[:100]!r} is not the name of a backup")
    leader.units_of(unit)
    _refuse_while_jobs_run(leader)
    return leader.unit.tasks.start(
        "the restoration", lambda: Restored(restore(leader.unit.runtime, _file(leader, unit, name)).name), lock="import"
    )


@post("/backups/verify", status_code=202, sync_to_thread=True)
def verify_backup(leader: LeaderPorts, data: JSONBody[NameBackup]) -> Accepted:
    """Read all of a copy where it is kept, and count its rows; nothing is changed."""
    unit, name = unit_name(data.pioreactor_unit, broadcast=False), file_name(data.name)
    leader.units_of(unit)

    def work() -> VerifiedBackup:
        if unit == leader.unit.name:
            return VerifiedBackup(unit, name, verify(_file(leader, unit, name)).rows)
        answer = leader.units.ask(unit, "POST", f"{PATH}/{quote(name)}/verify", timeout_s=VERIFY_TIMEOUT_S)
        return VerifiedBackup(unit, name, decoded(answer, VerifiedCopy).rows)

    return leader.unit.tasks.start("the check of a backup", work, pool="requests")


def _copies_of(leader: LeaderServices, unit: str) -> list[Copy]:
    return decoded(leader.units.ask(unit, "GET", "/unit_api/backups", timeout_s=_ASK_TIMEOUT_S), list[Copy])


def _file(leader: LeaderServices, unit: str, name: str) -> Path:
    """Return a copy on this machine, fetched from the unit that has it."""
    runtime = leader.unit.runtime
    known = {path.name: path for path in (*list_backups(runtime), *before_restores(runtime))}
    if unit == leader.unit.name:
        if name not in known:
            raise NotFoundError(f"the leader has no backup {name}")
        return known[name]
    target = folder_of(runtime) / name
    if not target.exists():
        fetch_copy(unit, name, target, leader.units.fetch_bytes)
    return target


def _refuse_while_jobs_run(leader: LeaderServices) -> None:
    units = leader.units_of(UNIVERSAL_IDENTIFIER)
    running = []
    for answer in ask_each(units, lambda unit: _running(leader, unit)):
        if not isinstance(answer, Failed):
            running += [f"{name} on {answer.unit}" for name in answer.value]
    if running:
        raise ConflictError(f"jobs run: {', '.join(sorted(running)[:10])}", remedy="Stop them first.")


class _RunningJob(msgspec.Struct):
    job_name: str


def _running(leader: LeaderServices, unit: str) -> list[str]:
    answer = leader.units.ask(unit, "GET", "/unit_api/jobs/running", timeout_s=_ASK_TIMEOUT_S)
    return activities_among({job.job_name for job in decoded(answer, list[_RunningJob])})


ROUTES = Router(
    "/",
    route_handlers=[
        database_status,
        verify_database,
        repair_database,
        database_backups,
        make_backup,
        verify_backup,
        restore_backup,
    ],
    tags=["backups"],
    opt=needs("cluster", change="manage"),
)
"""Copies on one unit are at its own `/unit_api/backups`."""
