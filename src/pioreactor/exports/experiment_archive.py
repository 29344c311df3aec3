"""A whole experiment as one archive (RO-Crate 1.1): rows, tables as CSV, configuration, profiles and calibrations.

`experiment.sqlite` has every row of the experiment in tables of the leader's schema, so that another cluster can take
the experiment over; everything else is there to be read without this software.
"""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from pioreactor.audit.archive_signature import sign_archive
from pioreactor.audit.signed_trail import HeadSigning
from pioreactor.audit.verification import HEAD_FILE
from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.exports.archive import Progress, Watch
from pioreactor.exports.dataset import Dataset
from pioreactor.exports.exporter import ExportedArchive, csv_lines, datasets_of, exclusive
from pioreactor.exports.request import ExportRequest, safe_name
from pioreactor.private_files import complete_file, free_path
from pioreactor.runtime.context import Runtime
from pioreactor.settings.editing import without
from pioreactor.settings.schema import secret_keys
from pioreactor.storage.leader.dataset_rows import (
    EXPERIMENT,
    UNIT,
    DatasetRows,
    RowFilter,
    RowSource,
    open_dataset_rows,
    sqlite_type,
)
from pioreactor.storage.ports import SqlRow
from pioreactor.structs.archived_unit import UNITS_FILE, ArchivedUnit
from pioreactor.structs.encoding import to_timestamp
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.version import __version__

CRATE: Final = "ro-crate-metadata.json"
DATABASE: Final = "experiment.sqlite"
_LEFT_OUT: Final = frozenset({"experiment_worker_assignments", "imported_tables", "quarantined_rows"})
_BYTES_PER_ROW: Final = 300
"""Of the database with its indices, and of what the archive has of it, at the most that was seen."""


def write_experiment(
    runtime: Runtime,
    experiment: str,
    *,
    output: Path | None = None,
    of_units: Iterable[tuple[str, bytes]] = (),
    report: Callable[[Progress], None] = lambda _progress: None,
    is_stopping: Callable[[], bool] = lambda: False,
) -> ExportedArchive:
    """Write the archive of an experiment to a file that appears when it is complete; all rows are from one moment.

    `of_units` are files that units keep, by their names in the archive; each is taken when it is written. Raise
    `NotFoundError` for an unknown experiment, `ConflictError` while another export runs, `StorageError` when there is
    no room, `StoppedError` when it was stopped.
    """
    if experiment == UNIVERSAL_EXPERIMENT:
        raise InvalidRequestError("name one experiment")
    from pioreactor.actions.backup import location_of_database

    now = runtime.clock.now()
    exports, of = runtime.paths.exports, safe_name(experiment)
    target = output if output is not None else free_path(exports / f"experiment_{of}_{now:%Y%m%d%H%M%S}.zip")
    watch = Watch(target.parent, report, is_stopping)
    with (
        exclusive(exports),
        open_dataset_rows(location_of_database(runtime), is_stopping=is_stopping) as stored,
    ):
        created_at = stored.created_at(experiment)
        tables = _tables_of(stored)
        watch.begin(sum(stored.count(each, RowFilter(experiment=experiment)) for each in tables), _BYTES_PER_ROW)
        with (
            complete_file(target) as unfinished,
            TemporaryDirectory(prefix=".experiment-", dir=target.parent) as folder,
            zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive,
        ):
            extracted = Path(folder) / DATABASE
            _extract(stored, tables, extracted, experiment, watch)
            archive.write(extracted, DATABASE)
            _add_tables(archive, extracted, runtime, experiment, watch)
            _add_files(archive, runtime)
            _add_record(archive, runtime.paths.experiment_record(created_at))
            archive.writestr(UNITS_FILE, msgspec.json.encode(_units(stored, experiment)))
            for name, content in of_units:
                watch.check("files of units")
                # Stills do not get smaller.
                archive.writestr(name, content, zipfile.ZIP_STORED if name.endswith(".jpg") else None)
            archive.writestr(HEAD_FILE, msgspec.json.encode(stored.audit_head()))
            archive.writestr(CRATE, _crate(experiment, now, archive.namelist()))
            watch.check("signature")
            problems = _sign(archive, HeadSigning(runtime.paths.secrets))
    return ExportedArchive(str(target), watch.rows, target.stat().st_size, problems)


def _sign(archive: zipfile.ZipFile, signing: HeadSigning) -> list[str]:
    try:
        sign_archive(archive, signing)
    except StorageError as error:
        return [f"{error}."]
    return []


def _tables_of(stored: DatasetRows) -> list[RowSource]:
    """Return the tables whose rows belong to an experiment, those of plugins too."""
    tables = [RowSource(table=name) for name in stored.tables() if name not in _LEFT_OUT]
    return [table for table in tables if any(column.name == EXPERIMENT for column in stored.columns(table))]


