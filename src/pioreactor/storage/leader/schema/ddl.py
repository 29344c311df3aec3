"""Triggers and views per dialect: what SQLAlchemy's tables do not describe."""

from pioreactor.exc import ConfigurationError
from pioreactor.storage.leader.schema import sqlite_ddl


def triggers(dialect: str = "sqlite") -> dict[str, str]:
    """Return name → `CREATE TRIGGER` statement; raise `ConfigurationError` for a dialect without a declaration."""
    _check(dialect)
    return sqlite_ddl.triggers()


def views(dialect: str = "sqlite") -> dict[str, str]:
    """Return name → `CREATE VIEW` statement; raise `ConfigurationError` for a dialect without a declaration."""
    _check(dialect)
    return sqlite_ddl.views()


def _check(dialect: str) -> None:
    if dialect != "sqlite":
        raise ConfigurationError(f"triggers and views are not declared for {dialect}")
