"""Alarms in the leader's database, in plain `sqlite3`: the process of the engine has no memory for SQLAlchemy."""

from pioreactor.storage.leader.alarms.alarm_database import AlarmDatabase

__all__ = ["AlarmDatabase"]
