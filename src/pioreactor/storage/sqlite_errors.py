"""What a failure of SQLite means: whether a value, rows or the file are at fault, and what a person can do."""

import sqlite3
from typing import Final

from pioreactor.exc import InvalidRequestError, StorageError

_FREE_SPACE: Final = (
    "Free space on the disk of this unit, such as old backups (pio backups list); writing then resumes by itself."
)
_REMEDIES: Final = {
    sqlite3.SQLITE_FULL: _FREE_SPACE,
    sqlite3.SQLITE_IOERR: f"Check the disk of this unit. {_FREE_SPACE}",
    sqlite3.SQLITE_BUSY: "Another program holds the database, such as a shell or a copy: end it; writing then resumes "
    "by itself.",
    sqlite3.SQLITE_LOCKED: "Another program holds the database: end it; writing then resumes by itself.",
    sqlite3.SQLITE_READONLY: "Put its permissions right: pio repair.",
    sqlite3.SQLITE_PERM: "Put its permissions right: pio repair.",
    sqlite3.SQLITE_CANTOPEN: "Put its permissions right: pio repair.",
    sqlite3.SQLITE_CORRUPT: "Restore a backup: pio backups restore FILE.",
    sqlite3.SQLITE_NOTADB: "Restore a backup: pio backups restore FILE.",
}
_OF_THE_FILE: Final = frozenset(
    {
        *_REMEDIES,
        *(sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERNAL),
        *(sqlite3.SQLITE_ABORT, sqlite3.SQLITE_AUTH, sqlite3.SQLITE_NOLFS),
    }
)


VALUE_ERRORS: Final = (OverflowError, UnicodeEncodeError)
"""What the binding raises for a value that SQLite cannot hold."""


def value_error(where: str, error: BaseException) -> InvalidRequestError:
    """Return the error for callers who gave a value that SQLite cannot hold."""
    return InvalidRequestError(f"a value does not fit into {where}: {error}")


def primary_code(error: BaseException) -> int:
    """Return SQLite's result code without the detail in its higher bits; 0 for what the binding itself refused."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_of_the_file(error: BaseException) -> bool:
    """Say whether other rows would fail the same way: the file is locked, full, damaged or cannot be reached."""
    return primary_code(error) in _OF_THE_FILE


def storage_error(what: str, error: BaseException) -> StorageError:
    """Return the error for callers, with what a person can do about it where that is known."""
    return StorageError(f"{what}: {error}", remedy=_REMEDIES.get(primary_code(error)))
