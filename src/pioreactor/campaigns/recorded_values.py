"""What the database has recorded of a unit while an arm ran, as an objective reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select

from pioreactor.campaigns.campaign_definition import CampaignDefinition
from pioreactor.campaigns.objective import Outcome, objective_of
from pioreactor.exc import ConflictError
from pioreactor.storage.leader.repositories.campaigns import Arm
from pioreactor.storage.leader.repositories.context import Access
from pioreactor.storage.leader.schema import METADATA
from pioreactor.structs.encoding import from_timestamp, to_timestamp

_MEANS: Final[Mapping[str, tuple[str, str]]] = {
    "od": ("od_readings", "od_reading"),
    "growth_rate_per_h": ("growth_rates", "rate"),
    "celsius": ("temperature_readings", "temperature_c"),
    "volume_ml": ("liquid_volumes", "liquid_volume"),
}
_DOSES: Final = {"media_ml": "add_media", "alt_media_ml": "add_alt_media", "waste_ml": "remove_waste"}


def recorded_outcome(access: Access, experiment: str, definition: CampaignDefinition, arm: Arm) -> Outcome:
    """Return the objective of an arm from the database; raise `ConflictError` unless it has run to its end."""
    if arm.started_at is None:
        raise ConflictError(f"arm {arm.arm} has not started", remedy="Start it, or tell its objective yourself.")
    start = from_timestamp(arm.started_at)
    end = start + timedelta(hours=definition.hours)
    if access.now() < end:
        raise ConflictError(f"arm {arm.arm} runs until {to_timestamp(end)}", remedy="Wait until it has ended.")
    late = start + timedelta(hours=definition.objective.from_hours)
    found: dict[str, float] = {}
    for name, (table, column) in _MEANS.items():
        value = _over(access, table, func.avg(METADATA.tables[table].c[column]), experiment, arm, late, end)
        if value is not None:
            found[name] = value
    for name, event in _DOSES.items():
        doses = METADATA.tables["dosing_events"]
        amount = func.sum(func.abs(doses.c.volume_change_ml)).filter(doses.c.event == event)
        value = _over(access, "dosing_events", amount, experiment, arm, start, end)
        found[name] = value if value is not None else 0.0
    return objective_of(definition.objective.expression, arm.suggestion.setting, found)


def _over(
    access: Access, table: str, value: ColumnElement[float], experiment: str, arm: Arm, start: datetime, end: datetime
) -> float | None:
    columns = METADATA.tables[table].c
    is_of_arm = (columns.experiment == experiment, columns.pioreactor_unit == arm.unit)
    within = (columns.timestamp >= to_timestamp(start), columns.timestamp <= to_timestamp(end))
    [[found]] = access.rows(select(value).where(*is_of_arm, *within))
    return float(found) if isinstance(found, int | float) else None
