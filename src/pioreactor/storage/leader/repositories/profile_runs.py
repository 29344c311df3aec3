"""The runs of experiment profiles."""

import msgspec
from sqlalchemy import select

from pioreactor.storage.leader.repositories.context import Access
from pioreactor.storage.leader.schema import METADATA
from pioreactor.storage.leader.schema.dialect import insertion_order

_RUNS = METADATA.tables["experiment_profile_runs"]


class ProfileRun(msgspec.Struct, frozen=True):
    started_at: str
    experiment_profile_name: str
    experiment: str


class ProfileRuns:
    """Filled by the database writer."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def recent(self, experiment: str, *, limit: int = 5) -> list[ProfileRun]:
        """Return the last runs, newest first."""
        rows = self._access.rows(
            select(_RUNS.c.started_at, _RUNS.c.experiment_profile_name, _RUNS.c.experiment)
            .where(_RUNS.c.experiment == experiment)
            .order_by(_RUNS.c.started_at.desc(), insertion_order(_RUNS).desc())
            .limit(limit)
        )
        return [ProfileRun(*row) for row in rows]
