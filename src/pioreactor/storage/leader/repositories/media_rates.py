"""The consumption of media of each unit over the last hours."""

from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, case, func, select

from pioreactor.storage.leader.repositories.context import Access
from pioreactor.storage.leader.schema import METADATA
from pioreactor.structs.encoding import to_timestamp

WINDOW_HOURS: Final = 3.0
_DOSES: Final = METADATA.tables["dosing_events"].c


class MediaRate(msgspec.Struct, frozen=True, rename={"media_rate": "mediaRate", "alt_media_rate": "altMediaRate"}):
    """Both in mL/h."""

    media_rate: float
    alt_media_rate: float


def media_rates(access: Access, experiment: str) -> dict[str, MediaRate]:
    """Return unit → mean consumption over the last three hours, and `all`: the sum of the units."""
    since = to_timestamp(access.now() - timedelta(hours=WINDOW_HOURS))
    rows = access.rows(
        select(_DOSES.pioreactor_unit, _volume("add_media"), _volume("add_alt_media"))
        .where(_DOSES.experiment == experiment, _DOSES.timestamp >= since)
        .group_by(_DOSES.pioreactor_unit)
        .order_by(_DOSES.pioreactor_unit)
    )
    rates = {unit: MediaRate(media_ml / WINDOW_HOURS, alt_ml / WINDOW_HOURS) for unit, media_ml, alt_ml in rows}
    total = MediaRate(
        sum(rate.media_rate for rate in rates.values()), sum(rate.alt_media_rate for rate in rates.values())
    )
    return {**rates, "all": total}


def _volume(event: str) -> ColumnElement[float]:
    """Return the volume of the doses of one kind [mL]."""
    return func.coalesce(func.sum(case((_DOSES.event == event, _DOSES.volume_change_ml))), 0)
