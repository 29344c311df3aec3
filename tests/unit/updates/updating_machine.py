"""A machine with real files and databases on which updates are tried, and failures at any operation."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pioreactor.updates.durable_files import DurableFiles, revision_of
from pioreactor.updates.errors import UpdateFailedError
from pioreactor.updates.installation import Installation, InstalledMark
from pioreactor.updates.ports import Release
from pioreactor.updates.progress import Progress
from pioreactor.updates.updater import Updater
from pioreactor.updates.version_order import order_of

ROWS = 20


class PowerCut(BaseException):
    """The machine is off. Not an error that code could handle."""


@dataclass
class Plan:
    """What fails: the operation with this number (from 0), in this way."""

    at: int = -1
    way: str = ""
    """`cut before`, `cut within`, `cut after`, `kill …` for a process of its own, `error`, `errors` (three), `full` (no
    space from there on)."""
    error: BaseException | None = None
    """Raised by `raise`."""
    count: int = 0
    names: list[str] = field(default_factory=list)

    @contextmanager
    def operation(
        self, name: str, *, needs_space: bool = False, half: Callable[[], object] | None = None
    ) -> Iterator[None]:
        number, self.count = self.count, self.count + 1
        self.names.append(name)
        is_it = number == self.at
        if is_it and self.error is not None:
            raise self.error
        if is_it and self.way.endswith(" before"):
            self.end()
        if is_it and self.way.endswith(" within"):
            if half is not None:
                half()
            self.end()
        if (is_it and self.way == "error") or (self.way == "errors" and self.at <= number < self.at + 3):
            raise OSError(errno.EIO, "Input/output error", name)
        if self.way == "full" and number >= self.at and needs_space:
            raise OSError(errno.ENOSPC, "No space left on device", name)
        yield
        if is_it and self.way.endswith(" after"):
            self.end()

    def end(self) -> None:
        if self.way.startswith("kill"):
            os.kill(os.getpid(), signal.SIGKILL)
        raise PowerCut


class FailingFiles(DurableFiles):
    """The real operations, without waiting for the disk; each may fail as planned."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def write(self, path: Path, content: bytes) -> None:
        with self.plan.operation(f"write {path.name}", needs_space=True):
            draft = path.with_name(f".{path.name}.new")
            draft.write_bytes(content)
            draft.replace(path)

    def point(self, link: Path, target: Path) -> None:
        with self.plan.operation(f"point {link.name}", needs_space=True):
            draft = link.with_name(f".{link.name}.draft")
            draft.unlink(missing_ok=True)
            draft.symlink_to(target.relative_to(link.parent))
            draft.replace(link)

    def move(self, source: Path, target: Path) -> None:
        with self.plan.operation(f"move {source.name} {target.name}"):
            source.replace(target)

    def keep(self, source: Path, target: Path) -> None:
        with self.plan.operation(f"keep {source.name}", needs_space=True):
            target.unlink(missing_ok=True)
            target.hardlink_to(source)

    def remove(self, path: Path) -> None:
        with self.plan.operation(f"remove {path.name}"):
            path.unlink(missing_ok=True)

    def remove_tree(self, path: Path) -> None:
        with self.plan.operation(f"remove tree {path.name}", half=lambda: _remove_some(path)):
            super().remove_tree(path)

    def make_folder(self, path: Path) -> None:
        with self.plan.operation(f"make {path.name}", needs_space=True):
            super().make_folder(path)

    def flush(self) -> None:
        with self.plan.operation("flush"):
            pass

    def copy_database(self, source: Path, target: Path) -> None:
        with self.plan.operation(
            "copy database", needs_space=True, half=lambda: target.write_bytes(b"SQLite format 3\0")
        ):
            target.unlink(missing_ok=True)
            with closing(_open(source)) as database, closing(_open(target)) as copy:
                database.backup(copy)

    def settle_database(self, path: Path) -> None:
        with self.plan.operation(f"settle {path.name}", needs_space=True), closing(_open(path)) as database:
            for mode in ("DELETE", "WAL"):
                database.execute(f"PRAGMA journal_mode={mode}").fetchone()


