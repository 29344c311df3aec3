"""Backups of PostgreSQL by its own programs: a dump in the custom format, read to its end before it counts.

Workers keep copies: nothing here needs the driver until the server is asked.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Final

from pioreactor.exc import StorageError
from pioreactor.processes.launch import launch
from pioreactor.storage.leader.location import PostgresAddress
from pioreactor.storage.leader.migrate import upgrade

SUFFIX: Final = ".dump"
SHARE: Final = 0.4
"""Size of a dump, which is compressed and has no indices, relative to the database, at the most that was seen."""
_MAGIC: Final = b"PGDMP"
_EXPERIMENTS: Final = re.compile(rb"\ACOPY \S*\bexperiments \(")
_END_OTHERS: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = 'pioreactor' AND state <> 'idle' AND pid <> pg_backend_pid()"
)


def is_dump(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


def rows_in(dump: Path) -> int:
    """Read a dump to its end and return how many rows it has; raise `StorageError` when it is damaged."""
    rows, has_experiments, is_data = 0, False, False
    with _running("pg_restore", "--data-only", "--file=-", str(dump)) as lines:
        for line in lines:
            has_experiments = has_experiments or _EXPERIMENTS.search(line) is not None
            was_data, is_data = is_data, line != b"\\.\n" and (is_data or line.startswith(b"COPY "))
            rows += was_data and is_data
    if not has_experiments:
        raise StorageError(f"{dump} is no database of ours: it has no table of experiments")
    return rows


def revision_in(dump: Path) -> str | None:
    """Return the revision of the schema in a dump; raise `StorageError` when it is damaged."""
    with _running("pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(dump)) as lines:
        rows = [line.strip().decode() for line in lines if len(line) == 5 and line[:4].isdigit()]
    return rows[0] if rows else None


def dump_server(address: PostgresAddress, target: Path) -> int:
    """Write a dump of one moment while the database is used; return its rows. The target appears when it is whole."""
    from pioreactor.storage.leader.postgresql.server_connection import described

    unfinished = target.with_name(f".{target.name}.unfinished")
    unfinished.touch(mode=0o600)
    try:
        options = ("--format=custom", "--no-owner", "--no-privileges", f"--file={unfinished}")
        with _running("pg_dump", *options, f"--dbname={described(address, is_read_only=True)}"):
            pass
        rows = rows_in(unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def restore_server(address: PostgresAddress, dump: Path) -> None:
    """Replace all tables by those of a dump, in one transaction; raise `StorageError` when nothing was changed."""
    from pioreactor.storage.leader.postgresql.server_connection import connect, described

    with closing(connect(address)) as connection:
        connection.execute(_END_OTHERS)  # those that read would be waited for
    options = ("--clean", "--if-exists", "--single-transaction", "--no-owner", "--no-privileges")
    with _running("pg_restore", *options, f"--dbname={described(address)}", str(dump)):
        pass
    upgrade(address)


@contextmanager
def _running(name: str, *arguments: str) -> Iterator[IO[bytes]]:
    """Run a program of PostgreSQL, and lend what it prints; raise `StorageError` with its words when it fails."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    newest = [found for folder in reversed(folders) if (found := shutil.which(name, path=str(folder)))]
    tool = newest[0] if newest else shutil.which(name)
    if tool is None:
        raise StorageError(
            f"{name} is missing, the program of PostgreSQL for backups",
            remedy="Install it, in the version of the server or later: sudo apt-get install -y postgresql-client.",
        )
    with tempfile.TemporaryFile() as words:
        with launch([tool, "--no-password", *arguments], stdout=subprocess.PIPE, stderr=words) as process:
            try:
                assert process.stdout is not None
                yield process.stdout
                process.stdout.read()
            except BaseException:
                process.kill()
                raise
        words.seek(0)
        reason = " ".join(words.read().decode("utf-8", "replace").split())
    if process.returncode != 0:
        raise StorageError(f"{name} failed: {reason[-600:]}")
