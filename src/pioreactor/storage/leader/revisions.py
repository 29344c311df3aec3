"""The revisions of the schema, which every kind of database runs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

_REVISIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def newest_revision() -> str:
    """Return the newest revision as its file is named: `r0005_chart_preferences.py` has 0005."""
    return max(path.name[1:5] for path in _REVISIONS.glob("r[0-9][0-9][0-9][0-9]_*.py"))


def run_revisions(connection: Connection, revision: str = "head") -> None:
    """Run the revisions that the database lacks, within the transaction of the caller."""
    from alembic import command  # heavy, and needed once per release
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_REVISIONS.parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
