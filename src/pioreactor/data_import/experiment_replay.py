"""What an experiment did, read from its archive, so that it can be done again on simulated reactors.

Jobs are found by what they recorded: automations by the record of their settings, other jobs by their readings, doses
and light by hand by their events. What a profile did is among these; its conditions are not evaluated again.
"""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.data_import.archive_files import HostileArchiveError, checked_entries, extract, open_archive
from pioreactor.settings.ini import parse_ini_tolerantly
from pioreactor.structs.archived_unit import UNITS_FILE, ArchivedUnit
from pioreactor.structs.encoding import from_timestamp

DATABASE: Final = "experiment.sqlite"
CONFIG: Final = ("config/config.ini", "config/unit_config.ini")
_GAP_S: Final = 900.0
"""Readings further apart belong to two runs of their job."""
_DOSE_GAP_S: Final = 10.0
"""Doses are recorded slice by slice; slices further apart belong to two doses."""
_SAME_RUN_S: Final = 5.0
_NOT_THEIRS: Final = ("cluster.", "mqtt", "storage", "logging", "ui.", "bioreactor", "camera", "local_access_point")
"""Sections that belong to their machines, or to a vial that is the scenario's here."""
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
class Start:
    """A job that is started, or a dose, `at_s` seconds after the first record; `argv` is what follows `pio run`."""

    at_s: float
    unit: str
    argv: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """A setting of a running job that is changed; `$state` of `disconnected` ends it."""

    at_s: float
    unit: str
    job: str
    setting: str
    value: str


Action = Start | Change


@dataclass(frozen=True)
class Replay:
    """An experiment that can be repeated. `database` is the one of the archive."""

    experiment: str
    started_at: datetime
    hours: float
    units: list[ArchivedUnit]
    config: str
    actions: list[Action]
    database: Path
    notes: list[str]
    """What is not repeated, and why."""


def read_replay(archive: Path, folder: Path) -> Replay:
    """Return what an archive of `pio export --archive` holds; its database is put into the folder.

    Raise `HostileArchiveError` for an archive that is not one.
    """
    with open_archive(archive) as opened:
        entries = [entry for entry in checked_entries(opened) if entry[1].as_posix() in (DATABASE, UNITS_FILE, *CONFIG)]
        extract(opened, entries, folder)
    database = folder / DATABASE
    if not database.exists():
        raise HostileArchiveError(f"{archive.name} is not the archive of an experiment: it has no {DATABASE}")
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            return _replay(connection, folder)
    except (sqlite3.Error, ValueError) as error:
        raise HostileArchiveError(f"{archive.name} cannot be read: {error}") from error


def _replay(connection: sqlite3.Connection, folder: Path) -> Replay:
    [(experiment,)] = connection.execute("SELECT experiment FROM experiments LIMIT 2").fetchall()
    first, last = connection.execute(f"SELECT min(first), max(last) FROM ({_RANGE})").fetchone()
    if first is None:
        raise HostileArchiveError("the experiment has no readings: there is nothing to repeat")
    origin, records = from_timestamp(first), _Records(connection, first)
    return Replay(
        str(experiment),
        origin,
        max(0.01, (from_timestamp(last) - origin).total_seconds() / 3600),
        _units_of(folder / UNITS_FILE),
        "".join(_config_of(folder / name) for name in CONFIG),
        sorted(records.actions(), key=lambda each: each.at_s),
        folder / DATABASE,
        ["Strain, pumps and photodiodes are those of the scenario; the calibrations of the units are not used."],
    )


def _units_of(file: Path) -> list[ArchivedUnit]:
    if not file.exists():
        raise HostileArchiveError(f"the archive has no {UNITS_FILE}: export it again with this version")
    return msgspec.json.decode(file.read_bytes(), type=list[ArchivedUnit])


def _config_of(file: Path) -> str:
    """Return the configuration that matters to a simulated reactor."""
    text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
    sections = parse_ini_tolerantly(text, where=file.name)[0]
    return "".join(_section(name, keys) for name, keys in sections.items() if not name.startswith(_NOT_THEIRS))


def _section(name: str, keys: Mapping[str, str | None]) -> str:
    return "\n".join([f"[{name}]", *(f"{key}={value or ''}" for key, value in keys.items()), ""])


@dataclass(frozen=True)
class _Records:
    """The records of one experiment, as what was done; times are counted from `origin`."""

    connection: sqlite3.Connection
    origin: str

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
