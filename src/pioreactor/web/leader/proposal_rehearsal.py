"""Rehearsals of proposed acts: on a simulated reactor, from the present state of the unit."""

from typing import TYPE_CHECKING, Final

from pioreactor.exc import ConflictError, PioreactorError, StoppedError
from pioreactor.experiment_profiles.rehearsal_data import ForecastOfUnit, Rehearsal
from pioreactor.experiment_profiles.rehearsal_plan import profile_of_act
from pioreactor.storage.leader.repositories.proposals import Proposal, ProposedAct, RehearsedAct, RehearsedMoment
from pioreactor.web.leader.rehearsal_runner import RehearseProfile
from pioreactor.web.leader.services import INTERRUPTED, LeaderServices

if TYPE_CHECKING:
    from pioreactor.web.leader.agent_tools import Tool

HOURS: Final = 1.0
MAX_MINUTES: Final = 2.0
LOCK: Final = "rehearsal of an act"
NOT_POSSIBLE: Final = RehearsedAct("not_possible", "Only acts of jobs on one unit can be rehearsed.")
RUNNING: Final = RehearsedAct("running", f"The first {HOURS:g} h are rehearsed, within {MAX_MINUTES:g} min.")


def before_rehearsal(tool: "Tool", act: ProposedAct) -> RehearsedAct:
    """Return how the rehearsal of an act stands when it is proposed."""
    is_possible = tool.job is not None and act.unit is not None and act.experiment is not None
    return RUNNING if is_possible else NOT_POSSIBLE


def start_rehearsal(leader: LeaderServices, tool: "Tool", proposal: Proposal) -> None:
    """Rehearse a proposed act in the background and store what was found, or why there is nothing."""
    if proposal.rehearsal.status != "running":
        return

    def work() -> None:
        leader.database.proposals.rehearsed(proposal.id, _rehearsed(leader, tool, proposal.act))

    try:
        leader.unit.tasks.start("the rehearsal of an act", work, pool="requests", lock=LOCK)
    except ConflictError:
        busy = RehearsedAct("failed", "Another act was being rehearsed.")
        leader.database.proposals.rehearsed(proposal.id, busy)


def _rehearsed(leader: LeaderServices, tool: "Tool", act: ProposedAct) -> RehearsedAct:
    request = RehearseProfile(
        profile=profile_of_act(
            str(act.unit),
            str(tool.job),
            "update" if tool.values_in == "settings" else "start",
            {name: value for name, value in act.arguments.items() if name not in ("unit", "experiment")},
        ),
        units=[str(act.unit)],
        from_now=True,
        runs=1,
        hours=HOURS,
        max_minutes=MAX_MINUTES,
    )
    try:
        found = leader.act_rehearsals.run(str(act.experiment), request, "--no-keep").rehearsal
    except StoppedError:
        return RehearsedAct("interrupted", INTERRUPTED)
    except PioreactorError as error:
        return RehearsedAct("failed", str(error))
    if found is None or not found.units:
        return RehearsedAct("failed", " ".join(found.notes if found is not None else ()))
    return _summary(found, found.units[0])


def _summary(found: Rehearsal, unit: ForecastOfUnit) -> RehearsedAct:
    values = zip(found.hours, unit.od.median, unit.celsius.median, unit.volume_ml.median, strict=True)
    points = tuple(RehearsedMoment(*each) for each in values)
    first, last = points[0], points[-1]
    hazards = [f"After {one.at_h:.2g} h: {one.message}. {one.remedy}" for one in found.hazards]
    lines = [
        f"After {last.hours:.2g} h: {last.volume_ml:.4g} mL in the vial ({first.volume_ml:.4g} before),",
        f"OD {last.od:.3g} ({first.od:.3g} before), liquid {last.celsius:.3g} °C ({first.celsius:.3g} before);",
        f"{unit.media_ml.median[-1]:.3g} mL of medium, {unit.alt_media_ml.median[-1]:.3g} mL of alternative medium,",
        f"{unit.waste_ml.median[-1]:.3g} mL of waste.",
        *(hazards if hazards else ["No hazards."]),
        *found.notes,
    ]
    return RehearsedAct("done", " ".join(lines), points, unit.media_ml.median[-1])
