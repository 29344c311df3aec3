"""Proposals: costly and hazardous acts of agents, which a person approves before the agent commits them."""

import asyncio
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Final

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, NotPermittedError
from pioreactor.identity.authorization import Request as WantedAccess
from pioreactor.identity.authorization import check
from pioreactor.models import load_models, models_of_units
from pioreactor.storage.leader.repositories.proposals import Agent, Effects, Proposal, ProposedAct, Rehearsal, Status
from pioreactor.structs.rights import VIEWER, Rights
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.in_process_requests import ApiAnswer, InProcessApi
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import DecideProposal, Propose
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.guards import only_agents, only_signed_in
from pioreactor.web.security.identity import AGENT_KEY, Identity, identity_of
from pioreactor.web.security.route_rights import needs
from pioreactor.web.services_in_scope import service_of

if TYPE_CHECKING:
    from pioreactor.web.leader.agent_tools import Tool

AnyRequest = Request[object, object, State]
_COMMIT: Final = needs(None, tool="reversible", checks_limits_itself=True)

AMBIENT_CELSIUS: Final = 22.0
HEATED_HOURS: Final = 24.0
"""For how long heating without an end is charged [h]."""
VOLUME_TOLERANCE_ML: Final = 0.5
"""A volume that changes by less is the same state: evaporation and small doses of an automation."""
_JOBS: Final = "jobs"
_VOLUME: Final = "volume_ml"
_NOTHING: Final = Effects()
_UNBOUNDED: Final = Effects(media_ml=None, waste_ml=None, celsius_hours=None)
_BY_AREA: Final[Mapping[str | None, Effects]] = {
    area: _NOTHING for area in (None, "experiments", "cameras", "alarms", "cluster")
}
"""Areas whose routes move no liquid and heat nothing."""


class Committed(msgspec.Struct):
    """What the API answered to an act that was committed."""

    status: int
    answer: object


def agent_of(identity: Identity) -> Agent:
    """Return the agent with this identity, and its budget."""
    rights = identity.rights if identity.rights is not None else VIEWER
    return Agent(identity.name, identity.token if identity.token is not None else "", rights.budget)


# ---- what an act would do -----------------------------------------------------------------------------------------


def effects_of(tool: "Tool", arguments: Mapping[str, object], volume_ml: float | None, max_ml: float | None) -> Effects:
    """Return what an act uses up; raise `InvalidRequestError` for amounts that no vial takes."""
    found = _charged(tool, arguments)
    if volume_ml is None or found.media_ml is None or found.waste_ml is None:
        return msgspec.structs.replace(found, max_volume_ml=max_ml)
    after_ml = max(volume_ml + found.media_ml - found.waste_ml, 0.0)
    if max_ml is not None and found.media_ml > 0.0 and after_ml > max_ml:
        raise InvalidRequestError(
            f"the vial would hold {after_ml:g} mL of at most {max_ml:g} mL",
            remedy=f"Add at most {max(max_ml - volume_ml, 0.0):.2f} mL, or propose remove_waste first.",
        )
    return msgspec.structs.replace(found, volume_ml=round(after_ml, 2), max_volume_ml=max_ml)


def _charged(tool: "Tool", arguments: Mapping[str, object]) -> Effects:
    if tool.job in ("add_media", "add_alt_media"):
        return Effects(media_ml=_amount(arguments, "ml", most=100.0), hazards=("Dilutes the culture.",))
    if tool.job == "remove_waste":
        return Effects(waste_ml=_amount(arguments, "ml", most=100.0), hazards=("Removes culture.",))
    if tool.job in ("circulate_media", "circulate_alt_media"):
        _amount(arguments, "duration", most=3600.0)
        return Effects(media_ml=None, waste_ml=None, hazards=("Exchanges liquid while it runs.",))
    if tool.job in ("led_intensity", "led_automation"):
        return Effects(hazards=("Light can harm a culture.",))
    if tool.job == "temperature_automation":
        return _heating(arguments)
    hazards = (f"{tool.description} It goes on until it is stopped.",) if tool.job is not None else (tool.description,)
    known = _UNBOUNDED if tool.job is not None else _BY_AREA.get(tool.need.area, _UNBOUNDED)
    return msgspec.structs.replace(known, hazards=hazards)