def _extract(stored: DatasetRows, tables: list[RowSource], target: Path, experiment: str, watch: Watch) -> None:
    """Copy the rows of an experiment into a database of their own."""
    from pioreactor.storage.leader.database import LeaderDatabase

    LeaderDatabase.open(target).close()
    try:
        with closing(sqlite3.connect(target, isolation_level=None)) as connection:
            for pragma in ("foreign_keys = OFF", "synchronous = OFF", "journal_mode = DELETE"):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            connection.execute("BEGIN")
            triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (trigger,) in triggers:
                connection.execute(f'DROP TRIGGER "{trigger}"')  # what it would write is copied as well
            for table in tables:
                rows = stored.rows(table, RowFilter(experiment=experiment))
                _insert(connection, stored, table, watch.counted(str(table.table), rows))
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageError(f"the rows of {experiment} cannot be copied: {error}") from error


def _insert(connection: sqlite3.Connection, stored: DatasetRows, table: RowSource, rows: Iterator[SqlRow]) -> None:
    columns, name = stored.columns(table), table.sql()
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table.table,)).fetchone():
        types = ", ".join(f'"{column.name}" {sqlite_type(column.type)}' for column in columns)
        connection.execute(f"CREATE TABLE {name} ({types})")  # the table of a plugin
    names = ", ".join(f'"{column.name}"' for column in columns)
    connection.executemany(f"INSERT INTO {name} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)


def _add_tables(archive: zipfile.ZipFile, database: Path, runtime: Runtime, experiment: str, watch: Watch) -> None:
    for dataset in _with_rows(database, datasets_of(runtime.paths).values()):
        request = ExportRequest(datasets=[dataset.dataset_name], experiment=experiment)
        with archive.open(f"data/{dataset.dataset_name}.csv", "w", force_zip64=True) as file:
            for lines in csv_lines(database, dataset, request):
                watch.check(dataset.dataset_name)
                file.write(lines.encode())


def _with_rows(database: Path, datasets: Iterable[Dataset]) -> list[Dataset]:
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        filled = {name for name in tables if connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone()}
    return [each for each in datasets if each.has_experiment and each.table in filled]


def _add_files(archive: zipfile.ZipFile, runtime: Runtime) -> None:
    paths, secrets = runtime.paths, [(section, key) for section, _, key in secret_keys()]
    for config in (paths.global_config, paths.local_config):
        if config.is_file():
            archive.writestr(f"config/{config.name}", without(config.read_text(encoding="utf-8"), secrets))
    folders = {"profiles": paths.experiment_profiles, "calibrations/leader": paths.calibrations}
    for name, folder in {**folders, "estimators": paths.estimators}.items():
        for file in sorted(folder.rglob("*.y*ml")) if folder.is_dir() else []:
            if file.is_file() and not file.is_symlink():
                archive.write(file, f"{name}/{file.relative_to(folder)}")


def _add_record(archive: zipfile.ZipFile, folder: Path) -> None:
    """Add what came over with the experiment when it was imported from another cluster."""
    for file in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if file.is_file() and not file.is_symlink():
            archive.write(file, f"imported/{file.relative_to(folder).as_posix()}")


def units_of(runtime: Runtime, experiment: str) -> list[str]:
    """Return the names of the units that took part in an experiment."""
    from pioreactor.actions.backup import location_of_database

    with open_dataset_rows(location_of_database(runtime)) as stored:
        return [unit.pioreactor_unit for unit in _units(stored, experiment)]


def _units(stored: DatasetRows, experiment: str) -> list[ArchivedUnit]:
    """Return the units that took part, with the models that they have."""
    query = (
        "SELECT DISTINCT h.experiment, h.pioreactor_unit, w.model_name, w.model_version FROM "
        "experiment_worker_assignments_history h LEFT JOIN workers w ON w.pioreactor_unit = h.pioreactor_unit"
    )
    rows = stored.rows(RowSource(query=query), RowFilter(experiment=experiment, order_by=((UNIT, False),)))
    return [ArchivedUnit(*found) for _, *found in rows]


def _crate(experiment: str, now: datetime, names: list[str]) -> bytes:
    software = {"@id": "#pioreactor", "@type": "SoftwareApplication", "name": "Pioreactor", "version": __version__}
    files = [{"@id": name, "@type": "File", "name": name.rsplit("/", 1)[-1]} for name in names]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": experiment,
        "description": f"Recorded data of the experiment {experiment}",
        "datePublished": to_timestamp(now),
        "creator": {"@id": "#pioreactor"},
        "hasPart": [{"@id": name} for name in names],
    }
    about = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
    }
    graph = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": [about, root, software, *files]}
    return msgspec.json.format(msgspec.json.encode(graph), indent=2)
