"""An experiment of another cluster, taken over from its archive: rows, profiles, calibrations and a record to read."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final, TypeVar, cast

import msgspec

from pioreactor.actions.backup import location_of_database
from pioreactor.audit.archive_signature import SIGNATURE_FILE, SUMS_FILE, checked_origin
from pioreactor.audit.signed_trail import HeadSigning
from pioreactor.audit.verification import HEAD_FILE
from pioreactor.calibrations import models as calibrations
from pioreactor.calibrations.judged_store import free_name
from pioreactor.data_import.archive_files import (
    Entry,
    HostileArchiveError,
    check_room,
    checked_entries,
    extract,
    open_archive,
)
from pioreactor.data_import.experiment_record import (
    FILES,
    ExperimentRecord,
    LeftOut,
    TakenArtifact,
    write_record,
)
from pioreactor.data_import.file_copy import MAX_TEXT_BYTES, ActiveKind, FilePlan, Kind
from pioreactor.data_import.table_copy import (
    DatabasePlan,
    Progress,
    TablePlan,
    copy_tables,
    forget_marks,
    plan_tables,
)
from pioreactor.estimators import store as estimators
from pioreactor.exc import ConflictError, PioreactorError
from pioreactor.runtime.artifact_store import ArtifactStore
from pioreactor.runtime.context import Runtime
from pioreactor.storage.artifacts import check_component
from pioreactor.structs.archived_unit import UNITS_FILE, ArchivedUnit
from pioreactor.structs.encoding import to_timestamp
from pioreactor.types import UNIVERSAL_EXPERIMENT

T = TypeVar("T", bound=msgspec.Struct)

_DATABASE: Final = "experiment.sqlite"
_CRATE: Final = "ro-crate-metadata.json"
_MAX_RECORD_BYTES: Final = 64 * 1024**2
"""Of all files of a record."""
_KEPT: Final = ("config", "calibrations", "estimators", "profiles", "imported")
"""Folders of an archive that become a part of the record."""
_NOT_KEPT: Final[dict[str, tuple[Kind, str]]] = {
    "data": ("table", "they are made from the rows"),
    "stills": ("stills", "pictures are kept by the cameras' units, which are of the other cluster; see the archive"),
}
_UNKNOWN: Final[tuple[Kind, str]] = ("other", "it is no part of an archive of this version")
_CODE: Final = LeftOut("plugins", "archives have no code: install a plugin to use what it brings; its rows come over")


class ExperimentPlan(msgspec.Struct):
    """What comes over of an archive; a table or file with a reason does not."""

    experiments: list[str]
    software_version: str
    origin: str
    """Who signed the archive."""
    units: list[str]
    tables: list[TablePlan]
    files: list[FilePlan]
    notes: list[str]


class ImportedExperiment(msgspec.Struct):
    """What was taken over: rows by table, profiles whose names were free, calibrations and estimators."""

    experiments: list[str]
    rows: dict[str, int]
    profiles: list[str]
    artifacts: list[TakenArtifact] = []
    left_out: list[LeftOut] = []
    record_files: int = 0
    origin: str = ""
    """Who signed the archive."""


def plan_experiment(runtime: Runtime, archive: Path) -> ExperimentPlan:
    """Return what would come over of an archive, and what not and why; nothing is changed. Raises as the import."""
    with _opened(runtime, archive) as found:
        return found.plan()


def import_experiment(runtime: Runtime, archive: Path, progress: Progress) -> ImportedExperiment:
    """Take an experiment over, with its profiles, calibrations, estimators and its record.

    Calibrations and estimators are named after their units and are not active. Raise `ConflictError` if an experiment
    of its name is here, `HostileArchiveError` for an archive that is not one, `AlteredArchiveError` for one that is not
    as it was exported.
    """
    with _opened(runtime, archive) as found:
        plan = found.plan()
        if found.database.skipped:
            raise ConflictError(
                f"there is an experiment {', '.join(found.database.skipped)}",
                remedy="Rename the one that is here, then repeat.",
            )
        source, target = found.root / _DATABASE, location_of_database(runtime)
        rows = copy_tables(source, target, found.database, progress)
        done = found.take_files(plan)
        forget_marks(source, target, found.database)  # it may be deleted and imported again
        return ImportedExperiment(plan.experiments, rows, *done, found.origin)


@dataclass
class _OpenedArchive:
    """An archive whose files are unpacked below `root`."""

    runtime: Runtime
    root: Path
    others: list[PurePosixPath]
    """Files that were not unpacked."""
    database: DatabasePlan
    created_at: str
    origin: str
    _names: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def plan(self) -> ExperimentPlan:
        notes = [f"{_CODE.name}: {_CODE.reason}."]
        if self.database.skipped:
            notes.append(f"There is an experiment {', '.join(self.database.skipped)}: rename it first.")
        files = [*self._profiles(), *self._artifacts(), *self._record_files(), *self._left_out()]
        units = [unit.pioreactor_unit for unit in self._units()]
        names = [*self.database.experiments, *self.database.skipped]
        return ExperimentPlan(names, self._version(), self.origin, units, self.database.tables, files, notes)

    def take_files(self, plan: ExperimentPlan) -> tuple[list[str], list[TakenArtifact], list[LeftOut], int]:
        """Copy the files of a plan; return profiles, artifacts, what was omitted, and the number of files kept."""
        left_out = [LeftOut(table.name, table.reason) for table in plan.tables if table.reason and table.rows]
        left_out += [LeftOut(each.name, each.reason) for each in plan.files if each.reason]
        profiles, artifacts, kept = [], [], []
        for each in plan.files:
            try:
                if each.reason:
                    continue
                if each.kind == "profile":
                    profiles.append(_copied(each))
                elif each.kind == "record":
                    kept.append(_copied(each))
                else:
                    artifacts.append(self._take_artifact(each))
            except (PioreactorError, OSError) as error:
                left_out.append(LeftOut(each.name, str(error)))
        now = to_timestamp(self.runtime.clock.now())
        missing = [*left_out, _CODE]
        record = ExperimentRecord(
            now, plan.experiments[0], plan.software_version, self._units(), artifacts, missing, kept, self.origin
        )
        write_record(self._folder(), record)
        return profiles, artifacts, left_out, len(kept)

    def _folder(self) -> Path:
        return self.runtime.paths.experiment_record(self.created_at)

    def _profiles(self) -> Iterator[FilePlan]:
        target = self.runtime.paths.experiment_profiles
        for file in sorted((self.root / "profiles").glob("*.y*ml")):
            planned = FilePlan("profile", file.name, str(file), str(target / file.name))
            if (target / file.name).exists():
                same = (target / file.name).read_bytes() == file.read_bytes()
                planned.reason = "it is here" if same else "another of this name is here; theirs is in the record"
            yield planned

    def _artifacts(self) -> Iterator[FilePlan]:
        for file in sorted((self.root / "calibrations").rglob("*.yaml")):
            yield self._artifact(calibrations.files, "calibration", file)
        for file in sorted((self.root / "estimators").rglob("*.yaml")):
            yield self._artifact(estimators.files, "estimator", file)

    def _artifact(self, store: ArtifactStore[T], kind: ActiveKind, file: Path) -> FilePlan:
        planned = FilePlan(kind, "", str(file), "")
        device = file.parent.name
        try:
            check_component("device", device)
            artifact = store.parse(file.read_text(encoding="utf-8"))
            store.check(artifact)
            name, is_here = self._name_for(store, kind, device, artifact)
            planned.name, planned.target = f"{device}/{name}", name
            planned.reason = "it is here, or twice in the archive" if is_here else ""
        except (PioreactorError, ValueError, msgspec.MsgspecError) as error:
            planned.name, planned.reason = f"{device}/{file.stem}"[:200], str(error)
        return planned

    def _name_for(self, store: ArtifactStore[T], kind: ActiveKind, device: str, artifact: T) -> tuple[str, bool]:
        """Return the name of an artifact here, and whether it is here with the same content."""
        taken = self._names.setdefault((kind, device), store.names(self.runtime, device))
        of_unit = f"-of-{_get(artifact, 'calibrated_on_pioreactor_unit')}"
        name = _get(artifact, f"{kind}_name")
        name = name if name.endswith(of_unit) else name + of_unit
        check_component(kind, name)
        if name in taken:
            if self._is_same(store, device, name, artifact, f"{kind}_name"):
                return name, True
            name = free_name(taken, name)
        taken.append(name)
        return name, False

    def _is_same(self, store: ArtifactStore[T], device: str, name: str, artifact: T, field_name: str) -> bool:
        try:
            known = store.load(self.runtime, device, name)
        except PioreactorError:
            return True  # planned a moment ago: the leader's own are in the archive twice when it is a worker
        both = [{**msgspec.to_builtins(each), field_name: ""} for each in (known, artifact)]
        return bool(both[0] == both[1])

    def _take_artifact(self, planned: FilePlan) -> TakenArtifact:
        if planned.kind == "calibration":
            return self._save(calibrations.files, "calibration", planned)
        return self._save(estimators.files, "estimator", planned)

    def _save(self, store: ArtifactStore[T], kind: ActiveKind, planned: FilePlan) -> TakenArtifact:
        artifact, device = store.parse(Path(planned.source).read_text(encoding="utf-8")), planned.name.split("/")[0]
        setattr(artifact, f"{kind}_name", planned.target)
        store.save(self.runtime, device, artifact)
        return TakenArtifact(kind, device, planned.target)

    def _record_files(self) -> Iterator[FilePlan]:
        folder = self._folder() / FILES
        for file in sorted(self.root.rglob("*")):
            name = file.relative_to(self.root).as_posix()
            if file.is_file() and name != _DATABASE and file.suffix != ".zip":
                planned = FilePlan("record", name, str(file), str(folder / name))
                yield planned

    def _left_out(self) -> Iterator[FilePlan]:
        groups: dict[str, int] = {}
        for path in self.others:
            name = "/".join(path.parts[: 2 if path.parts[0] == "stills" else 1])
            groups[name] = groups.get(name, 0) + 1
        for name, number in sorted(groups.items()):
            kind, reason = _NOT_KEPT.get(name.split("/")[0], _UNKNOWN)
            named = f"{name[:200]}: {number} files" if number > 1 else name[:200]
            yield FilePlan(kind, named, name, "", reason)

    def _units(self) -> list[ArchivedUnit]:
        try:
            return msgspec.json.decode((self.root / UNITS_FILE).read_bytes(), type=list[ArchivedUnit])
        except (OSError, msgspec.MsgspecError):
            return []  # of an earlier version

    def _version(self) -> str:
        try:
            crate = msgspec.json.decode((self.root / _CRATE).read_bytes(), type=_Crate)
        except (OSError, msgspec.MsgspecError):
            return ""
        return next((each.version[:50] for each in crate.graph if each.kind == "SoftwareApplication"), "")


class _CrateEntity(msgspec.Struct):
    kind: object = msgspec.field(name="@type", default="")
    version: str = ""


class _Crate(msgspec.Struct):
    graph: list[_CrateEntity] = msgspec.field(name="@graph", default_factory=list)


@contextmanager
def _opened(runtime: Runtime, archive: Path) -> Iterator[_OpenedArchive]:
    """Unpack what is taken over. Everything is checked before anything is written."""
    if not runtime.identity.is_leader:
        raise ConflictError("experiments are imported on the leader")
    with TemporaryDirectory(prefix=".experiment-", dir=runtime.paths.storage) as folder:
        root = Path(folder)
        with open_archive(archive) as opened:
            entries = checked_entries(opened)
            wanted = [entry for entry in entries if _is_wanted(entry)]
            if _DATABASE not in (path.as_posix() for _, path in wanted):
                raise HostileArchiveError(f"{archive.name} is not the archive of an experiment: it has no {_DATABASE}")
            _check_size(archive, [entry for entry in wanted if entry[1].as_posix() != _DATABASE])
            origin = checked_origin(archive, HeadSigning(runtime.paths.secrets))
            extract(opened, wanted, root)
        for packed in sorted((root / "calibrations").glob("*.zip")):
            _unpack(packed, packed.parent / "units" / packed.stem)
        check_room((root / _DATABASE).stat().st_size, runtime.paths.storage)
        database = plan_tables(root / _DATABASE, location_of_database(runtime), is_of_one=True)
        if UNIVERSAL_EXPERIMENT in database.experiments:
            raise HostileArchiveError(f"{archive.name} is not the archive of one experiment")
        others = [path for entry, path in entries if (entry, path) not in wanted]
        yield _OpenedArchive(runtime, root, others, database, database.created_at, origin)


def _is_wanted(entry: Entry) -> bool:
    name, top = entry[1].as_posix(), entry[1].parts[0]
    if name in (_DATABASE, _CRATE, UNITS_FILE, HEAD_FILE, SUMS_FILE, SIGNATURE_FILE):
        return True
    if top == "calibrations":  # of the leader, and an archive for each unit
        return name.startswith("calibrations/leader/") or (len(entry[1].parts) == 2 and entry[1].suffix == ".zip")
    return top in _KEPT and entry[1].suffix in (".yaml", ".yml", ".ini", ".json") and len(entry[1].parts) > 1


def _check_size(archive: Path, entries: list[Entry]) -> None:
    if sum(entry.file_size for entry, _ in entries) > _MAX_RECORD_BYTES:
        raise HostileArchiveError(f"{archive.name} has more than {_MAX_RECORD_BYTES // 1024**2} MiB beside its rows")
    for entry, path in entries:
        if path.suffix in (".yaml", ".yml", ".ini") and entry.file_size > MAX_TEXT_BYTES:
            raise HostileArchiveError(f"{path.as_posix()[:100]!r} in the archive is too large")


def _unpack(packed: Path, folder: Path) -> None:
    """Unpack the calibrations of a unit, an archive in the archive."""
    with open_archive(packed) as opened:
        entries = [entry for entry in checked_entries(opened) if entry[1].suffix == ".yaml"]
        _check_size(packed, entries)
        folder.mkdir(parents=True)
        extract(opened, entries, folder)
    packed.unlink()


def _copied(planned: FilePlan) -> str:
    target = Path(planned.target)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(planned.source, target)
    return planned.name


def _get(artifact: msgspec.Struct, name: str) -> str:
    return cast(str, getattr(artifact, name))
