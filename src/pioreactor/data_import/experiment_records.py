"""What was done in an experiment, found in its records: which jobs ran, when, and with what settings.

Automations are found by the record of their settings, other jobs by their readings, doses and light by hand by their
events. What a profile did is among these; its conditions are not evaluated again.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from pioreactor.data_import.replay_actions import Action, Change, Start

_GAP_S: Final = 900.0
"""Readings further apart belong to two runs of their job."""
_DOSE_GAP_S: Final = 10.0
"""Doses are recorded slice by slice; slices further apart belong to two doses."""
_SAME_RUN_S: Final = 5.0
_NOT_OPTIONS: Final = ("state", "automation_name")
_OF_JOBS: Final = " AND ".join(
    f"source_of_event NOT LIKE '{source}%'"
    for source in (
        *("dosing_automation", "led_automation", "od_reading", "camera"),
        *("pump_calibration", "self_test", "pio kill"),
    )
)
"""Beginnings of the sources of doses and light that come with a job or a procedure."""
_TIMED: Final = ("od_readings", "stirring_rates", "temperature_readings", "dosing_events", "led_change_events")
_KINDS: Final = ("dosing", "led", "temperature")
_RANGE: Final = " UNION ALL ".join(
    [f"SELECT min(timestamp) AS first, max(timestamp) AS last FROM {table}" for table in _TIMED]
    + [
        f"SELECT min(started_at), max(coalesce(ended_at, started_at)) FROM {kind}_automation_settings"
        for kind in _KINDS
    ]
)
_OPEN: Final = " UNION ALL ".join(
    f"SELECT pioreactor_unit || ' ({kind})' FROM {kind}_automation_events AS event GROUP BY pioreactor_unit "
    f"HAVING max(timestamp) > coalesce((SELECT max(ended_at) FROM {kind}_automation_settings AS known "
    "WHERE known.pioreactor_unit = event.pioreactor_unit), '')"
    for kind in _KINDS
)
"""Automations with events after the last settings that are recorded: these are, once they have ended."""
_RUNS: Final = """
WITH timed AS (
    SELECT pioreactor_unit AS unit, {kind} AS kind, {value} AS value,
        round((julianday(timestamp) - julianday(:origin)) * 86400, 1) AS at_s
    FROM {table} WHERE {where}
), marked AS (
    SELECT *, coalesce(at_s - lag(at_s) OVER of_one > {gap_s}, 1) AS is_first FROM timed
    WINDOW of_one AS (PARTITION BY unit, kind ORDER BY at_s)
), numbered AS (
    SELECT *, sum(is_first) OVER (PARTITION BY unit, kind ORDER BY at_s) AS run FROM marked
)
SELECT unit, kind, min(at_s), max(at_s), avg(value), sum(abs(value)) FROM numbered GROUP BY unit, kind, run
"""
"""Rows that follow each other closely, as one: unit, kind, begin and end [s], mean and sum of a value."""
_STRETCHES: Final = """
WITH timed AS (
    SELECT pioreactor_unit AS unit, automation_name AS name, CAST(settings AS TEXT) AS settings,
        round((julianday(started_at) - julianday(:origin)) * 86400, 1) AS began_s,
        round((julianday(ended_at) - julianday(:origin)) * 86400, 1) AS ended_s
    FROM {kind}_automation_settings
), marked AS (
    SELECT *, coalesce(abs(began_s - lag(ended_s) OVER each_one) < {same_s}, 0) AS continues,
        lag(settings) OVER each_one AS before
    FROM timed WINDOW each_one AS (PARTITION BY unit, name ORDER BY began_s)
)
SELECT unit, name, began_s, ended_s, settings, CASE WHEN continues THEN before END,
    ended_s IS NOT NULL AND NOT coalesce(lead(continues) OVER (PARTITION BY unit, name ORDER BY began_s), 0)
