"""An installation replaces no newer version unless a person asks for it, and none gets data that it cannot read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from pioreactor.install.machine_steps import InstallError, refuse_older_version
from pioreactor.storage.leader.revisions import newest_revision
from pioreactor.version import __version__

NEWER, OLDER = "99.0.0", "1.0.0"


@dataclass
class Machine:
    """A machine on which a version is installed, with or without data."""

    folder: Path

    def environment(self, name: str, version: str, revision: str = "0001") -> Path:
        """Make an environment whose Python knows its version only."""
        made = self.folder / name
        (made / "bin").mkdir(parents=True)
        (python := made / "bin" / "python").write_text(f"#!/bin/sh\necho {version}\n")
        python.chmod(0o755)
        revisions = made / "lib/python3.13/site-packages/pioreactor/storage/leader/migrations/versions"
        revisions.mkdir(parents=True)
        (revisions / f"r{revision}_change.py").touch()
        return made

    def record(self, revision: str) -> None:
        (self.folder / "data" / "storage").mkdir(parents=True)
        with closing(sqlite3.connect(self.folder / "data" / "storage" / "pioreactor.sqlite")) as database, database:
            database.execute("CREATE TABLE alembic_version (version_num)")
            database.execute("INSERT INTO alembic_version VALUES (?)", (revision,))

    def check(self, environment: Path | None = None, *, is_allowed: bool = False) -> None:
        refuse_older_version(environment, is_allowed=is_allowed, prefix=self.folder, data=self.folder / "data")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("present", [None, OLDER, __version__])
def test_a_newer_or_the_same_version_is_installed(machine: Machine, present: str | None) -> None:
    if present is not None:
        machine.environment("current", present)
    machine.record(newest_revision())
    machine.check()


def test_an_older_version_is_refused_with_the_remedy_unless_it_is_asked_for(machine: Machine) -> None:
    machine.environment("current", NEWER)
    machine.record(newest_revision())
    with pytest.raises(InstallError, match=f"{__version__} is older than {NEWER}.*\\nTry: .*--allow-older"):
        machine.check()
    machine.check(is_allowed=True)


def test_the_version_of_a_ready_environment_counts(machine: Machine) -> None:
    machine.environment("current", "2.0.0")
    machine.record("0002")
    older = machine.environment("older", "1.9.0", "0002")
    with pytest.raises(InstallError, match=r"1\.9\.0 is older than 2\.0\.0"):
        machine.check(older)
    machine.check(older, is_allowed=True)
    machine.check(machine.environment("newer", "2.1.0", "0003"))


@pytest.mark.parametrize("has_program", [True, False])
def test_data_that_it_cannot_read_are_given_to_no_version(machine: Machine, has_program: bool) -> None:
    """Also where the newer program was removed and has left its data."""
    if has_program:
        machine.environment("current", NEWER)
    machine.record("9999")
    with pytest.raises(InstallError, match=r"cannot read this database: its schema is 9999.*\nTry: "):
        machine.check(is_allowed=True)


def test_a_program_that_does_not_start_is_no_reason_to_refuse(machine: Machine) -> None:
    broken = machine.environment("current", NEWER)
    (broken / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    machine.check()
