"""A whole experiment as one archive (RO-Crate 1.1): rows, tables as CSV, configuration, profiles and calibrations.

`experiment.sqlite` has every row of the experiment in tables of the leader's schema, so that another cluster can take
the experiment over; everything else is there to be read without this software.
"""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from pioreactor.actions.backup import database_of
from pioreactor.audit.verification import HEAD_FILE
from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.exports.dataset import Dataset
from pioreactor.exports.exporter import ExportedArchive, csv_lines, datasets_of
from pioreactor.exports.request import ExportRequest, safe_name
from pioreactor.private_files import complete_file, free_path
from pioreactor.runtime.context import Runtime
from pioreactor.settings.editing import without
from pioreactor.settings.schema import secret_keys
from pioreactor.storage.leader.dataset_rows import open_dataset_rows
from pioreactor.structs.archived_unit import UNITS_FILE, ArchivedUnit
from pioreactor.structs.encoding import to_timestamp
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.version import __version__

CRATE: Final = "ro-crate-metadata.json"
DATABASE: Final = "experiment.sqlite"
_LEFT_OUT: Final = frozenset({"experiment_worker_assignments", "imported_tables", "quarantined_rows"})
_FREE_BYTES: Final = 64 * 1024 * 1024
_SHARE: Final = 1.2
"""Free space that is needed, relative to the database: at worst it has one experiment."""


def write_experiment(
    runtime: Runtime, experiment: str, *, output: Path | None = None, of_units: Iterable[tuple[str, bytes]] = ()
) -> ExportedArchive:
    """Write the archive of an experiment to a file that appears when it is complete.

    `of_units` are files that units keep, by their names in the archive; each is taken when it is written. Raise
    `NotFoundError` for an unknown experiment, `StorageError` when there is no room.
    """
    if experiment == UNIVERSAL_EXPERIMENT:
        raise InvalidRequestError("name one experiment")
    from pioreactor.storage.leader.database import LeaderDatabase

    source, now = database_of(runtime), runtime.clock.now()
    with closing(LeaderDatabase.open(source)) as database:
        database.experiments.get(experiment)
    exports, of = runtime.paths.exports, safe_name(experiment)
    target = output if output is not None else free_path(exports / f"experiment_{of}_{now:%Y%m%d%H%M%S}.zip")
    target.parent.mkdir(parents=True, exist_ok=True)
    _check_room(source, target.parent)
    with complete_file(target) as unfinished, TemporaryDirectory(prefix=".experiment-", dir=target.parent) as folder:
        extracted = Path(folder) / DATABASE
        rows = _extract(source, extracted, experiment)
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
            archive.write(extracted, DATABASE)
            _add_tables(archive, extracted, runtime, experiment)
            _add_files(archive, runtime)
            archive.writestr(UNITS_FILE, msgspec.json.encode(_units(source, experiment)))
            for name, content in of_units:
                # Stills do not get smaller.
                archive.writestr(name, content, zipfile.ZIP_STORED if name.endswith(".jpg") else None)
            with open_dataset_rows(source) as stored:
                archive.writestr(HEAD_FILE, msgspec.json.encode(stored.audit_head()))
            archive.writestr(CRATE, _crate(experiment, now, archive.namelist()))
    return ExportedArchive(str(target), rows, target.stat().st_size)


def _check_room(source: Path, folder: Path) -> None:
    needed, free = _SHARE * source.stat().st_size + _FREE_BYTES, shutil.disk_usage(folder).free
    if free < needed:
        raise StorageError(f"the archive needs up to {needed / 1e6:.0f} MB in {folder}, {free / 1e6:.0f} MB are free")


def _extract(source: Path, target: Path, experiment: str) -> int:
    """Copy the rows of an experiment into a database of their own, all from one moment; return how many."""
    from pioreactor.storage.leader.database import LeaderDatabase

    LeaderDatabase.open(target).close()
    try:
        with closing(sqlite3.connect(target, isolation_level=None, uri=True)) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("ATTACH DATABASE ? AS source", (f"{source.absolute().as_uri()}?mode=ro",))
            connection.execute("BEGIN")
            triggers = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'trigger'").fetchall()
            for (trigger,) in triggers:
                connection.execute(f'DROP TRIGGER main."{trigger}"')  # what it would write is copied as well
            total = sum(_copy_table(connection, *table, experiment) for table in _tables(connection))
            connection.execute("COMMIT")
            connection.execute("DETACH DATABASE source")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
    except sqlite3.Error as error:
        raise StorageError(f"the rows of {experiment} cannot be copied: {error}") from error
    return total


def _tables(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    found = connection.execute(
        "SELECT name, sql FROM source.sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
    ).fetchall()
    return [(str(name), str(sql)) for name, sql in found if name not in _LEFT_OUT]


def _copy_table(connection: sqlite3.Connection, table: str, sql: str, experiment: str) -> int:
    columns = _columns(connection, "source", table)
    if "experiment" not in columns:
        return 0
    if not _columns(connection, "main", table):
        connection.execute(sql)  # the table of a plugin
    names = ", ".join(f'"{name}"' for name in columns)
    return connection.execute(
        f'INSERT INTO main."{table}" ({names}) SELECT {names} FROM source."{table}" WHERE experiment = ?',
        (experiment,),
    ).rowcount


def _columns(connection: sqlite3.Connection, schema: str, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f'PRAGMA {schema}.table_xinfo("{table}")') if row[6] == 0]


def _add_tables(archive: zipfile.ZipFile, database: Path, runtime: Runtime, experiment: str) -> None:
    for dataset in _with_rows(database, datasets_of(runtime.paths).values()):
        request = ExportRequest(datasets=[dataset.dataset_name], experiment=experiment)
        with archive.open(f"data/{dataset.dataset_name}.csv", "w", force_zip64=True) as file:
            for lines in csv_lines(database, dataset, request):
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


def units_of(runtime: Runtime, experiment: str) -> list[str]:
    """Return the names of the units that took part in an experiment."""
    return [unit.pioreactor_unit for unit in _units(database_of(runtime), experiment)]


def _units(source: Path, experiment: str) -> list[ArchivedUnit]:
    """Return the units that took part, with the models that they have."""
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT h.pioreactor_unit, w.model_name, w.model_version FROM (SELECT DISTINCT pioreactor_unit FROM "
            "experiment_worker_assignments_history WHERE experiment = ?) h LEFT JOIN workers w "
            "ON w.pioreactor_unit = h.pioreactor_unit ORDER BY 1",
            (experiment,),
        ).fetchall()
    return [ArchivedUnit(*row) for row in rows]


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
