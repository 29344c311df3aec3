"""Which charts the pages of an experiment show."""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import delete, insert, select

from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repositories.context import Access, change, exists
from pioreactor.storage.leader.schema.tables import chart_preferences, experiments

_COLUMNS: Final = (chart_preferences.c.overview_chart_keys, chart_preferences.c.pioreactor_chart_keys)


class ChosenCharts(msgspec.Struct, frozen=True):
    """Keys of charts in the order in which they are shown; null where the configuration decides."""

    overview_chart_keys: list[str] | None = None
    pioreactor_chart_keys: list[str] | None = None


class ChartPreferences:
    """Choices of charts, by experiment."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def of_experiment(self, experiment: str) -> ChosenCharts:
        """Return what was chosen; raise `NotFoundError` for an unknown experiment."""
        rows = self._access.rows(select(*_COLUMNS).where(chart_preferences.c.experiment == experiment))
        if rows:
            return ChosenCharts(*(_keys(text) for text in rows[0]))
        if not self._access.rows(select(experiments.c.experiment).where(experiments.c.experiment == experiment)):
            raise _unknown(experiment)
        return ChosenCharts()

    def change(
        self,
        experiment: str,
        *,
        known: Iterable[str],
        overview_chart_keys: list[str] | UnsetType | None = UNSET,
        pioreactor_chart_keys: list[str] | UnsetType | None = UNSET,
    ) -> ChosenCharts:
        """Change what is given and return what holds then; None returns to the configuration.

        Raise `InvalidRequestError` for keys that repeat or are not in `known`, and when nothing is given.
        """
        given = {"overview_chart_keys": overview_chart_keys, "pioreactor_chart_keys": pioreactor_chart_keys}
        changed = {name: keys for name, keys in given.items() if not isinstance(keys, UnsetType)}
        if not changed:
            raise InvalidRequestError("nothing to change: give overview_chart_keys or pioreactor_chart_keys")
        for name, keys in changed.items():
            _check(name, keys, set(known))
        with self._access.writing() as connection:
            if not exists(connection, select(experiments).where(experiments.c.experiment == experiment)):
                raise _unknown(experiment)
            found = connection.execute(select(*_COLUMNS).where(chart_preferences.c.experiment == experiment)).first()
            texts: dict[str, str | None] = dict(zip(given, found, strict=True)) if found is not None else {}
            for name, keys in changed.items():
                texts[name] = None if keys is None else msgspec.json.encode(keys).decode()
            change(connection, delete(chart_preferences).where(chart_preferences.c.experiment == experiment))
            change(connection, insert(chart_preferences).values(experiment=experiment, **texts))
        return self.of_experiment(experiment)


def _keys(text: object) -> list[str] | None:
    try:
        return None if text is None else msgspec.json.decode(str(text), type=list[str])
    except msgspec.DecodeError:
        return None  # edited by hand; the configuration decides


def _check(name: str, keys: list[str] | None, known: set[str]) -> None:
    chosen = keys if keys is not None else []
    unknown = [key for key in chosen if key not in known]
    if unknown:
        raise InvalidRequestError(
            f"{name}: there is no chart {', '.join(key[:100] for key in unknown[:5])}",
            remedy=f"There are: {', '.join(sorted(known))}.",
        )
    if len(set(chosen)) < len(chosen):
        raise InvalidRequestError(f"{name}: a chart is named twice")


def _unknown(experiment: str) -> NotFoundError:
    return NotFoundError(f"there is no experiment {experiment!r}")
