"""Alarms in the leader's database, in plain SQL: the process of the engine has no memory for SQLAlchemy."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pioreactor.storage.leader.alarms.alarm_table import AlarmTable
from pioreactor.storage.leader.alarms.delivery_queue import ChannelTable, DeliveryQueue
from pioreactor.storage.leader.alarms.rule_table import RuleTable
from pioreactor.storage.leader.location import DatabaseLocation, PostgresAddress
from pioreactor.storage.ports import SharedSqlConnection
from pioreactor.storage.sqlite.shared_connection import SharedConnection


def _now() -> datetime:
    return datetime.now(UTC)


def _shared_connection(location: DatabaseLocation) -> SharedSqlConnection:
    if not isinstance(location, PostgresAddress):
        return SharedConnection(location, synchronous="NORMAL")
    from pioreactor.storage.leader.postgresql.server_connection import SharedPostgresConnection  # only where configured

    return SharedPostgresConnection(location)


class AlarmDatabase:
    """Safe to share between threads. `now` stamps what is written. The database is up to date: see `migrate`."""

    def __init__(self, location: DatabaseLocation, *, now: Callable[[], datetime] = _now) -> None:
        self._connection = _shared_connection(location)
        self.alarms = AlarmTable(self._connection, now)
        self.rules = RuleTable(self._connection, now)
        self.channels = ChannelTable(self._connection, now)
        self.deliveries = DeliveryQueue(self._connection, now)

    def active_units(self) -> Sequence[str]:
        """Return the active workers of the inventory."""
        rows = self._connection.execute("SELECT pioreactor_unit FROM workers WHERE is_active = 1")
        return [str(unit) for (unit,) in rows]

    def close(self) -> None:
        self._connection.close()