FROM marked ORDER BY began_s
"""
"""Stretches of an automation with the same settings: those before, if it went on, and whether it ended after it."""


@dataclass(frozen=True)
class ExperimentRecords:
    """The records of one experiment, as what was done; times are counted from `origin`."""

    connection: sqlite3.Connection
    origin: str

    @classmethod
    def of(cls, connection: sqlite3.Connection) -> tuple[ExperimentRecords, str]:
        """Return the records, counted from the first one, and the time of the last; raise `ValueError` without any."""
        first, last = connection.execute(f"SELECT min(first), max(last) FROM ({_RANGE})").fetchone()
        if first is None:
            raise ValueError("the experiment has no readings: there is nothing to repeat")
        return cls(connection, first), last

    def still_running(self) -> list[str]:
        """Return units and kinds of automations that had not ended: nothing says with what settings they ran."""
        return [name for (name,) in self.connection.execute(_OPEN)]

    def actions(self) -> Iterator[Action]:
        for unit, _, began_s, ended_s, rpm, _ in self._runs("stirring_rates", value="measured_rpm"):
            yield from _run(unit, began_s, ended_s, "stirring", "--target-rpm", str(round(rpm / 5) * 5))
        for table, job in (("od_readings", "od_reading"), ("growth_rates", "growth_rate_calculating")):
            for unit, _, began_s, ended_s, *_ in self._runs(table):
                yield from _run(unit, began_s, ended_s, job)
        doses = "event IN ('add_media', 'add_alt_media', 'remove_waste')"
        runs = self._runs("dosing_events", "event", "volume_change_ml", where=doses, gap_s=_DOSE_GAP_S)
        for unit, event, began_s, _, _, volume_ml in runs:
            yield Start(began_s, unit, (event, "--ml", f"{volume_ml:.4g}"))
        lights = self._runs(
            "led_change_events", "channel", "intensity", where="channel IN ('A', 'B', 'C', 'D')", gap_s=0
        )
        for unit, channel, began_s, _, intensity, _ in lights:
            yield Start(began_s, unit, ("led_intensity", f"--{channel}", f"{intensity:g}"))
        for kind in _KINDS:
            yield from self._automations(kind)

    def _runs(
        self, table: str, kind: str = "''", value: str = "0", *, where: str = "", gap_s: float = _GAP_S
    ) -> list[tuple[str, str, float, float, float, float]]:
        condition = f"{where} AND {_OF_JOBS}" if where else "1"
        query = _RUNS.format(table=table, kind=kind, value=value, where=condition, gap_s=gap_s)
        return self.connection.execute(query, {"origin": self.origin}).fetchall()

    def _automations(self, kind: str) -> Iterator[Action]:
        job = f"{kind}_automation"
        query = _STRETCHES.format(kind=kind, same_s=_SAME_RUN_S)
        for unit, name, began_s, ended_s, text, before, ends in self.connection.execute(query, {"origin": self.origin}):
            settings = _settings(text)
            if before is None:
                yield Start(began_s, unit, (job, "--automation-name", name, *_options(settings)))
            else:
                for key, value in settings.items() - _settings(before).items():
                    yield Change(began_s, unit, job, key, value)
            if ends:
                yield Change(ended_s, unit, job, "$state", "disconnected")


def _run(unit: str, began_s: float, ended_s: float, *argv: str) -> Iterator[Action]:
    yield Start(began_s, unit, argv)
    yield Change(ended_s, unit, argv[0], "$state", "disconnected")


def _options(settings: Mapping[str, str]) -> Iterator[str]:
    for key, value in settings.items():
        yield f"--{key.replace('_', '-')}"
        yield value


def _settings(text: str) -> dict[str, str]:
    """Return the settings of an automation, as options; the record has JSON, in this software as base64."""
    content = text if text.startswith("{") else base64.b64decode(text)
    found = msgspec.json.decode(content, type=dict[str, object])
    return {key: str(value) for key, value in found.items() if key not in _NOT_OPTIONS and value is not None}
