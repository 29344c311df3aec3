"""What agents propose, what people decided about it, and what agents used up."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Final, Literal

import msgspec
from sqlalchemy import ColumnElement, Connection, Table, func, insert, select, update

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.storage.leader.repositories.context import Access, change, fetch
from pioreactor.storage.leader.schema.tables import access_tokens, agent_acts, agent_proposals
from pioreactor.storage.ports import SqlRow, ValueType
from pioreactor.structs.encoding import to_timestamp
from pioreactor.structs.rights import Area, Budget
from pioreactor.types import ToolClass

LIFETIME: Final = timedelta(minutes=30)
"""From the proposal to its commit, approval included: a culture is another one after that."""
MAX_PENDING: Final = 20
"""Most undecided proposals of one token: people must be able to read them."""

Status = Literal["proposed", "approved", "rejected", "committed"]


class Effects(msgspec.Struct, frozen=True):
    """What an act uses up and leads to, by its values and before any rehearsal; None: it cannot be known."""

    media_ml: float | None = 0.0
    waste_ml: float | None = 0.0
    celsius_hours: float | None = 0.0
    volume_ml: float | None = None
    """Liquid in the vial afterwards."""
    max_volume_ml: float | None = None
    hazards: tuple[str, ...] = ()


class Used(msgspec.Struct, frozen=True):
    """What a token has used up; acts are those of the last hour."""

    media_ml: float = 0.0
    celsius_hours: float = 0.0
    acts_per_hour: int = 0


class ProposedAct(msgspec.Struct, frozen=True):
    """What a person decides about, and the state that the decision is bound to."""

    tool: str
    tool_class: ToolClass
    summary: str
    unit: str | None
    experiment: str | None
    arguments: dict[str, object]
    effects: Effects
    state: dict[str, object]
    access: Literal["read", "operate", "manage"]
    area: Area | None
    reaches_all_units: bool = False
    """Whether it acts on units that it does not name."""
    budget: Budget | None = None
    used: Used | None = None
    """Before this act; both are of the moment of the proposal."""
    agent: str = ""
    """What the agent calls itself: a claim."""


class RehearsedMoment(msgspec.Struct, frozen=True):
    """A moment of a rehearsal: hours from its beginning."""

    hours: float
    od: float
    celsius: float
    volume_ml: float


class RehearsedAct(msgspec.Struct, frozen=True):
    """The act on a simulated reactor; `failed`, `interrupted` and `not_possible` say why in `text`.

    What failed or was interrupted can be rehearsed again.
    """

    status: Literal["running", "done", "failed", "interrupted", "not_possible"]
    text: str = ""
    points: tuple[RehearsedMoment, ...] = ()
    media_ml: float | None = None


class Proposal(msgspec.Struct, frozen=True):
    """A proposal of an agent."""

    id: str
    created_at: str
    expires_at: str
    username: str
    token: str
    status: Status
    act: ProposedAct
    digest: str
    rehearsal: RehearsedAct
    decided_by: str | None
    decided_at: str | None
    note: str
    committed_at: str | None


@dataclass(frozen=True, slots=True)
class Agent:
    """A token of a person, and its budget."""

    username: str
    token: str
    budget: Budget | None


_NAMES: Final = (
    *("id", "created_at", "expires_at", "username", "token", "status", "content", "digest", "rehearsal"),
    *("decided_by", "decided_at", "note", "committed_at"),
)
_COLUMNS: Final = tuple(agent_proposals.c[name] for name in _NAMES)


class Proposals:
    """Proposals and acts. What is decided, committed and counted is decided, committed and counted once."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def add(self, agent: Agent, act: ProposedAct, rehearsal: RehearsedAct) -> Proposal:
        """Store a proposal; raise `ConflictError` above `MAX_PENDING`, or when it is beyond the budget."""
        now = self._access.now()
        id_ = token_hex(8)
        with self._access.writing() as connection:
            used = self._checked(connection, agent, act.effects)
            if self._pending(connection, agent) >= MAX_PENDING:
                raise ConflictError(
                    f"{agent.token} has {MAX_PENDING} proposals that no one has decided about",
                    remedy="Wait until a person has decided, or until they expire.",
                )
            act = msgspec.structs.replace(act, used=used, budget=agent.budget)
            content = msgspec.json.encode(act, order="deterministic")
            values = {
                "id": id_,
                "created_at": to_timestamp(now),
                "expires_at": to_timestamp(now + LIFETIME),
                "username": agent.username,
                "token": agent.token,
                "status": "proposed",
                "content": content.decode(),
                "digest": sha256(content).hexdigest(),
                "rehearsal": msgspec.json.encode(rehearsal).decode(),
                "note": "",
            }
            change(connection, insert(agent_proposals).values(values))
        return self.get(id_)

    def get(self, id_: str) -> Proposal:
        """Return one proposal; raise `NotFoundError`."""
        rows = self._access.rows(select(*_COLUMNS).where(agent_proposals.c.id == id_))
        if not rows:
            raise NotFoundError(f"there is no proposal {id_[:40]!r}", remedy="See: pio proposals list")
        return _proposal(rows[0])

    def latest(self, *, limit: int = 100) -> list[Proposal]:
        """Return proposals, newest first."""
        query = select(*_COLUMNS).order_by(agent_proposals.c.created_at.desc(), agent_proposals.c.id)
        return [_proposal(row) for row in self._access.rows(query.limit(limit))]

    def rehearsed(self, id_: str, rehearsal: RehearsedAct) -> None:
        """Store how the rehearsal went; it does not change once it has ended, unless it is repeated."""
        values = {"rehearsal": msgspec.json.encode(rehearsal).decode()}
        with self._access.writing() as connection:
            change(connection, update(agent_proposals).where(agent_proposals.c.id == id_).values(values))

    def rehearse_again(self, id_: str, rehearsal: RehearsedAct) -> Proposal:
        """Store that a proposal no one has decided about is rehearsed again; raise `ConflictError` for another."""
        values = {"rehearsal": msgspec.json.encode(rehearsal).decode()}
        with self._access.writing() as connection:
            self._move(connection, id_, "proposed", values)
        return self.get(id_)

    def interrupt_rehearsals(self, text: str) -> None:
        """Mark rehearsals that count as running as interrupted: nothing runs them any more."""
        values = {"rehearsal": msgspec.json.encode(RehearsedAct("interrupted", text)).decode()}
        is_running = agent_proposals.c.rehearsal.startswith('{"status":"running"', autoescape=True)
        with self._access.writing() as connection:
            change(connection, update(agent_proposals).where(is_running).values(values))

    def decide(self, proposal: Proposal, status: Status, *, by: str, note: str) -> Proposal:
        """Approve or reject what is not decided yet; raise `ConflictError` with the cause otherwise."""
        values = {"status": status, "decided_by": by, "decided_at": self._access.timestamp(), "note": note}
        with self._access.writing() as connection:
            self._move(connection, proposal.id, "proposed", values)
        return self.get(proposal.id)

    def commit(self, proposal: Proposal, agent: Agent) -> None:
        """Mark what was approved as committed and count what it uses up: both, once, or neither (`ConflictError`)."""
        values = {"status": "committed", "committed_at": self._access.timestamp()}
        with self._access.writing() as connection:
            self._move(connection, proposal.id, "approved", values)
            self._count(connection, agent, proposal.act.tool, proposal.act.effects)

    def count(self, agent: Agent, tool: str) -> None:
        """Count an act that needs no approval; raise `ConflictError` when the token has had its acts of this hour."""
        with self._access.writing() as connection:
            self._count(connection, agent, tool, Effects())

    def used(self, agent: Agent) -> Used:
        """Return what a token has used up."""
        with self._access.reading() as connection:
            return self._used(connection, agent)

    def _move(self, connection: Connection, id_: str, status: Status, values: dict[str, str]) -> None:
        is_open = (agent_proposals.c.id == id_, agent_proposals.c.status == status)
        is_valid = agent_proposals.c.expires_at > self._access.timestamp()
        if change(connection, update(agent_proposals).where(*is_open, is_valid).values(values)):
            return
        [[present]] = fetch(connection, select(agent_proposals.c.status).where(agent_proposals.c.id == id_))
        if present == "proposed" and status == "approved":
            raise ConflictError(
                "no person has approved the proposal", remedy="Wait for the decision, which one_proposal shows."
            )
        cause = "has expired" if present == status else f"is {present}"
        raise ConflictError(f"the proposal {cause}", remedy="Make a new proposal.")

    def _count(self, connection: Connection, agent: Agent, tool: str, effects: Effects) -> None:
        self._checked(connection, agent, effects)
        values = {
            "timestamp": self._access.timestamp(),
            "username": agent.username,
            "token": agent.token,
            "tool": tool,
            "media_ml": effects.media_ml if effects.media_ml is not None else 0.0,
            "celsius_hours": effects.celsius_hours if effects.celsius_hours is not None else 0.0,
        }
        change(connection, insert(agent_acts).values(values))

    def _used(self, connection: Connection, agent: Agent) -> Used:
        columns, is_own = agent_acts.c, _own(agent_acts, agent)
        totals = select(func.sum(columns.media_ml), func.sum(columns.celsius_hours)).where(*is_own)
        [[media_ml, celsius_hours]] = fetch(connection, totals)
        since = to_timestamp(self._access.now() - timedelta(hours=1))
        recent = select(func.count()).select_from(agent_acts).where(*is_own, columns.timestamp > since)
        return Used(_number(media_ml), _number(celsius_hours), int(_number(fetch(connection, recent)[0][0])))

    def _checked(self, connection: Connection, agent: Agent, effects: Effects) -> Used:
        """Return what is used up already; raise `ConflictError` when these effects would be beyond the budget.

        The row of the token is locked, so that two requests of one agent are counted one after the other.
        """
        is_token = (access_tokens.c.username == agent.username, access_tokens.c.label == agent.token)
        connection.execute(select(access_tokens.c.token_hash).where(*is_token).with_for_update())
        used = self._used(connection, agent)
        budget = agent.budget if agent.budget is not None else Budget()
        acts = (budget.acts_per_hour, used.acts_per_hour, 1.0)
        for what, (limit, spent, more) in {
            "mL": (budget.media_ml, used.media_ml, effects.media_ml),
            "°C·h": (budget.celsius_hours, used.celsius_hours, effects.celsius_hours),
            "acts in an hour": acts,
        }.items():
            if limit is not None:
                _check_budget(what, limit, spent, more)
        return used

    def _pending(self, connection: Connection, agent: Agent) -> int:
        is_open = (agent_proposals.c.status == "proposed", agent_proposals.c.expires_at > self._access.timestamp())
        query = select(func.count()).select_from(agent_proposals).where(*_own(agent_proposals, agent), *is_open)
        return int(_number(fetch(connection, query)[0][0]))


def _check_budget(what: str, limit: float, spent: float, more: float | None) -> None:
    if more is None:
        raise ConflictError(
            f"how many {what} this uses up has no bound, and the token has a budget of {limit:g} {what}",
            remedy="Propose an act with an amount, or ask a person to do it.",
        )
    if spent + more > limit + 1e-9:
        raise ConflictError(
            f"{spent:g} of {limit:g} {what} of this token are used up, and this needs {more:g} more",
            remedy="Ask a manager for a token with a larger budget.",
        )


def _own(table: Table, agent: Agent) -> tuple[ColumnElement[bool], ...]:
    return table.c.username == agent.username, table.c.token == agent.token


def _number(value: ValueType) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _proposal(row: SqlRow) -> Proposal:
    stored = dict(zip(_NAMES, row, strict=True))
    act = msgspec.json.decode(str(stored.pop("content")), type=ProposedAct)
    rehearsal = msgspec.json.decode(str(stored.pop("rehearsal")), type=RehearsedAct)
    return msgspec.convert({**stored, "act": act, "rehearsal": rehearsal}, Proposal)
