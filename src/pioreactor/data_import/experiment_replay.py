"""What an experiment did, read from its archive, so that it can be done again on simulated reactors.

Jobs are found by what they recorded: automations by the record of their settings, other jobs by their readings, doses
and light by hand by their events. What a profile did is among these; its conditions are not evaluated again.
"""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
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
_DOSES: Final = ("add_media", "add_alt_media", "remove_waste")
_OF_JOBS: Final = (
    "dosing_automation",
    "led_automation",
    "od_reading",
    "camera",
    "pump_calibration",
    "self_test",
    "pio kill",
)


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
    notes: list[str] = field(default_factory=list)
    """What is not repeated, and why."""


def read_replay(archive: Path, folder: Path) -> Replay:
    """Return what an archive of `pio export --archive` holds; its database is put into the folder.

    Raise `HostileArchiveError` for an archive that is not one.
    """
    with open_archive(archive) as opened:
        entries = {path.as_posix(): (entry, path) for entry, path in checked_entries(opened)}
        if DATABASE not in entries:
            raise HostileArchiveError(f"{archive.name} is not the archive of an experiment: it has no {DATABASE}")
        names = [name for name in (DATABASE, UNITS_FILE, *CONFIG) if name in entries]
        extract(opened, [entries[name] for name in names], folder)
    database = folder / DATABASE
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            return _Reader(connection).replay(database, _units_of(folder / UNITS_FILE), _config_of(folder))
    except sqlite3.Error as error:
        raise HostileArchiveError(f"{DATABASE} in {archive.name} cannot be read: {error}") from error


def _units_of(file: Path) -> list[ArchivedUnit]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=list[ArchivedUnit])
    except FileNotFoundError:
        return []  # of an earlier version
    except msgspec.MsgspecError as error:
        raise HostileArchiveError(f"{UNITS_FILE} in the archive cannot be read: {error}") from error


def _config_of(folder: Path) -> str:
    """Return the configuration that matters to a simulated reactor, the unit's own last."""
    lines = []
    for name in CONFIG:
        file = folder / name
        if file.is_file():
            sections = parse_ini_tolerantly(file.read_text(encoding="utf-8", errors="replace"), where=name)[0]
            for section, keys in sections.items():
                if not section.startswith(_NOT_THEIRS):
                    lines += [f"[{section}]", *(f"{key}={value}" for key, value in keys.items())]
    return "\n".join(lines) + "\n" if lines else ""


