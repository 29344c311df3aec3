"""Which experiment profiles were run in which experiment."""

import msgspec

from pioreactor.storage.leader.repository_context import Access


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
            "SELECT started_at, experiment_profile_name, experiment FROM experiment_profile_runs "
            "WHERE experiment = :experiment ORDER BY started_at DESC, rowid DESC LIMIT :limit",
            experiment=experiment,
            limit=limit,
        )
        return [ProfileRun(*row) for row in rows]
