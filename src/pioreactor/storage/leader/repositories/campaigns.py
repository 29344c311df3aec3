"""Campaigns: definitions, the arms that were asked for, and their results. All that a campaign needs to continue."""

import math
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.science.campaigns.factors import Suggestion
from pioreactor.storage.leader.repositories.context import Access, change, exists, fetch
from pioreactor.storage.leader.schema.tables import campaign_arms, campaign_results, campaigns
from pioreactor.storage.ports import SqlRow

ArmStatus = Literal["waiting", "running", "done", "withdrawn"]
OPEN: Final[tuple[ArmStatus, ...]] = ("waiting", "running")


class Campaign(msgspec.Struct, frozen=True):
    """One campaign; `definition` is YAML, as it was written."""

    campaign: str
    experiment: str
    created_at: str
    definition: str
    ended_at: str | None


class Arm(msgspec.Struct, frozen=True):
    """One run of a setting on a unit, with the newest result; `objective` None although it is done: it has failed."""

    arm: int
    unit: str
    status: ArmStatus
    setting: int
    replicate: int
    suggestion: Suggestion
    asked_at: str
    started_at: str | None
    objective: float | None = None
    note: str = ""
    told_at: str | None = None


class NewArm(msgspec.Struct, frozen=True):
    """An arm before it has a number."""

    unit: str
    setting: int
    replicate: int
    suggestion: Suggestion


_COLUMNS: Final = tuple(campaigns.c[name] for name in Campaign.__struct_fields__)
_ARM: Final = ("arm", "pioreactor_unit", "status", "setting", "replicate", "suggestion", "asked_at", "started_at")


