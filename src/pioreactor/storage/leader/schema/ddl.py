"""Triggers and views per dialect: what SQLAlchemy's tables do not describe."""

from pioreactor.exc import ConfigurationError
from pioreactor.storage.leader.schema import postgres_ddl, sqlite_ddl

_TRIGGERS = {"sqlite": sqlite_ddl.triggers, "postgresql": postgres_ddl.triggers}
_VIEWS = {"sqlite": sqlite_ddl.views, "postgresql": postgres_ddl.views}


def triggers(dialect: str = "sqlite") -> dict[str, str]:
    """Return name → what creates the trigger; raise `ConfigurationError` for a dialect without a declaration."""
    _check(dialect)
    return _TRIGGERS[dialect]()


def views(dialect: str = "sqlite") -> dict[str, str]:
    """Return name → what creates the view; raise `ConfigurationError` for a dialect without a declaration."""
    _check(dialect)
    return _VIEWS[dialect]()


def _check(dialect: str) -> None:
    if dialect not in _VIEWS:
        raise ConfigurationError(f"triggers and views are not declared for {dialect}")
