"""Routes of a unit about the version of its software."""

from typing import Annotated, Literal

import msgspec
from litestar import Request, Router, get, post, put, route
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import ConflictError, InvalidRequestError
from pioreactor.updates.archives import PART_BYTES, Archive
from pioreactor.updates.bundle import Bundle
from pioreactor.updates.errors import UpdateRefusedError
from pioreactor.updates.firmware import FirmwareUpdate
from pioreactor.updates.unit_update import UnitUpdate, UpdateRequest, UpdateState
from pioreactor.updates.version_order import refuse_older
from pioreactor.web.request_bodies import Body, Whole
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices

_DEBOUNCE_S = 10.0
Location = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f]*$(?!\n)")]


class UpdateOptions(Body):
    """`source`: a release archive on the unit; without it and `version`: the next release of those on the unit, or else
    of the published ones.

    `even_with_jobs`: although jobs run, which keep the version that they were started with.
    """

    source: Location | None = None
    version: Annotated[str, msgspec.Meta(max_length=50)] | None = None
    allow_older: bool = False
    even_with_jobs: bool = False


class StartUpdate(Body):
    options: UpdateOptions = msgspec.field(default_factory=UpdateOptions)
    args: list[str] = msgspec.field(default_factory=list)
    env: dict[str, str | None] = msgspec.field(default_factory=dict)


class Sent(Body):
    """SHA-256 of an archive that was sent."""

    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")] | None = None


@relayed(UNITS, target="units", timeout_s=15.0)
@get("/system/update", sync_to_thread=True)
def update_state(unit: UnitPorts) -> UpdateState:
    """Return what is installed on the unit, what an update does, and how the last one ended."""
    return UnitUpdate(unit.runtime, unit.launcher.environment).state()


@relayed(UNITS, target="units", method="POST", also=("PATCH",), timeout_s=60.0)
@route("/system/update", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def update_app(unit: UnitPorts, data: JSONBody[StartUpdate]) -> Accepted:
    """Start an update of the software; its progress is that of `GET /system/update`."""
    return start_update(unit, data.options)


@route("/system/update/{target:str}", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def update_target(
    unit: UnitPorts, target: FromPath[Literal["app", "firmware"]], data: JSONBody[StartUpdate]
) -> Accepted:
    """Start an update of the software (`app`), or of the board's `firmware` from the archive `options.source`."""
    if target == "app":
        return start_update(unit, data.options)
    own = UnitUpdate(unit.runtime, unit.launcher.environment)
    if data.options.source is None:
        raise InvalidRequestError("firmware comes from a release archive", remedy="Name it: options.source.")
    archive = own.archives.located(data.options.source)
    return unit.tasks.start("the update of the firmware", lambda: FirmwareUpdate(own).install(archive), lock="update")


@put("/system/update/received/{name:str}/parts/{offset:str}", status_code=204, request_max_body_size=PART_BYTES)
async def receive_part(
    unit: UnitPorts, request: Request[object, object, State], name: FromPath[str], offset: FromPath[Whole]
) -> None:
    """Write one part of a release archive; the body is its bytes. The part at 0 begins it."""
    UnitUpdate(unit.runtime, unit.launcher.environment).archives.add_part(name, offset, await request.body())


@post("/system/update/received/{name:str}/finish", status_code=202, sync_to_thread=True)
def finish_archive(unit: UnitPorts, name: FromPath[str], data: JSONBody[Sent]) -> Accepted:
    """Check a release archive that was sent: its signature and every file. A bad one is deleted."""
    archives = UnitUpdate(unit.runtime, unit.launcher.environment).archives

    def check() -> Archive:
        return archives.finish(name, data.sha256)

    return unit.tasks.start("the check of a release archive", check, lock="update")


def start_update(
    unit: UnitServices, options: UpdateOptions, *, workers: list[str] | None = None, includes_self: bool = True
) -> Accepted:
    """Check what can be checked at once, then start the process that updates this unit, and then the workers."""
    own = UnitUpdate(unit.runtime, unit.launcher.environment)
    request = UpdateRequest(
        None if options.source is None else str(own.archives.located(options.source)),
        options.version,
        options.allow_older,
        options.even_with_jobs,
        workers if workers is not None else [],
        not includes_self,
    )
    if includes_self:
        _refuse(own, request)
    unit.launcher.debounce("update-app", within_s=_DEBOUNCE_S)
    return unit.tasks.start("the start of an update", lambda: own.start(request), lock="update")


def _refuse(own: UnitUpdate, request: UpdateRequest) -> None:
    own.refuse_server_database()
    updater = own.updater()
    if updater.journal.read() is not None:
        raise ConflictError("an update is in progress", remedy="Wait until it has ended.")
    running = [] if request.even_with_jobs else own.activities()
    if running:
        raise UpdateRefusedError(
            f"{own.runtime.unit} runs {', '.join(running)}",
            remedy="Stop it first, or update even with jobs, which keep the version that they were started with.",
        )
    present = updater.installation.current_version()
    if request.source is not None:
        version = Bundle(own.archives.located(request.source)).manifest().version
        if version == present:
            raise UpdateRefusedError(f"version {present} is installed already")
        refuse_older(version, present, is_allowed=request.allow_older)
    elif request.version is None or updater.installation.mark_of(request.version) is None:
        own.offered(request.version)


ROUTES = Router(
    "/",
    route_handlers=[
        update_state,
        update_app,
        update_target,
        receive_part,
        finish_archive,
    ],
    tags=["updates of a unit"],
    opt=needs("cluster", change="manage"),
)