class Campaigns:
    """Arms are numbered from 1 and never removed; a result that is corrected is added, and the newest counts."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def create(self, campaign: str, experiment: str, definition: str) -> Campaign:
        """Store a definition; raise `ConflictError` when the name is taken."""
        values = {
            "campaign": campaign,
            "experiment": experiment,
            "created_at": self._access.timestamp(),
            "definition": definition,
        }
        with self._access.writing() as connection:
            if exists(connection, select(campaigns.c.campaign).where(campaigns.c.campaign == campaign)):
                raise ConflictError(f"there is already a campaign {campaign!r}", remedy="Choose another name.")
            change(connection, insert(campaigns).values(values))
        return self.get(campaign)

    def get(self, campaign: str) -> Campaign:
        """Return one campaign; raise `NotFoundError`."""
        rows = self._access.rows(select(*_COLUMNS).where(campaigns.c.campaign == campaign))
        if not rows:
            raise NotFoundError(f"there is no campaign {campaign[:80]!r}")
        return _campaign(rows[0])

    def all(self) -> list[Campaign]:
        """Return campaigns, newest first."""
        query = select(*_COLUMNS).order_by(campaigns.c.created_at.desc(), campaigns.c.campaign)
        return [_campaign(row) for row in self._access.rows(query)]

    def end(self, campaign: str) -> Campaign:
        """Withdraw the arms that wait, and accept no more."""
        with self._access.writing() as connection:
            is_it = campaigns.c.campaign == campaign
            change(connection, update(campaigns).where(is_it).values(ended_at=self._access.timestamp()))
            waiting = (campaign_arms.c.campaign == campaign, campaign_arms.c.status == "waiting")
            change(connection, update(campaign_arms).where(*waiting).values(status="withdrawn"))
        return self.get(campaign)

    def arms(self, campaign: str) -> list[Arm]:
        """Return all arms in the order in which they were asked for, each with its newest result."""
        with self._access.reading() as connection:
            return _arms(connection, campaign)

    def add_arms(self, campaign: str, new: Sequence[NewArm], *, after: int) -> list[Arm]:
        """Store arms that follow from a record of `after` arms.

        Raise `ConflictError` when there are more by now, or the campaign has ended.
        """
        with self._access.writing() as connection:
            query = select(campaigns.c.experiment, campaigns.c.ended_at).where(campaigns.c.campaign == campaign)
            [[experiment, ended_at]] = fetch(connection, query.with_for_update())
            count = fetch(connection, select(func.count()).where(campaign_arms.c.campaign == campaign))[0][0]
            if ended_at is not None:
                raise ConflictError(f"the campaign {campaign} has ended", remedy="Create another one.")
            if count != after:
                raise ConflictError("other arms were asked for meanwhile", remedy="Ask again.")
            asked_at = self._access.timestamp()
            for number, arm in enumerate(new, start=after + 1):
                values = {
                    "campaign": campaign,
                    "arm": number,
                    "experiment": experiment,
                    "pioreactor_unit": arm.unit,
                    "status": "waiting",
                    "setting": arm.setting,
                    "replicate": arm.replicate,
                    "suggestion": msgspec.json.encode(arm.suggestion).decode(),
                    "asked_at": asked_at,
                }
                change(connection, insert(campaign_arms).values(values))
            return _arms(connection, campaign)[after:]

    def start(self, campaign: str, arm: int) -> None:
        """Mark an arm that waits as running; raise `ConflictError` for another one."""
        self._move(campaign, arm, {"status": "running", "started_at": self._access.timestamp()}, of=("waiting",))

    def withdraw(self, campaign: str, arm: int) -> None:
        """Mark an arm without result as withdrawn: its setting may be asked for again."""
        self._move(campaign, arm, {"status": "withdrawn"}, of=OPEN)

    def move(self, campaign: str, arm: int, unit: str) -> None:
        """Give an arm without result to another unit; it waits there."""
        self._move(campaign, arm, {"pioreactor_unit": unit, "status": "waiting", "started_at": None}, of=OPEN)

    def tell(self, campaign: str, arm: int, objective: float | None, *, note: str, by: str) -> None:
        """Add a result; no objective, or one that is not finite: the arm has failed. It replaces an earlier one."""
        is_number = objective is not None and math.isfinite(objective)
        with self._access.writing() as connection:
            self._moved(connection, campaign, arm, {"status": "done"}, (*OPEN, "done"))
            query = select(campaigns.c.experiment).where(campaigns.c.campaign == campaign)
            values = {
                "campaign": campaign,
                "arm": arm,
                "experiment": fetch(connection, query)[0][0],
                "objective": objective if is_number else None,
                "note": note if is_number or note else "no number",
                "told_by": by,
                "told_at": self._access.timestamp(),
            }
            change(connection, insert(campaign_results).values(values))

    def _move(self, campaign: str, arm: int, values: dict[str, str | None], *, of: tuple[ArmStatus, ...]) -> None:
        with self._access.writing() as connection:
            self._moved(connection, campaign, arm, values, of)

    def _moved(
        self, connection: Connection, campaign: str, arm: int, values: dict[str, str | None], of: tuple[ArmStatus, ...]
    ) -> None:
        is_it = (campaign_arms.c.campaign == campaign, campaign_arms.c.arm == arm)
        if change(connection, update(campaign_arms).where(*is_it, campaign_arms.c.status.in_(of)).values(values)):
            return
        found = fetch(connection, select(campaign_arms.c.status).where(*is_it))
        if not found:
            raise NotFoundError(f"the campaign {campaign[:80]} has no arm {arm}")
        raise ConflictError(f"arm {arm} is {found[0][0]}")


def _arms(connection: Connection, campaign: str) -> list[Arm]:
    columns, results = [campaign_arms.c[name] for name in _ARM], campaign_results.c
    told = select(results.arm, results.objective, results.note, results.told_at).where(results.campaign == campaign)
    newest = {row[0]: row[1:] for row in fetch(connection, told.order_by(results.id))}
    query = select(*columns).where(campaign_arms.c.campaign == campaign).order_by(campaign_arms.c.arm)
    return [_arm(row, newest.get(row[0], (None, "", None))) for row in fetch(connection, query)]


def _arm(row: SqlRow, result: SqlRow) -> Arm:
    fields = dict(zip(Arm.__struct_fields__, (*row, *result), strict=True))
    fields["suggestion"] = msgspec.json.decode(str(fields["suggestion"]))
    return msgspec.convert(fields, Arm)


def _campaign(row: SqlRow) -> Campaign:
    return msgspec.convert(dict(zip(Campaign.__struct_fields__, row, strict=True)), Campaign)
