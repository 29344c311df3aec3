"""What a plugin brings: what its files say, and what its import finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConfigurationError, StorageError
from pioreactor.plugin_management.descriptor_files import AutomationFile, ChartFile, DatasetFile, JobFile
from pioreactor.plugin_management.package_files import Kind, read_files
from pioreactor.settings.ini import read_ini
from pioreactor.storage.leader.ingest.plugin_sql import tables_of

CONFIG_FILE: Final = "additional_config.ini"
SQL_FILE: Final = "additional_sql.sql"
LEADER_ONLY: Final = "LEADER_ONLY"
SCRIPTS: Final = ("post_install.sh", "pre_uninstall.sh")
MAX_SCRIPT_BYTES: Final = 100_000


class Contents(msgspec.Struct):
    """What a plugin brings. `problems` are reasons not to install it, `notes` are to be known before."""

    name: str = ""
    version: str = ""
    description: str = ""
    author: str = ""
    is_leader_only: bool = False
    jobs: list[str] = []
    automations: list[str] = []
    """As `kind/name`."""
    commands: list[str] = []
    calibrations: list[str] = []
    """Protocols, as `device/name`."""
    measurements: list[str] = []
    """Recorded quantities."""
    tables: list[str] = []
    configuration: list[str] = []
    """Keys, as `[section] key`."""
    charts: list[str] = []
    datasets: list[str] = []
    scripts: list[str] = []
    packages: list[str] = []
    """Further packages that come with it, as `name version`."""
    problems: list[str] = []
    notes: list[str] = []


def add_files(contents: Contents, folder: Path, database: Path | None) -> None:
    """Add what the files of a package say. `database` is that of the leader, None on a worker."""
    contents.is_leader_only = (folder / LEADER_ONLY).exists()
    contents.scripts = [name for name in SCRIPTS if (folder / name).is_file()]
    contents.configuration = _configuration(contents, folder / CONFIG_FILE)
    contents.tables = _tables(contents, folder / SQL_FILE, database)
    add_descriptors(contents, folder)


def add_descriptors(contents: Contents, folder: Path) -> None:
    """Add what the descriptors in YAML in a folder declare; one that cannot be read is a problem."""
    contents.charts += [each.chart_key for each in read_files(folder, "ui/charts", ChartFile, contents.problems.append)]
    contents.datasets += [
        each.dataset_name for each in read_files(folder, "exportable_datasets", DatasetFile, contents.problems.append)
    ]
    kinds: tuple[Kind, ...] = ("ui/automations/dosing", "ui/automations/led", "ui/automations/temperature")
    for _ in read_files(folder, "ui/jobs", JobFile, contents.problems.append):
        pass
    for kind in kinds:
        for _ in read_files(folder, kind, AutomationFile, contents.problems.append):
            pass


def _configuration(contents: Contents, file: Path) -> list[str]:
    if not file.is_file():
        return []
    try:
        return [f"[{section}] {key}" for section, keys in read_ini(file).items() for key in keys]
    except (ConfigurationError, OSError, UnicodeError) as error:
        contents.problems.append(f"{file.name} cannot be read: {error}")
        return []


def _tables(contents: Contents, file: Path, database: Path | None) -> list[str]:
    if not file.is_file():
        return []
    try:
        return tables_of(file, database)
    except (StorageError, OSError, UnicodeError) as error:
        contents.problems.append(str(error))
        return []


def lines_of(contents: Contents) -> Iterator[tuple[str, str]]:
    """Yield what is worth a line: a heading, and the names behind it."""
    fields = {
        "Jobs": contents.jobs,
        "Automations": contents.automations,
        "Commands": contents.commands,
        "Calibration protocols": contents.calibrations,
        "Recorded quantities": contents.measurements,
        "Tables": contents.tables,
        "Configuration": contents.configuration,
        "Charts": contents.charts,
        "Datasets": contents.datasets,
        "Scripts": contents.scripts,
        "Further packages": contents.packages,
    }
    for heading, names in fields.items():
        if names:
            yield heading, ", ".join(names)
