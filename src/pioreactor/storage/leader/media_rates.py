"""How fast each unit used media lately."""

from datetime import timedelta
from typing import Final

import msgspec

from pioreactor.storage.leader.repository_context import Access
from pioreactor.structs.encoding import to_timestamp

WINDOW_HOURS: Final = 3.0


class MediaRate(msgspec.Struct, frozen=True, rename={"media_rate": "mediaRate", "alt_media_rate": "altMediaRate"}):
    """Both in mL/h."""

    media_rate: float
    alt_media_rate: float


def media_rates(access: Access, experiment: str) -> dict[str, MediaRate]:
    """Return unit → what it used per hour over the last three, and `all`: the sum."""
    rows = access.rows(
        "SELECT pioreactor_unit, "
        "COALESCE(SUM(CASE WHEN event = 'add_media' THEN volume_change_ml END), 0), "
        "COALESCE(SUM(CASE WHEN event = 'add_alt_media' THEN volume_change_ml END), 0) "
        "FROM dosing_events WHERE experiment = :experiment AND timestamp >= :since "
        "GROUP BY pioreactor_unit ORDER BY pioreactor_unit",
        experiment=experiment,
        since=to_timestamp(access.now() - timedelta(hours=WINDOW_HOURS)),
    )
    rates = {unit: MediaRate(media_ml / WINDOW_HOURS, alt_ml / WINDOW_HOURS) for unit, media_ml, alt_ml in rows}
    total = MediaRate(
        sum(rate.media_rate for rate in rates.values()), sum(rate.alt_media_rate for rate in rates.values())
    )
    return {**rates, "all": total}
