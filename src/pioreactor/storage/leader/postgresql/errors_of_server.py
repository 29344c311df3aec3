"""What a failure of PostgreSQL means: whether rows or the server are at fault, and what a person can do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from pioreactor.exc import InvalidRequestError, StorageError

_OF_ROWS: Final = ("22", "23", "42", "P0")
"""Classes of states for which other rows may succeed: values, constraints, names, what triggers raise."""
_OF_THE_SERVER: Final = ("42501",)
_REMEDIES: Final = {
    "25006": "The server, or the account, may only read: check default_transaction_read_only and whether it is a "
    "standby.",
    "42501": "Let the account of the leader own the database: ALTER DATABASE … OWNER TO ….",
    "53100": "Free space on the disk of the server; writing then resumes by itself.",
    "53300": "Allow more connections: max_connections of the server.",
    "55P03": "Another program holds the database, such as a shell or a copy: end it; writing then resumes by itself.",
    "57P01": "The server is shut down or restarted; writing resumes by itself.",
    "57P03": "The server starts; writing resumes by itself.",
    "3D000": "Create the database: see the how-to Keep the database in PostgreSQL.",
    "28P01": "Put the right password into secrets/pgpass of the leader: host:port:database:user:password.",
}
_WORDS: Final = {
    "password authentication failed": _REMEDIES["28P01"],
    "no password supplied": _REMEDIES["28P01"],
    "authentication failed": "Let the account sign in: pg_hba.conf of the server.",
    "does not exist": _REMEDIES["3D000"],
    "starting up": _REMEDIES["57P03"],
    "shutting down": _REMEDIES["57P01"],
    "connection": "Check that the server runs and can be reached; writing then resumes by itself.",
}
"""A failed connection has no state, only words."""


def is_of_the_server(error: BaseException) -> bool:
    """Say whether other rows would fail the same way: the server is away, full, read-only or refuses the account."""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    return (state is None and not isinstance(error, psycopg.DataError)) or (
        state is not None and (state in _OF_THE_SERVER or not state.startswith(_OF_ROWS))
    )


def server_error(what: str, error: BaseException) -> StorageError:
    """Return the error for callers, with what a person can do about it where that is known."""
    state = getattr(error, "sqlstate", None)
    words = " ".join(str(error).split())
    by_words = next((remedy for part, remedy in _WORDS.items() if part in words), None)
    return StorageError(f"{what}: {words}", remedy=_REMEDIES.get(state or "", by_words))


@contextmanager
def errors_translated(database: str) -> Iterator[None]:
    """Raise failures of reading, by queries of others too, as errors for callers."""
    try:
        yield
    except (UnicodeEncodeError, psycopg.DataError) as error:
        raise InvalidRequestError(f"a value does not fit into {database}: {error}") from error
    except psycopg.ProgrammingError as error:
        if is_of_the_server(error):
            raise server_error(f"{database} cannot be read", error) from error
        raise InvalidRequestError(
            f"{database} does not understand a query: {' '.join(str(error).split())}",
            remedy="Write the query of a dataset in SQL that PostgreSQL has, or leave the dataset out.",
        ) from error
    except psycopg.Error as error:
        raise server_error(f"{database} cannot be read", error) from error