def _heating(arguments: Mapping[str, object]) -> Effects:
    if "target_temperature" not in arguments:
        return Effects(celsius_hours=None, hazards=("Heats until it is stopped.",))
    target = _amount(arguments, "target_temperature", most=100.0)
    heat = max(target - AMBIENT_CELSIUS, 0.0) * HEATED_HOURS
    return Effects(celsius_hours=heat, hazards=(f"Heats to {target:g} °C until it is stopped.",))


def _amount(arguments: Mapping[str, object], name: str, *, most: float) -> float:
    value = arguments.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or not 0 < value <= most:
        raise InvalidRequestError(f"{name} must be a number above 0 and at most {most:g}, not {str(value)[:40]}")
    return float(value)


# ---- the state that a proposal is bound to ------------------------------------------------------------------------


def state_of(leader: LeaderServices, unit: str | None, experiment: str | None) -> dict[str, object]:
    """Return what an act depends on: jobs with their settings, volume, calibrations in use, the experiment.

    Raise `UnitUnreachableError` when the unit does not answer.
    """
    if unit is None:
        members = leader.members_of(experiment) if experiment is not None else []
        workers = {row.pioreactor_unit: row.is_active for row in leader.database.workers.all()}
        return {"experiment": experiment, "members": sorted(members), "workers": workers}
    if unit == UNIVERSAL_IDENTIFIER:
        raise InvalidRequestError("a proposal is about one unit", remedy="Make one for each unit.")
    [name] = leader.units_of(unit)
    assigned = leader.database.assignments.experiment_of(name)
    running = _rows(leader.units.ask(name, "GET", "/unit_api/jobs/running"))
    vial = _fields(leader.units.ask(name, "GET", f"/unit_api/bioreactor/experiments/{assigned}")) if assigned else {}
    active = _fields(leader.units.ask(name, "GET", "/unit_api/active_calibrations"))
    return {
        "experiment": assigned,
        _JOBS: {job: _settings(leader, name, job) for job in sorted(str(row.get("job_name")) for row in running)},
        _VOLUME: _fields(vial.get("values", vial)).get("current_volume_ml"),
        "calibrations": {device: _fields(one).get("calibration_name") for device, one in sorted(active.items())},
    }


def _settings(leader: LeaderServices, unit: str, job: str) -> dict[str, object]:
    """Return the settings of a running job that people choose, not those that it measures."""
    declared = [each for each in leader.unit.catalog.jobs() if each.job_name == job]
    chosen = {name for each in declared for name in each.settings}
    try:
        answer = _fields(leader.units.ask(unit, "GET", f"/unit_api/jobs/settings/job_name/{job}"))
    except NotFoundError:
        return {}
    return {name: value for name, value in sorted(_fields(answer.get("settings")).items()) if name in chosen}