def _open(path: Path) -> sqlite3.Connection:
    """Open a database that does not wait for the disk."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def _remove_some(path: Path) -> None:
    for file in sorted(path.glob("*"))[:1]:
        if file.is_file():
            file.unlink()


@dataclass
class Machine:
    """A leader whose versions have schema revisions; each version runs only on a database of its own revision."""

    folder: Path
    plan: Plan = field(default_factory=Plan)
    jobs: list[str] = field(default_factory=list)
    revisions: dict[str, str] = field(
        default_factory=lambda: {"1.0": "0001", "1.1": "0001", "2.0": "0002", "3.0": "0003"}
    )
    bad: str = ""
    """What is wrong with the new version: `wheel`, `migration`, `trial`, `services`."""
    recorded: int = ROWS
    reports: list[str] = field(default_factory=list)
    listener: Callable[[str], object] = lambda _: None
    """Receives the progress, too."""
    is_new: bool = True
    """False for one whose files are there: a process sees the machine of another."""

    def __post_init__(self) -> None:
        self.installation = Installation(self.folder / "root", DurableFiles())
        self.services = self.installation.root / "services"
        self.database = self.folder / "pioreactor.sqlite"
        if self.is_new:
            self._install()

    def _install(self) -> None:
        environment = self.installation.environment("1.0")
        environment.mkdir(parents=True)
        (environment / "program").write_text("1.0")
        mark = InstalledMark("1.0", "digest of 1.0", "2026-01-01")
        (environment / "installed.json").write_bytes(msgspec_json(mark))
        self.installation.current.symlink_to("versions/1.0")
        self.services.write_text("1.0")
        with closing(_open(self.database)) as database, database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE alembic_version (version_num)")
            database.execute("INSERT INTO alembic_version VALUES ('0001')")
            database.execute("CREATE TABLE readings (value)")
            database.executemany("INSERT INTO readings VALUES (?)", [(n,) for n in range(ROWS)])

    @property
    def is_running(self) -> bool:
        return self.services.exists()

    @property
    def running_version(self) -> str:
        return self.services.read_text()

    def updater(self) -> Updater:
        files = FailingFiles(self.plan)
        installation = Installation(self.installation.root, files)
        return Updater(
            installation,
            builder=self,
            commands=self,
            services=self,
            database=self.database,
            now=lambda: datetime(2026, 11, 29, 12, tzinfo=UTC),
            activities=lambda: self.jobs,
            pause=lambda _: None,
            report=Progress((self.listener, self.reports.append)),
        )

    def release(self, version: str) -> Source:
        return Source(version, self.plan, self.revisions[version])

    def reboot(self) -> None:
        """Switch on: recovery runs before the services."""
        self.services.unlink(missing_ok=True)
        self.updater().recover()
        self.start()

    # What the machine provides.

    def build(self, wheels: Path, version: str, target: Path) -> None:
        def half() -> None:
            target.mkdir()
            (target / "library").write_text("half")

        with self.plan.operation("build", needs_space=True, half=half):
            if self.bad == "wheel":
                half()
                raise UpdateFailedError("the wheel is damaged")
            target.mkdir()
            (target / "program").write_text((wheels / "wheel").read_text())

    def migrate(self, environment: Path, database: Path) -> None:
        with self.plan.operation("migrate", needs_space=True), closing(_open(database)) as copy, copy:
            if self.bad == "migration":
                copy.execute("DELETE FROM readings")
                copy.commit()
                raise UpdateFailedError("revision 0002 failed: no such column")
            copy.execute("UPDATE alembic_version SET version_num = ?", (self.revisions[environment.name],))

    def check(self, environment: Path, version: str, database: Path | None) -> None:
        with self.plan.operation("check"):
            if self.bad == "trial" or (environment / "program").read_text() != version:
                raise UpdateFailedError("its web server does not answer")

    def faults(self, environment: Path) -> frozenset[str]:
        with self.plan.operation("faults"):
            works = self.is_running and not (self.bad == "services" and environment.name != "1.0")
            return frozenset() if works else frozenset({"services:web"})

    def stop(self) -> None:
        with self.plan.operation("stop services"):
            self.services.unlink(missing_ok=True)

    def start(self) -> None:
        with self.plan.operation("start services"):
            self.services.write_text(self.installation.current_version())

    # What is to hold.

    def check_works(self) -> str:
        """Assert that the leader works with all it has recorded; return its version."""
        version = self.installation.current_version()
        environment = self.installation.environment(version)
        assert self.is_running and self.running_version == version
        assert (environment / "program").read_text() == version
        assert version in self.installation.installed()
        assert revision_of(self.database) == self.revisions[version], "the schema is that of the version"
        with closing(sqlite3.connect(self.database)) as database:
            assert database.execute("PRAGMA quick_check").fetchone() == ("ok",)
            assert database.execute("SELECT count(*) FROM readings").fetchone() == (self.recorded,)
        return version


@dataclass
class Source:
    """A release whose signature is good."""

    version: str
    plan: Plan
    revision: str

    def unpack(self, folder: Path) -> Release:
        with self.plan.operation("unpack", needs_space=True, half=lambda: (folder / "half").touch()):
            order_of(self.version)
            (folder / "wheel").write_text(self.version)
            with zipfile.ZipFile(folder / f"pioreactor-{self.version}-py3-none-any.whl", "w") as wheel:
                for number in range(1, int(self.revision) + 1):
                    wheel.writestr(f"pioreactor/storage/leader/migrations/versions/r{number:04}_change.py", "")
            return Release(self.version, f"digest of {self.version}")


def update_in_process(folder: Path, plan: Plan) -> None:
    """Update the machine in this folder; the process ends where the plan kills it."""
    machine = Machine(folder, plan, is_new=False)
    machine.updater().update(machine.release("2.0"))


def msgspec_json(value: object) -> bytes:
    import msgspec

    return msgspec.json.encode(value)
