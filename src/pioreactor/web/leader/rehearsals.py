"""Routes of the leader about rehearsals: a profile on simulated reactors, before it is run."""

from typing import Final

import msgspec
from litestar import Router, delete, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from pioreactor.experiment_profiles.kept_rehearsals import KeptRehearsal, KeptRehearsals
from pioreactor.experiment_profiles.rehearsal_comparison import Compared, compared
from pioreactor.experiment_profiles.rehearsal_data import Rehearsal
from pioreactor.web.leader.profiles import check_profile
from pioreactor.web.leader.rehearsal_runner import RehearsalInProgress, RehearseProfile
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import experiment_name, unit_name
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted

LOCK: Final = "rehearsal"


class Rehearsals(msgspec.Struct):
    """Rehearsals of an experiment that are kept, newest first, and the one in progress, of whichever experiment."""

    in_progress: RehearsalInProgress | None
    kept: list[KeptRehearsal]


class RehearsalKept(msgspec.Struct):
    """Result of a rehearsal: the id under which it is kept."""

    id: str


@get("/experiments/{experiment:str}/rehearsals", sync_to_thread=True)
def rehearsals(leader: LeaderPorts, experiment: FromPath[str]) -> Rehearsals:
    """Rehearsals that are kept, and the one in progress."""
    return Rehearsals(leader.rehearsals.in_progress, _kept(leader).rows(experiment_name(experiment)))


@post("/experiments/{experiment:str}/rehearsals", status_code=202, sync_to_thread=True)
def rehearse(leader: LeaderPorts, experiment: FromPath[str], data: JSONBody[RehearseProfile]) -> Accepted:
    """Rehearse a profile on simulated units. The result has its `id`; 409 while another one is in progress."""
    leader.database.experiments.get(experiment_name(experiment))
    check_profile(leader, data.profile)
    for unit in data.units:
        unit_name(unit)
    note_values(strain=data.strain, runs=data.runs, hours=data.hours)

    def work() -> RehearsalKept:
        return RehearsalKept(str(leader.rehearsals.run(experiment, data).id))

    return leader.unit.tasks.start("the rehearsal", work, pool="requests", lock=LOCK)


@delete("/experiments/{experiment:str}/rehearsals", status_code=202, sync_to_thread=True)
def cancel_rehearsal(leader: LeaderPorts, experiment: FromPath[str]) -> Status:
    """End the rehearsal in progress; the runs that have ended are kept. 404 when there is none."""
    leader.rehearsals.stop(experiment_name(experiment))
    return Status()


@get("/experiments/{experiment:str}/rehearsals/{id_:str}", sync_to_thread=True)
def one_rehearsal(leader: LeaderPorts, experiment: FromPath[str], id_: FromPath[str]) -> Rehearsal:
    """One rehearsal: bands of each quantity, bottles, and what went wrong."""
    return _kept(leader).load(experiment_name(experiment), id_)


@get("/experiments/{experiment:str}/rehearsals/{id_:str}/comparison", sync_to_thread=True)
def compare_rehearsal(
    leader: LeaderPorts, experiment: FromPath[str], id_: FromPath[str], began_at: FromQuery[str | None] = None
) -> list[Compared]:
    """A rehearsal beside what was recorded since it, or since `began_at` (UTC)."""
    kept = _kept(leader).load(experiment_name(experiment), id_)
    return compared(kept, leader.database.path, kept.started_at if began_at is None else began_at)


def _kept(leader: LeaderServices) -> KeptRehearsals:
    return KeptRehearsals(leader.unit.paths.rehearsals)


ROUTES = Router(
    "/",
    route_handlers=[rehearsals, rehearse, cancel_rehearsal, one_rehearsal, compare_rehearsal],
    tags=["profiles"],
    opt=needs("profiles", tool="reversible"),
)
