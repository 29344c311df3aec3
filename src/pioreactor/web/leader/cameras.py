"""Routes of the leader about the cameras of an experiment."""

from typing import Annotated
from urllib.parse import quote

import msgspec
from litestar import Router, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from pioreactor.cluster.experiment_files import pictures_of_unit
from pioreactor.exports.film import MAX_STILLS_PER_S, make_film
from pioreactor.exports.request import safe_name
from pioreactor.http.fanout import UnitReport, report
from pioreactor.http.units import decoded
from pioreactor.private_files import free_path
from pioreactor.structs.camera_still import CameraStill
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.request_bodies import experiment_name, unit_name
from pioreactor.web.security.route_rights import needs
from pioreactor.web.still_archive import zip_stills
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.camera_stills import Stills

_TIMEOUT_S = 10.0
_IMAGE_TIMEOUT_S = 20.0


class Cameras(msgspec.Struct):
    """Answer of each unit, or why there is none."""

    cameras: dict[str, UnitReport]


@get("/experiments/{experiment:str}/cameras", sync_to_thread=True)
def cameras_of_experiment(leader: LeaderPorts, experiment: FromPath[str]) -> Cameras:
    """Return the state of the camera of each worker that is, or ever was, assigned to the experiment."""
    name = experiment_name(experiment)
    path = f"/unit_api/camera/experiments/{quote(name, safe='')}/status"
    return Cameras(report(leader.ask_all(leader.workers_ever_in(name), "GET", path, timeout_s=_TIMEOUT_S)))


@get(
    "/workers/{unit:str}/camera/experiments/{experiment:str}/stills.zip",
    sync_to_thread=True,
    media_type="application/zip",
)
def zipped_stills_of_worker(leader: LeaderPorts, unit: FromPath[str], experiment: FromPath[str]) -> Stream:
    """Return an archive of all stills of a worker, with a manifest; each is fetched as it is sent."""
    name = experiment_name(experiment)
    [worker] = leader.workers_of(unit_name(unit, broadcast=False))
    path = f"/unit_api/camera/experiments/{quote(name, safe='')}/stills"
    found = decoded(leader.units.ask(worker, "GET", path, timeout_s=_TIMEOUT_S), Stills)

    def read(still: CameraStill) -> bytes:
        return leader.units.fetch(worker, "GET", f"{path}/{still.image_id}.jpg", timeout_s=_IMAGE_TIMEOUT_S).body

    return zip_stills(worker, name, found.stills, read)


class Film(msgspec.Struct):
    """A film at `/exports/<filename>`."""

    filename: str
    stills: int
    size_bytes: int


@post("/workers/{unit:str}/camera/experiments/{experiment:str}/film", status_code=202, sync_to_thread=True)
def film_of_worker(
    leader: LeaderPorts,
    unit: FromPath[str],
    experiment: FromPath[str],
    stills_per_s: Annotated[float, QueryParameter(gt=0, le=MAX_STILLS_PER_S)] = 10.0,
) -> Accepted:
    """Make a film (MP4) of the stills of a worker, with ffmpeg on the leader. The result has its `filename`."""
    name = experiment_name(experiment)
    [worker] = leader.workers_of(unit_name(unit, broadcast=False))
    target = free_path(leader.unit.paths.exports / f"film_{safe_name(worker)}_{safe_name(name)}.mp4")

    def work() -> Film:
        pictures = pictures_of_unit(worker, name, leader.units.fetch_bytes)
        count = make_film(target, pictures, stills_per_s=stills_per_s)
        return Film(target.name, count, target.stat().st_size)

    return leader.unit.tasks.start("the film", work, pool="requests", lock="film")


ROUTES = Router(
    "/",
    route_handlers=[cameras_of_experiment, zipped_stills_of_worker, film_of_worker],
    tags=["cameras"],
    opt=needs("cameras"),
)
