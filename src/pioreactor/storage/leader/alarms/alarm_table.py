"""Alarms and what became of them. The engine writes what it observes, people what they do: each its own columns."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from pioreactor.alarms.changes import Change, Cleared, Escalated, Key, Raised
from pioreactor.alarms.records import Alarm, AlarmEvent, AlarmState
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.storage.ports import SharedSqlConnection, SqlRow
from pioreactor.structs.encoding import from_timestamp, to_timestamp

KEPT: Final = timedelta(days=400)
MAX_NOTE: Final = 1000
LONGEST_SHELF: Final = timedelta(days=30)
PAGE: Final = 100
_COLUMNS = (
    "a.id, a.rule, a.pioreactor_unit, a.experiment, a.title, a.severity, a.message, a.remedy, a.needs_acknowledgment, "
    "a.occurrences, a.raised_at, a.cleared_at, a.acknowledged_at, a.acknowledged_by, a.note, a.escalated_at, s.until"
)
_FROM = (
    "FROM alarms a LEFT JOIN alarm_shelves s ON s.rule = a.rule AND s.pioreactor_unit = a.pioreactor_unit "
    "AND s.experiment = a.experiment AND s.until > ?"
)
_OPEN = "(a.cleared_at IS NULL OR (a.acknowledged_at IS NULL AND a.needs_acknowledgment = 1))"
_KEY = "rule = ? AND pioreactor_unit = ? AND experiment = ?"


class Shelving(NamedTuple):
    """An alarm that a person set aside."""

    key: Key
    until: str
    username: str
    note: str


class AlarmTable:
    def __init__(self, connection: SharedSqlConnection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    # ---- the engine ----------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[Change]) -> None:
        """Store what the engine reports, in one transaction."""
        with self._connection.transaction():
            for change in changes:
                match change:
                    case Raised():
                        self._raise(change)
                    case Cleared(key=key, reason=reason):
                        self._end(key, reason)
                    case Escalated(key=key):
                        for (id_,) in self._ids(key):
                            self._set(id_, "escalated_at")
                            self._add(id_, "escalated", "no one has acknowledged it")
                    case _:
                        for (id_,) in self._ids(change.key):
                            self._add(id_, "unshelved", "the time for which it was shelved is over")

    def _raise(self, change: Raised) -> None:
        rule, text = change.rule, change.text
        key_is = "rule = ? AND pioreactor_unit = ? AND experiment = ?"
        again = self._connection.execute(
            f"SELECT id FROM alarms WHERE {key_is} AND (cleared_at IS NULL OR "
            "(acknowledged_at IS NULL AND needs_acknowledgment = 1)) ORDER BY id DESC LIMIT 1",
            change.key,
        )
        if again:
            id_ = int(str(again[0][0]))
            self._connection.execute(
                "UPDATE alarms SET cleared_at = NULL, occurrences = occurrences + 1, message = ?, severity = ? "
                "WHERE id = ?",
                (text, rule.severity, id_),
            )
        else:
            columns = "title, severity, message, remedy, needs_acknowledgment, occurrences, raised_at"
            values = (rule.title, rule.severity, text, rule.remedy, int(rule.needs_acknowledgment), 1, self._at())
            found = self._connection.execute(
                f"INSERT INTO alarms (rule, pioreactor_unit, experiment, {columns}) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (*change.key, *values),
            )
            id_ = int(str(found[0][0]))
        self._add(id_, "raised", text)

    def _end(self, key: Key, reason: str) -> None:
        for (id_,) in self._ids(key):
            self._set(id_, "cleared_at")
            self._add(id_, "cleared", reason)

    def _ids(self, key: Key) -> list[SqlRow]:
        return self._connection.execute(f"SELECT id FROM alarms WHERE {_KEY} AND cleared_at IS NULL", tuple(key))

    def _set(self, id_: object, column: str) -> None:
        self._connection.execute(f"UPDATE alarms SET {column} = ? WHERE id = ?", (self._at(), int(str(id_))))

    def _add(self, id_: object, event: str, message: str, username: str | None = None) -> None:
        self._connection.execute(
            "INSERT INTO alarm_events (alarm_id, timestamp, event, username, message) VALUES (?, ?, ?, ?, ?)",
            (int(str(id_)), self._at(), event, username, message),
        )

    def _at(self) -> str:
        return to_timestamp(self._now())

    def prune(self) -> int:
        """Delete closed alarms that are older than 400 days, with their events; return how many alarms."""
        before = to_timestamp(self._now() - KEPT)
        with self._connection.transaction():
            gone = self._connection.execute(
                "DELETE FROM alarms WHERE cleared_at < ? AND (acknowledged_at IS NOT NULL OR needs_acknowledgment = 0) "
                "RETURNING id",
                (before,),
            )
            self._connection.execute("DELETE FROM alarm_events WHERE alarm_id NOT IN (SELECT id FROM alarms)")
            self._connection.execute("DELETE FROM alarm_shelves WHERE until < ?", (before,))
        return len(gone)

    # ---- what is known -------------------------------------------------------------------------------------

    def open(self) -> list[Alarm]:
        """Return the alarms that stand or wait for an acknowledgment, the most severe first, then the newest."""
        order = "CASE a.severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, a.id DESC"
        return self._alarms(f"WHERE {_OPEN} ORDER BY {order}")

    def history(self, *, skip: int = 0, limit: int = PAGE, unit: str = "", experiment: str = "") -> list[Alarm]:
        """Return alarms, closed ones included, newest first."""
        where = "WHERE (? = '' OR a.pioreactor_unit = ?) AND (? = '' OR a.experiment = ?)"
        page = (unit, unit, experiment, experiment, limit, skip)
        return self._alarms(f"{where} ORDER BY a.id DESC LIMIT ? OFFSET ?", *page)

    def get(self, id_: int) -> Alarm:
        """Return one alarm; raise `NotFoundError`."""
        found = self._alarms("WHERE a.id = ?", id_)
        if not found:
            raise NotFoundError(f"there is no alarm {id_}")
        return found[0]

    def events(self, alarm_id: int) -> list[AlarmEvent]:
        """Return the life of an alarm, oldest first."""
        columns = "id, alarm_id, timestamp, event, username, message"
        rows = self._connection.execute(
            f"SELECT {columns} FROM alarm_events WHERE alarm_id = ? ORDER BY id", (alarm_id,)
        )
        return [AlarmEvent(*row) for row in rows]

    def shelves(self) -> list[Shelving]:
        """Return what is shelved at present."""
        rows = self._connection.execute(
            "SELECT rule, pioreactor_unit, experiment, until, username, note FROM alarm_shelves WHERE until > ?",
            (self._at(),),
        )
        return [Shelving(Key(*map(str, row[:3])), *map(str, row[3:])) for row in rows]

    def _alarms(self, rest: str, *parameters: str | int) -> list[Alarm]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} {_FROM} {rest}", (self._at(), *parameters))
        return [_alarm(row) for row in rows]

    # ---- people --------------------------------------------------------------------------------------------

    def acknowledge(self, ids: Sequence[int], *, username: str, note: str = "") -> list[Alarm]:
        """Acknowledge alarms; raise `NotFoundError`, and `ConflictError` for one that a person acknowledged before."""
        text = _note(note)
        with self._connection.transaction():
            for id_ in ids:
                alarm = self.get(id_)
                if alarm.acknowledged_at is not None:
                    by = alarm.acknowledged_by
                    raise ConflictError(f"alarm {id_} was acknowledged at {alarm.acknowledged_at} by {by}")
                self._connection.execute(
                    "UPDATE alarms SET acknowledged_at = ?, acknowledged_by = ?, note = ? WHERE id = ?",
                    (self._at(), username, text, id_),
                )
                self._add(id_, "acknowledged", text, username)
        return [self.get(id_) for id_ in ids]

    def shelve(self, id_: int, *, hours: float, username: str, note: str = "") -> Alarm:
        """Tell nothing of this alarm for a time, also when it is raised again; raise `InvalidRequestError`."""
        if not 0 < hours <= LONGEST_SHELF.total_seconds() / 3600:
            raise InvalidRequestError(
                f"an alarm is shelved for more than 0 and at most {LONGEST_SHELF.days * 24} h, not {hours:g}"
            )
        text, until = _note(note), to_timestamp(self._now() + timedelta(hours=hours))
        with self._connection.transaction():
            alarm = self.get(id_)
            if alarm.state == "closed":
                raise ConflictError(f"alarm {id_} is closed")
            self._connection.execute(
                "INSERT INTO alarm_shelves (rule, pioreactor_unit, experiment, until, username, note) "
                "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (rule, pioreactor_unit, experiment) DO UPDATE SET "
                "until = excluded.until, username = excluded.username, note = excluded.note",
                (alarm.rule, alarm.pioreactor_unit, alarm.experiment, until, username, text),
            )
            self._add(id_, "shelved", f"until {until}{': ' if text else ''}{text}", username)
        return self.get(id_)

    def unshelve(self, id_: int, *, username: str) -> Alarm:
        """Take an alarm back; raise `ConflictError` when it is not on it."""
        with self._connection.transaction():
            alarm = self.get(id_)
            if alarm.shelved_until is None:
                raise ConflictError(f"alarm {id_} is not shelved")
            key = (alarm.rule, alarm.pioreactor_unit, alarm.experiment)
            self._connection.execute(f"DELETE FROM alarm_shelves WHERE {_KEY}", key)
            self._add(id_, "unshelved_by_hand", "", username)
        return self.get(id_)

    def ages_s(self) -> dict[Key, float]:
        """Return the alarms whose condition held when the engine last ran, with the time since they were raised [s]."""
        rows = self._connection.execute(
            "SELECT rule, pioreactor_unit, experiment, raised_at FROM alarms WHERE cleared_at IS NULL"
        )
        now = self._now()
        return {Key(*map(str, row[:3])): max(0.0, (now - from_timestamp(str(row[3]))).total_seconds()) for row in rows}


def _note(text: str) -> str:
    if len(text) > MAX_NOTE:
        raise InvalidRequestError(f"a note has at most {MAX_NOTE} characters")
    return text.strip()


def _alarm(row: SqlRow) -> Alarm:
    names = [field for field in Alarm.__struct_fields__ if field not in ("state", "shelved_until")]
    values = dict(zip(names, row, strict=False))
    values["needs_acknowledgment"] = bool(values["needs_acknowledgment"])
    until = row[-1]
    is_acknowledged = values["acknowledged_at"] is not None
    state: AlarmState
    if values["cleared_at"] is not None:
        state = "closed" if is_acknowledged or not values["needs_acknowledgment"] else "cleared"
    else:
        state = "acknowledged" if is_acknowledged else "unacknowledged"
    if until is not None and state != "closed":
        state = "shelved"
    return Alarm(**values, state=state, shelved_until=until)