def changes_between(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return the names of what is no longer as it was."""
    return [name for name in sorted({*before, *after}) if not _is_same(name, before.get(name), after.get(name))]


def _is_same(name: str, before: object, after: object) -> bool:
    if name == _VOLUME and isinstance(before, int | float) and isinstance(after, int | float):
        return abs(before - after) < VOLUME_TOLERANCE_ML
    return bool(before == after)


def _check_state(leader: LeaderServices, proposal: Proposal) -> None:
    act = proposal.act
    changed = changes_between(act.state, state_of(leader, act.unit, act.experiment))
    if changed:
        raise ConflictError(
            f"since the proposal was made, this has changed: {', '.join(changed)}", remedy="Make a new proposal."
        )


def _fields(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def _rows(value: object) -> list[dict[str, object]]:
    return [_fields(row) for row in value] if isinstance(value, list) else []


# ---- routes ---------------------------------------------------------------------------------------------------------


def _check_rights(leader: LeaderServices, rights: Rights, act: ProposedAct) -> None:
    """Raise `NotPermittedError` unless these rights allow the act itself on its unit."""
    wanted = WantedAccess(act.access, act.area, act.unit, act.experiment, act.reaches_all_units)
    check(rights, wanted, experiment_of=leader.database.assignments.experiment_of)


def _sender(request: AnyRequest) -> tuple[Identity, Rights]:
    identity = identity_of(request.scope)
    if identity is None:
        raise NotPermittedError("nobody has sent this")
    return identity, identity.rights if identity.rights is not None else VIEWER


def _tool(request: AnyRequest, leader: LeaderServices, name: str) -> "Tool":
    api = service_of(dict(request.scope), "in_process", InProcessApi)
    tool = api.known_tools(request.app, leader.unit.catalog).get(name)
    if tool is None:
        raise NotFoundError(f"there is no tool {name[:60]!r}")
    return tool


def _max_volume_ml(leader: LeaderServices, unit: str | None) -> float | None:
    rows = [row for row in leader.database.workers.all() if row.pioreactor_unit == unit]
    units = [(row.pioreactor_unit, row.model_name, row.model_version) for row in rows]
    models = models_of_units(units, load_models(leader.unit.paths.models))
    return models[str(unit)].reactor_max_fill_volume_ml if rows else None


@post("/proposals", guards=[only_agents], include_in_schema=False, sync_to_thread=True)
def propose(request: AnyRequest, leader: LeaderPorts, data: JSONBody[Propose]) -> Proposal:
    """Propose an act, which a person decides about; it is rehearsed first."""
    identity, rights = _sender(request)
    tool = _tool(request, leader, data.tool)
    tool.call(data.arguments)
    unit, experiment = _named(data.arguments, "unit"), _named(data.arguments, "experiment")
    summary = f"{tool.name} " + ", ".join(f"{name} {value}" for name, value in data.arguments.items())
    agent_name = str(request.scope.get(AGENT_KEY, {}).get("agent", ""))  # type: ignore[attr-defined]
    act = ProposedAct(
        *(tool.name, tool.tool_class, summary[:300], unit, experiment, data.arguments, _NOTHING, {}),
        access=tool.access,
        area=tool.need.area,
        reaches_all_units=tool.need.checks_limits_itself,
        agent=agent_name,
    )
    _check_rights(leader, rights, act)
    state = state_of(leader, unit, experiment)
    volume = state.get(_VOLUME)
    volume_ml = float(volume) if isinstance(volume, int | float) else None
    effects = effects_of(tool, data.arguments, volume_ml, _max_volume_ml(leader, unit))
    act = msgspec.structs.replace(act, effects=effects, state=state)
    proposal = leader.database.proposals.add(agent_of(identity), act, Rehearsal("not_possible", _NO_REHEARSAL))
    note_values(proposal=proposal.id, digest=proposal.digest)
    return proposal


_NO_REHEARSAL: Final = "Only acts of jobs on one unit can be rehearsed."


def _named(arguments: Mapping[str, object], name: str) -> str | None:
    value = arguments.get(name)
    return str(value) if value is not None else None


@get("/proposals", sync_to_thread=True)
def proposals(leader: LeaderPorts) -> list[Proposal]:
    """The latest 100 proposals of agents, newest first."""
    return leader.database.proposals.latest()


@get("/proposals/{id_:str}", sync_to_thread=True)
def one_proposal(leader: LeaderPorts, id_: FromPath[str]) -> Proposal:
    """One proposal: its effects, rehearsal, the state it is bound to, and what was decided."""
    return leader.database.proposals.get(id_)


@post("/proposals/{id_:str}/approve", guards=[only_signed_in], status_code=200, sync_to_thread=True)
def approve_proposal(
    request: AnyRequest, leader: LeaderPorts, id_: FromPath[str], data: JSONBody[DecideProposal]
) -> Proposal:
    """Approve a proposal: the agent may then commit it, once, as long as the unit's state is the same."""
    proposal = _decidable(request, leader, id_, data)
    if proposal.rehearsal.status == "running":
        raise ConflictError("the rehearsal has not ended", remedy="Wait until it has.")
    if proposal.rehearsal.status != "done" and not data.without_rehearsal:
        raise ConflictError(
            f"there is no rehearsal: {proposal.rehearsal.text}", remedy="Accept explicitly that there is none."
        )
    _check_state(leader, proposal)
    return _decided(request, leader, proposal, "approved", data.note)


@post("/proposals/{id_:str}/reject", guards=[only_signed_in], status_code=200, sync_to_thread=True)
def reject_proposal(
    request: AnyRequest, leader: LeaderPorts, id_: FromPath[str], data: JSONBody[DecideProposal]
) -> Proposal:
    """Reject a proposal: it cannot be committed."""
    proposal = _decidable(request, leader, id_, data)
    return _decided(request, leader, proposal, "rejected", data.note)


def _decided(request: AnyRequest, leader: LeaderServices, proposal: Proposal, status: Status, text: str) -> Proposal:
    identity, _ = _sender(request)
    decided = leader.database.proposals.decide(proposal, status, by=identity.name, note=text)
    note_values(before=proposal.status, after=decided.status)
    return decided


def _decidable(request: AnyRequest, leader: LeaderServices, id_: str, data: DecideProposal) -> Proposal:
    """Return a proposal that the sender may decide about, in the form in which it was shown."""
    proposal = leader.database.proposals.get(id_)
    _, rights = _sender(request)
    _check_rights(leader, rights, proposal.act)
    if data.digest != proposal.digest:
        raise ConflictError("this is not the proposal that was shown", remedy="Load the page again.")
    note_values(proposal=id_, act=proposal.act.summary, agent_of=proposal.username, agent_name=proposal.token)
    return proposal


@post(
    "/proposals/{id_:str}/commit", guards=[only_agents], opt=needs(None, tool="reversible", checks_limits_itself=True)
)
async def commit_proposal(request: AnyRequest, leader: LeaderPorts, id_: FromPath[str]) -> Committed:
    """Carry out a proposal that a person has approved: once, and only while the unit's state is the same."""
    identity, _ = _sender(request)
    proposal = await asyncio.to_thread(_committed, leader, identity, id_)
    note_values(act=proposal.act.summary, approved_by=proposal.decided_by)
    call = _tool(request, leader, proposal.act.tool).call(proposal.act.arguments)
    api = service_of(dict(request.scope), "in_process", InProcessApi)
    answer: ApiAnswer = await api.ask(
        identity,
        call.method,
        call.path,
        query=call.query,
        body=call.body,
        agent={"agent": proposal.act.agent, "tool": proposal.act.tool, "proposal": id_},
    )
    return Committed(answer.status, answer.value())


def _committed(leader: LeaderServices, identity: Identity, id_: str) -> Proposal:
    """Mark a proposal as committed and count what it uses up; raise `ConflictError` with the cause when it cannot."""
    agent, repository = agent_of(identity), leader.database.proposals
    proposal = repository.get(id_)
    if (proposal.username, proposal.token) != (agent.username, agent.token):
        raise NotPermittedError("this is the proposal of another agent", remedy="Make a proposal of your own.")
    if proposal.status == "approved":
        _check_approver(leader, proposal)
        _check_state(leader, proposal)
    repository.commit(proposal, agent)
    return proposal


def _check_approver(leader: LeaderServices, proposal: Proposal) -> None:
    """Raise `NotPermittedError` when the person who approved has been removed since, or has lost the right."""
    rights = leader.database.people.rights(str(proposal.decided_by))
    if rights is None:
        raise NotPermittedError("the person who approved this is no longer here", remedy="Make a new proposal.")
    _check_rights(leader, rights, proposal.act)


ROUTES = Router(
    "/",
    route_handlers=[propose, proposals, one_proposal, approve_proposal, reject_proposal, commit_proposal],
    tags=["agents"],
    opt=needs(None, checks_limits_itself=True),
)
