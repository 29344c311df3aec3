"""Routes of the leader about the version of the software in the cluster."""

import secrets
from asyncio import to_thread
from typing import Annotated

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import InvalidRequestError, NotPermittedError
from pioreactor.http.fanout import Answered, ask_each
from pioreactor.updates.archives import Archive
from pioreactor.updates.bundle import FIRMWARE, MAX_BYTES, Bundle
from pioreactor.updates.cluster_update import PATH, ClusterUpdate, refuse_states
from pioreactor.updates.progress import Progress
from pioreactor.updates.release_feed import PublishedRelease
from pioreactor.updates.unit_update import UnitUpdate, UpdateState
from pioreactor.updates.version_order import is_newer
from pioreactor.version import __version__
from pioreactor.web.leader.services import LeaderPorts, LeaderServices, reported
from pioreactor.web.request_bodies import Body, unit_name
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.updates import Location, UpdateOptions, start_update
from pioreactor.web.uploads import receive_file

_DISALLOWED = "DISALLOW_UI_UPLOADS"
_FIRMWARE_TIMEOUT_S = 180.0


class UpdateUnits(Body):
    """`units`: the name of a unit, or all (`$broadcast`): the leader, then one worker after the other."""

    units: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    allow_older: bool = False
    even_with_jobs: bool = False


class UpdateUnitsFromArchive(UpdateUnits, kw_only=True):
    """`release_archive_location`: name or path of an archive that was uploaded, or is on a USB drive of the leader."""

    release_archive_location: Location


class Uploaded(msgspec.Struct):
    message: str
    save_path: str
    archive: Archive


@post("/system/upload", status_code=200, request_max_body_size=MAX_BYTES)
async def upload_release(leader: LeaderPorts, request: Request[object, object, State]) -> Uploaded:
    """Take a release archive: the body, or the field `file` of a form. It is kept if its signature is good."""
    unit = leader.unit
    if (unit.paths.dot_pioreactor / _DISALLOWED).is_file():
        raise NotPermittedError("uploads are not allowed here", remedy=f"Remove the file {_DISALLOWED} on the leader.")
    archives = UnitUpdate(unit.runtime, unit.launcher.environment).archives
    name = f"release_{secrets.token_hex(8)}.zip"
    await receive_file(request, archives.folder / f"{name}.part")
    archive = await to_thread(archives.finish, name, None)
    return Uploaded(f"release {archive.version} was uploaded", archive.path, archive)


@post("/system/update_next_version", status_code=202, sync_to_thread=True)
def update_next_version(leader: LeaderPorts, data: JSONBody[UpdateUnits]) -> Accepted:
    """Install the next release on one unit or all: of the archives on the leader, or else of the published ones."""
    own = UnitUpdate(leader.unit.runtime, leader.unit.launcher.environment)
    release = own.offered()
    location = release.path if isinstance(release, Archive) else None
    return _start(leader, data, location, release.version)


@post("/system/update_from_archive", status_code=202, sync_to_thread=True)
def update_from_archive(leader: LeaderPorts, data: JSONBody[UpdateUnitsFromArchive]) -> Accepted:
    """Install a release archive on one unit or all: the leader, then one worker after the other.

    It runs in a process of its own; the progress of each unit is that of `GET /units/{unit}/system/update`.
    """
    own = UnitUpdate(leader.unit.runtime, leader.unit.launcher.environment)
    version = Bundle(own.archives.located(data.release_archive_location)).manifest().version
    return _start(leader, data, data.release_archive_location, version)


class FirmwareFromArchive(Body):
    """`units`: the name of a unit, or all (`$broadcast`). `release_archive_location`: of an archive on the leader."""

    units: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    release_archive_location: Location


@post("/system/update_firmware", status_code=202, sync_to_thread=True)
def update_firmware(leader: LeaderPorts, data: JSONBody[FirmwareFromArchive]) -> Accepted:
    """Write the firmware of a release archive to the HATs of one unit or all, on which no job may run.

    The result holds the answer of each unit: one that is simulated, has no HAT or runs jobs refuses.
    """
    own = UnitUpdate(leader.unit.runtime, leader.unit.launcher.environment)
    archive, units = own.archives.located(data.release_archive_location), leader.units_of(unit_name(data.units))
    if FIRMWARE not in Bundle(archive).manifest().files:
        raise InvalidRequestError(f"{archive.name} brings no firmware", remedy="Choose another release.")
    sender = ClusterUpdate(leader.units.ask, leader.units.fetch_bytes, leader.unit.tasks.pause, Progress())

    def write(unit: str) -> object:
        body = {"options": {"source": sender.hand_over(unit, archive)}}
        return leader.units.ask(unit, "POST", f"{PATH}/firmware", json=body, timeout_s=_FIRMWARE_TIMEOUT_S)

    return leader.unit.tasks.start(
        "the update of firmware", lambda: reported(ask_each(units, write)), lock="firmware", pool="requests"
    )


class OfferedRelease(PublishedRelease, frozen=True, kw_only=True):
    """A published release, and how much of it is on the leader."""

    is_newer: bool
    is_here: bool
    received_bytes: int | None = None
    """While it is being fetched."""


@get("/system/releases", sync_to_thread=True)
def published_releases(leader: LeaderPorts) -> list[OfferedRelease]:
    """List the published releases for the leader's kind of machine, oldest first.

    404 if [updates] feed_url is blank, 502 if it gives no list of releases.
    """
    own = UnitUpdate(leader.unit.runtime, leader.unit.launcher.environment)
    here = {archive.version for archive in own.archives.found()}
    return [
        OfferedRelease(
            **msgspec.structs.asdict(one),
            is_newer=is_newer(one.version, __version__),
            is_here=one.version in here,
            received_bytes=own.archives.received_bytes(one.version),
        )
        for one in own.feed.releases()
    ]


@post("/system/releases/{version:str}/download", status_code=202, sync_to_thread=True)
def download_release(leader: LeaderPorts, version: FromPath[str]) -> Accepted:
    """Fetch a published release to the leader and check its signature and files; nothing is installed."""
    own = UnitUpdate(leader.unit.runtime, leader.unit.launcher.environment)
    release = own.feed.release(version)
    return leader.unit.tasks.start(
        f"the download of release {version}", lambda: own.feed.fetch(release, own.archives), lock="update"
    )


def _start(leader: LeaderServices, data: UpdateUnits, location: str | None, version: str) -> Accepted:
    """Start an update to a version; `location` is that of its archive, unless it has to be fetched."""
    units = leader.units_of(unit_name(data.units))
    workers = [unit for unit in units if unit != leader.unit.name]
    options = UpdateOptions(location, None if location is not None else version, data.allow_older, data.even_with_jobs)
    own = UnitUpdate(leader.unit.runtime, leader.unit.launcher.environment)
    answers = [answer for answer in leader.ask_all(workers, "GET", PATH) if isinstance(answer, Answered)]
    refuse_states(
        [msgspec.convert(answer.value, UpdateState) for answer in answers],
        version,
        allow_older=data.allow_older,
        even_with_jobs=data.even_with_jobs,
    )
    is_done = version == own.state().version
    includes_self = leader.unit.name in units and not (is_done and workers)
    return start_update(leader.unit, options, workers=workers, includes_self=includes_self)


ROUTES = Router(
    "/",
    route_handlers=[
        *(upload_release, update_next_version, update_from_archive, update_firmware),
        *(published_releases, download_release),
    ],
    tags=["updates"],
    opt=needs("cluster", change="manage"),
)
