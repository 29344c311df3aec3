"""Proposals: costly and hazardous acts of agents, which a person approves before the agent commits them."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from litestar import Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.exc import ConflictError, NotFoundError, NotPermittedError
from pioreactor.identity.authorization import Request as WantedAccess
from pioreactor.identity.authorization import check
from pioreactor.models import load_models, models_of_units
from pioreactor.storage.leader.repositories.proposals import Agent, Proposal, ProposedAct, Status
from pioreactor.structs.rights import VIEWER, Rights
from pioreactor.web.leader.in_process_requests import ApiAnswer, InProcessApi
from pioreactor.web.leader.proposal_effects import NOTHING, effects_of
from pioreactor.web.leader.proposal_rehearsal import RUNNING, before_rehearsal, start_rehearsal
from pioreactor.web.leader.proposal_state import VOLUME, check_state, state_of
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


class Committed(msgspec.Struct):
    """What the API answered to an act that was committed."""

    status: int
    answer: object


def agent_of(identity: Identity) -> Agent:
    """Return the agent with this identity, and its budget."""
    rights = identity.rights if identity.rights is not None else VIEWER
    return Agent(identity.name, identity.token if identity.token is not None else "", rights.budget)


def _check_rights(leader: LeaderServices, rights: Rights, act: ProposedAct) -> None:
    """Raise `NotPermittedError` unless these rights allow the act itself on its unit."""
    wanted = WantedAccess(act.access, act.area, act.unit, act.experiment, act.reaches_all_units)
    check(rights, wanted, experiment_of=leader.database.assignments.experiment_of)


def _sender(request: AnyRequest) -> tuple[Identity, Rights]:
    identity = identity_of(request.scope)
    if identity is None:
        raise NotPermittedError("no one has sent this")
    return identity, identity.rights if identity.rights is not None else VIEWER


def _tool(request: AnyRequest, leader: LeaderServices, name: str) -> "Tool":
    api = service_of(dict(request.scope), "in_process", InProcessApi)
    from pioreactor.web.leader.agent_tools import known_tools

    tool = known_tools(api, request.app, leader.unit.catalog).get(name)
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
        *(tool.name, tool.tool_class, summary[:300], unit, experiment, data.arguments, NOTHING, {}),
        access=tool.access,
        area=tool.need.area,
        reaches_all_units=tool.need.checks_limits_itself,
        agent=agent_name,
    )
    _check_rights(leader, rights, act)
    state = state_of(leader, unit, experiment)
    volume = state.get(VOLUME)
    volume_ml = float(volume) if isinstance(volume, int | float) else None
    effects = effects_of(tool, data.arguments, volume_ml, _max_volume_ml(leader, unit))
    act = msgspec.structs.replace(act, effects=effects, state=state)
    proposal = leader.database.proposals.add(agent_of(identity), act, before_rehearsal(tool, act))
    start_rehearsal(leader, tool, proposal)
    note_values(proposal=proposal.id, digest=proposal.digest)
    return proposal


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
    check_state(leader, proposal)
    return _decided(request, leader, proposal, "approved", data.note)


@post("/proposals/{id_:str}/rehearse", guards=[only_signed_in], status_code=200, sync_to_thread=True)
def rehearse_proposal(request: AnyRequest, leader: LeaderPorts, id_: FromPath[str]) -> Proposal:
    """Rehearse a proposal again whose rehearsal failed or was interrupted."""
    proposal = leader.database.proposals.get(id_)
    _check_rights(leader, _sender(request)[1], proposal.act)
    if proposal.rehearsal.status not in ("failed", "interrupted"):
        raise ConflictError(f"the rehearsal is {proposal.rehearsal.status.replace('_', ' ')}")
    check_state(leader, proposal)
    again = leader.database.proposals.rehearse_again(id_, RUNNING)
    start_rehearsal(leader, _tool(request, leader, proposal.act.tool), again)
    return again


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
        check_state(leader, proposal)
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
    route_handlers=[
        *(propose, proposals, one_proposal, approve_proposal, reject_proposal, commit_proposal),
        rehearse_proposal,
    ],
    tags=["agents"],
    opt=needs(None, checks_limits_itself=True),
)
