"""Where the leader's database is: a file of SQLite, or an address of PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

import msgspec

from pioreactor.exc import ConfigurationError
from pioreactor.storage.paths import SERVER_SCHEMES, Paths

_SQLITE: Final = "sqlite:///"
PASSWORD_FILE: Final = "pgpass"
"""Name of the file with the password, in the folder of the unit's secrets: a line of libpq's `.pgpass`."""


class PostgresAddress(msgspec.Struct, frozen=True):
    """`url` has no password: it may be shown. `password_file`: a file as libpq's `.pgpass`, used where it exists."""

    url: str
    password_file: str | None = None

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        return f"the database {urlsplit(self.url).path.strip('/') or 'of PostgreSQL'}"


DatabaseLocation: TypeAlias = Path | PostgresAddress


def located(path_or_url: Path | str | PostgresAddress, *, secrets: Path | None = None) -> DatabaseLocation:
    """Return the file that a path or a `sqlite:///` address names, or the address of PostgreSQL.

    Raise `ConfigurationError` for an address of anything else, for one with a password in it, and where the driver of
    PostgreSQL is missing.
    """
    if isinstance(path_or_url, PostgresAddress):
        return path_or_url
    text = str(path_or_url)
    if text.startswith(SERVER_SCHEMES):
        return _address(text, secrets)
    if text.startswith(_SQLITE):
        return Path(text.removeprefix(_SQLITE))
    if "://" in text:
        kind = text.partition("://")[0]
        raise ConfigurationError(f"{kind} databases cannot be used", remedy="Use a SQLite file, or postgresql://….")
    return Path(path_or_url)


def location_of(database: str | None, paths: Paths) -> DatabaseLocation:
    """Return where the leader's database is; `database` is what `[storage] database` has.

    Raise `ConfigurationError`.
    """
    return located(database if database else paths.database, secrets=paths.secrets)


def _address(url: str, secrets: Path | None) -> PostgresAddress:
    try:
        parts = urlsplit(url)
        has_password = parts.password is not None or "password" in parse_qs(parts.query)
    except ValueError as error:
        raise ConfigurationError("the address of the PostgreSQL database cannot be read") from error
    if has_password:
        raise ConfigurationError(
            "the address of the PostgreSQL database has a password in it, and configuration is shown to people",
            remedy=f"Leave it out, and put it into a file: secrets/{PASSWORD_FILE} beside the database's folder, or "
            "what PGPASSFILE names, with the line host:port:database:user:password and mode 0600.",
        )
    try:
        import psycopg  # noqa: F401  only where PostgreSQL is configured: it costs memory
    except ImportError as error:
        raise ConfigurationError(
            f"the driver of PostgreSQL is missing: {error}",
            remedy="Install pioreactor[postgresql] into the environment of the leader; installers bring it.",
        ) from error
    return PostgresAddress(url, None if secrets is None else str(secrets / PASSWORD_FILE))
