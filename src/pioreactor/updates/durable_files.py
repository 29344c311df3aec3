"""Operations on files that survive a power cut once they have returned, and happen in one step."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from pioreactor.private_files import sync_folder, write_atomically


class DurableFiles:
    """Each operation raises `OSError`; repeated, it changes nothing more."""

    def write(self, path: Path, content: bytes) -> None:
        """Replace a file."""
        write_atomically(path, content, mode=0o644)

    def point(self, link: Path, target: Path) -> None:
        """Make or replace a symbolic link to something in the same folder or below it."""
        draft = link.with_name(f".{link.name}.draft")
        draft.unlink(missing_ok=True)
        draft.symlink_to(target.relative_to(link.parent))
        self.move(draft, link)

    def move(self, source: Path, target: Path) -> None:
        """Rename within a file system; replaces a file or a link. It needs no space."""
        source.replace(target)
        sync_folder(target.parent)

    def keep(self, source: Path, target: Path) -> None:
        """Give a file a second name."""
        target.unlink(missing_ok=True)
        target.hardlink_to(source)
        sync_folder(target.parent)

    def remove(self, path: Path) -> None:
        """Remove a file or a link if it is there."""
        if path.is_symlink() or path.exists():
            path.unlink()
            sync_folder(path.parent)

    def remove_tree(self, path: Path) -> None:
        """Remove a folder and what is in it if it is there."""
        if path.exists():
            shutil.rmtree(path)

    def make_folder(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)

    def flush(self) -> None:
        """Write everything that the kernel still holds to the disks."""
        os.sync()

    def copy_database(self, source: Path, target: Path) -> None:
        """Copy an SQLite database, also while it is used. Raise `sqlite3.Error`, too."""
        remove_database(target)
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60.0)) as database,
            closing(sqlite3.connect(target)) as copy,
        ):
            database.backup(copy)

    def settle_database(self, path: Path) -> None:
        """Move all content of a database into its one file. Raise `sqlite3.Error`, too: also while it is in use."""
        with closing(sqlite3.connect(path, timeout=10.0)) as database:
            # Leaving the write-ahead log needs all other connections to be closed.
            for mode in ("DELETE", "WAL"):
                database.execute(f"PRAGMA journal_mode={mode}").fetchone()
        sync_folder(path.parent)


def remove_database(path: Path) -> None:
    """Remove a database and SQLite's files beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def revision_of(path: Path) -> str:
    """Return the revision of the schema of a leader's database; empty for one without. Raise `sqlite3.Error`."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60.0)) as database:
        if not database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()[0]:
            return ""
        return ",".join(str(row[0]) for row in database.execute("SELECT version_num FROM alembic_version"))
