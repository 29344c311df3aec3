"""An archived experiment, read so that it can be done again on simulated reactors."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.data_import.archive_files import HostileArchiveError, checked_entries, extract, open_archive
from pioreactor.data_import.experiment_records import ExperimentRecords
from pioreactor.data_import.replay_actions import Action
from pioreactor.settings.ini import parse_ini_tolerantly
from pioreactor.structs.archived_unit import UNITS_FILE, ArchivedUnit
from pioreactor.structs.encoding import from_timestamp

DATABASE: Final = "experiment.sqlite"
CONFIG: Final = ("config/config.ini", "config/unit_config.ini")
_SCENARIO: Final = "Strain, pumps and photodiodes are those of the scenario; calibrations are not used."
_NOT_THEIRS: Final = ("cluster.", "mqtt", "storage", "logging", "ui.", "bioreactor", "camera", "local_access_point")
"""Sections that belong to their machines, or to a vial that is the scenario's here."""


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
    records, last = ExperimentRecords.of(connection)
    origin = from_timestamp(records.origin)
    return Replay(
        str(experiment),
        origin,
        max(0.01, (from_timestamp(last) - origin).total_seconds() / 3600),
        _units_of(folder / UNITS_FILE),
        "".join(_config_of(folder / name) for name in CONFIG),
        sorted(records.actions(), key=lambda each: each.at_s),
        folder / DATABASE,
        [_SCENARIO, *(f"Not repeated, as it had not ended: automation of {name}." for name in records.still_running())],
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
