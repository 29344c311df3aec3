"""PostgreSQL behind the repositories of the leader. Imported only where `[storage] database` names one."""

from typing import Final

NUMBERED: Final = "rowid"
"""The column that numbers the rows of tables without a key, as SQLite does: it grows as rows are inserted."""
