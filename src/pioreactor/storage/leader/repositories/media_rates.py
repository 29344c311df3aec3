"""The consumption of media of each unit over the last hours."""

from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, case, func, select

from pioreactor.storage.leader.repositories.context import Access
from pioreactor.storage.leader.schema import METADATA
from pioreactor.structs.encoding import from_timestamp, to_timestamp

WINDOW_HOURS: Final = 3.0
MIN_HOURS: Final = 0.25
"""Shortest time over which a rate is taken: a single dose says nothing about an hour."""
SECONDS_PER_HOUR: Final = 3600.0
_DOSES: Final = METADATA.tables["dosing_events"].c


class MediaRate(msgspec.Struct, frozen=True, rename={"media_rate": "mediaRate", "alt_media_rate": "altMediaRate"}):
    """Both in mL/h."""

    media_rate: float
    alt_media_rate: float


def media_rates(access: Access, experiment: str) -> dict[str, MediaRate]:
    """Return unit → mean consumption over the last three hours, and `all`: the sum of the units.

    For a unit that was first dosed later than that, the time since its first dose counts, and at least 15 minutes.
    """
    now = access.now()
    since = to_timestamp(now - timedelta(hours=WINDOW_HOURS))
    first = select(_DOSES.pioreactor_unit, func.min(_DOSES.timestamp).label("at"))
    first_doses = first.where(_DOSES.experiment == experiment).group_by(_DOSES.pioreactor_unit).subquery()
    rows = access.rows(
        select(_DOSES.pioreactor_unit, first_doses.c.at, _volume("add_media"), _volume("add_alt_media"))
        .join(first_doses, first_doses.c.pioreactor_unit == _DOSES.pioreactor_unit)
        .where(_DOSES.experiment == experiment, _DOSES.timestamp >= since)
        .group_by(_DOSES.pioreactor_unit, first_doses.c.at)
        .order_by(_DOSES.pioreactor_unit)
    )
    rates = {}
    for unit, first_at, media_ml, alt_ml in rows:
        hours = (now - from_timestamp(first_at)).total_seconds() / SECONDS_PER_HOUR
        hours = min(max(hours, MIN_HOURS), WINDOW_HOURS)
        rates[unit] = MediaRate(media_ml / hours, alt_ml / hours)
    total = MediaRate(
        sum(rate.media_rate for rate in rates.values()), sum(rate.alt_media_rate for rate in rates.values())
    )
    return {**rates, "all": total}


def _volume(event: str) -> ColumnElement[float]:
    """Return the volume of the doses of one kind [mL]."""
    return func.coalesce(func.sum(case((_DOSES.event == event, _DOSES.volume_change_ml))), 0)