@dataclass
class _Reader:
    """Reads the tables of one experiment."""

    connection: sqlite3.Connection
    started_at: datetime = field(init=False)

    def replay(self, database: Path, units: list[ArchivedUnit], config: str) -> Replay:
        rows = self.connection.execute("SELECT experiment FROM experiments").fetchall()
        if len(rows) != 1:
            raise HostileArchiveError(f"the archive has {len(rows)} experiments")
        first, last = self._range()
        self.started_at = from_timestamp(first)
        hours = max(0.01, (from_timestamp(last) - self.started_at).total_seconds() / 3600)
        known = {unit.pioreactor_unit for unit in units}
        found = {name for (name,) in self._rows("SELECT DISTINCT pioreactor_unit FROM od_readings")}
        units = [*units, *(ArchivedUnit(name) for name in sorted(found - known))]
        actions = sorted(
            [*self._readings(), *self._automations(), *self._doses(), *self._lights()], key=lambda each: each.at_s
        )
        notes = ["Pumps, photodiodes and strain are those of the scenario: their calibrations are not those recorded."]
        if any(unit.model_name is None for unit in units):
            notes.append("The archive does not say the models of all units; the default is used for them.")
        return Replay(str(rows[0][0]), self.started_at, hours, units, config, actions, database, notes)

    def _rows(self, query: str) -> list[tuple[str, ...]]:
        return self.connection.execute(query).fetchall()

    def _range(self) -> tuple[str, str]:
        found: list[str] = []
        for table in ("od_readings", "stirring_rates", "temperature_readings", "dosing_events", "led_change_events"):
            found += [at for at in self._rows(f"SELECT min(timestamp), max(timestamp) FROM {table}")[0] if at]
        for kind in ("dosing", "led", "temperature"):
            found += [at for (at,) in self._rows(f"SELECT min(started_at) FROM {kind}_automation_settings") if at]
        if not found:
            raise HostileArchiveError("the experiment has no readings: there is nothing to repeat")
        return min(found), max(found)

    def _seconds(self, at: str) -> float:
        return max(0.0, (from_timestamp(at) - self.started_at).total_seconds())

    def _readings(self) -> Iterator[Action]:
        """Yield the runs of jobs that record nothing but their readings."""
        for table, job, value in (
            ("stirring_rates", "stirring", "measured_rpm"),
            ("od_readings", "od_reading", "0"),
            ("growth_rates", "growth_rate_calculating", "0"),
        ):
            query = f"SELECT pioreactor_unit, timestamp, {value} FROM {table} ORDER BY pioreactor_unit, timestamp"
            for unit, began_s, ended_s, values in self._stretches(query):
                rpm = ("--target-rpm", f"{round(median(values) / 5) * 5}") if job == "stirring" else ()
                yield Start(began_s, unit, (job, *rpm))
                yield Change(ended_s, unit, job, "$state", "disconnected")

    def _stretches(self, query: str) -> Iterator[tuple[str, float, float, list[float]]]:
        """Yield the unit, begin, end and values of rows that follow each other closely."""
        unit, began_s, ended_s, values = "", 0.0, 0.0, list[float]()
        for name, at, value in self._rows(query):
            at_s = self._seconds(at)
            if values and (name != unit or at_s > ended_s + _GAP_S):
                yield unit, began_s, ended_s, values
                values = []
            if not values:
                unit, began_s = name, at_s
            ended_s = at_s
            values.append(float(value))
        if values:
            yield unit, began_s, ended_s, values

    def _automations(self) -> Iterator[Action]:
        for kind in ("dosing", "led", "temperature"):
            job, before = f"{kind}_automation", None
            query = (
                f"SELECT pioreactor_unit, started_at, ended_at, automation_name, settings FROM {job}_settings "
                "ORDER BY pioreactor_unit, started_at"
            )
            for unit, started_at, ended_at, name, text in self._rows(query):
                began_s, settings = self._seconds(started_at), _settings(text)
                if before is not None and before[:2] == (unit, name) and abs(began_s - before[2]) < _SAME_RUN_S:
                    for key, value in settings.items():
                        if before[3].get(key) != value:
                            yield Change(began_s, unit, job, key, value)
                else:
                    if before is not None:
                        yield Change(before[2], before[0], job, "$state", "disconnected")
                    options = [
                        word for key, value in settings.items() for word in (f"--{key.replace('_', '-')}", value)
                    ]
                    yield Start(began_s, unit, (job, "--automation-name", name, *options))
                before = (unit, name, self._seconds(ended_at) if ended_at else float("inf"), settings)
            if before is not None and before[2] != float("inf"):
                yield Change(before[2], before[0], job, "$state", "disconnected")

    def _doses(self) -> Iterator[Action]:
        """Yield doses that no automation gave."""
        query = (
            "SELECT pioreactor_unit, event, timestamp, volume_change_ml, source_of_event FROM dosing_events "
            "ORDER BY pioreactor_unit, event, timestamp"
        )
        unit, event, began_s, ended_s, volume_ml = "", "", 0.0, 0.0, 0.0
        for name, what, at, amount_ml, source in self._rows(query):
            if str(source).startswith(_OF_JOBS) or what not in _DOSES:
                continue
            at_s = self._seconds(at)
            if volume_ml and ((name, what) != (unit, event) or at_s > ended_s + _DOSE_GAP_S):
                yield Start(began_s, unit, (event, "--ml", f"{volume_ml:.4g}"))
                volume_ml = 0.0
            if not volume_ml:
                unit, event, began_s = name, what, at_s
            ended_s, volume_ml = at_s, volume_ml + abs(float(amount_ml))
        if volume_ml:
            yield Start(began_s, unit, (event, "--ml", f"{volume_ml:.4g}"))

    def _lights(self) -> Iterator[Action]:
        """Yield light that no job set."""
        query = "SELECT pioreactor_unit, timestamp, channel, intensity, source_of_event FROM led_change_events"
        for unit, at, channel, intensity, source in self._rows(query):
            if not str(source).startswith(_OF_JOBS) and channel in "ABCD":
                yield Start(self._seconds(at), unit, ("led_intensity", f"--{channel}", f"{float(intensity):g}"))


def _options(settings: Mapping[str, str]) -> Iterator[str]:
    for key, value in settings.items():
        yield f"--{key.replace('_', '-')}"
        yield value


def _settings(text: object) -> dict[str, str]:
    """Return the settings of an automation, as options; the record has JSON, in this software as base64."""
    content = text if isinstance(text, bytes) else str(text).encode()
    for decode in (bytes, base64.b64decode):
        try:
            found = json.loads(decode(content))
        except (ValueError, binascii.Error):
            continue
        if isinstance(found, dict):
            return {
                key: str(value)
                for key, value in found.items()
                if key not in ("state", "automation_name")
                and isinstance(value, str | int | float)
                and key.isidentifier()
            }
    return {}
