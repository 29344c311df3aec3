"""Alarm rules: what jobs declare, what people changed, and rules of people."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from pioreactor.alarms.default_rules import DEFAULT_RULES
from pioreactor.alarms.rules import AlarmRule, changed, from_text, rule_of
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.ports import SharedSqlConnection, SqlRow
from pioreactor.structs.encoding import to_timestamp

MAX_RULES: Final = 500


class StoredRule(msgspec.Struct, frozen=True):
    """A rule as jobs declare it (None for one that a person made), and the changes of people."""

    name: str
    declared: AlarmRule | None
    changes: dict[str, object]
    username: str | None

    def in_force(self, declared: AlarmRule | None = None) -> AlarmRule:
        """Return the rule with the changes; `declared` is the declaration with what the configuration says.

        Raise `InvalidRequestError` when changes do not fit a declaration of another version.
        """
        base = declared if declared is not None else self.declared
        return rule_of(self.changes) if base is None else changed(base, self.changes)


class RuleInForce(msgspec.Struct, frozen=True):
    """A rule with where it comes from. `fault` says why changes are not used."""

    rule: AlarmRule
    declared: AlarmRule | None
    """As a job declares it, with what the configuration changes; None for a rule that a person made."""
    is_configured: bool
    is_changed: bool
    username: str | None
    fault: str | None = None


def rules_in_force(stored: Iterable[StoredRule], configured: Mapping[str, str]) -> list[RuleInForce]:
    """Return the rules; `configured` is the section `[alarms.rules]`: `<rule>.<field>` = value."""
    found = []
    for one in stored:
        name, base = one.name, one.declared
        fields = [(key.partition(".")[2], text) for key, text in configured.items() if key.partition(".")[0] == name]
        fault: str | None = None
        if base is not None and fields:
            try:
                base = from_text(base, fields)
            except InvalidRequestError as error:
                fault = f"[alarms.rules] {name}: {error}"
        try:
            rule = one.in_force(base)
        except InvalidRequestError as error:
            fault = str(error)
            if base is None:
                continue
            rule = base
        found.append(RuleInForce(rule, base, bool(fields), bool(one.changes), one.username, fault))
    return found


class RuleTable:
    def __init__(self, connection: SharedSqlConnection, now: Callable[[], datetime]) -> None:
        self._connection = connection
        self._now = now

    def all(self) -> list[StoredRule]:
        """Return the rules by name, default ones included.

        A declaration of another version that cannot be read is skipped.
        """
        rows = self._connection.execute("SELECT name, declared, changes, username FROM alarm_rules")
        found = {rule.name: StoredRule(rule.name, rule, {}, None) for rule in DEFAULT_RULES}
        for row in rows:
            read = _stored(row, found.get(str(row[0])))
            if read is not None:
                found[read.name] = read
        return [found[name] for name in sorted(found)]

    def revision(self) -> object:
        """Return what changes whenever a rule does."""
        return self._connection.execute(
            "SELECT count(*), max(updated_at), coalesce(sum(length(declared)), 0), "
            "coalesce(sum(length(changes)), 0) FROM alarm_rules"
        )[0]

    def declare(self, rules: Iterable[AlarmRule]) -> bool:
        """Store what jobs declare; return whether something of it is new."""
        is_new = False
        for rule in rules:
            text = msgspec.json.encode(rule).decode()
            known = self._connection.execute("SELECT declared FROM alarm_rules WHERE name = ?", (rule.name,))
            if known and known[0][0] == text:
                continue
            is_new = True
            self._connection.execute(
                "INSERT INTO alarm_rules (name, declared, updated_at) VALUES (?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET declared = excluded.declared, updated_at = excluded.updated_at",
                (rule.name, text, self._at()),
            )
        return is_new

    def change(self, name: str, changes: Mapping[str, object], *, username: str) -> StoredRule:
        """Add to the changes of a rule, or make a rule of all its fields; raise `InvalidRequestError`."""
        with self._connection.transaction():
            known = next((rule for rule in self.all() if rule.name == name), None)
            if known is None:
                edited = {**changes, "name": name}
            elif known.declared is None:
                edited = msgspec.to_builtins(changed(known.in_force(), changes))
            else:
                edited = {**_flat(known.changes), **_flat(changes)}
            stored = StoredRule(name, None if known is None else known.declared, edited, username)
            stored.in_force()
            if known is None and len(self.all()) >= MAX_RULES:
                raise InvalidRequestError(f"there are {MAX_RULES} rules already")
            self._connection.execute(
                "INSERT INTO alarm_rules (name, changes, username, updated_at) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET changes = excluded.changes, username = excluded.username, "
                "updated_at = excluded.updated_at",
                (name, msgspec.json.encode(edited).decode(), username, self._at()),
            )
        return stored

    def reset(self, name: str, *, username: str) -> None:
        """Return a rule to its declaration, or delete one that a person made; raise `NotFoundError`."""
        with self._connection.transaction():
            known = next((rule for rule in self.all() if rule.name == name), None)
            if known is None:
                raise NotFoundError(f"there is no alarm rule {name[:70]!r}")
            if known.declared is None:
                self._connection.execute("DELETE FROM alarm_rules WHERE name = ?", (name,))
            else:
                self._connection.execute(
                    "UPDATE alarm_rules SET changes = NULL, username = ?, updated_at = ? WHERE name = ?",
                    (username, self._at(), name),
                )

    def _at(self) -> str:
        return to_timestamp(self._now())


def _flat(changes: Mapping[str, object]) -> dict[str, object]:
    """Return changes in which a part of a condition stands beside the others; a whole condition stays."""
    condition = changes.get("condition")
    if not isinstance(condition, Mapping) or "type" in condition:
        return dict(changes)
    return {**{name: value for name, value in changes.items() if name != "condition"}, **condition}


def _stored(row: SqlRow, default: StoredRule | None) -> StoredRule | None:
    """Return a rule of the table; None when it cannot be read, or holds nothing."""
    name, declared, changes, username = row
    try:
        rule = None if declared is None else msgspec.json.decode(str(declared), type=AlarmRule)
        edited = {} if changes is None else msgspec.json.decode(str(changes), type=dict[str, object])
    except msgspec.DecodeError:
        return None
    if rule is None and default is not None:
        rule = default.declared
    if rule is None and not edited:
        return None
    return StoredRule(str(name), rule, edited, None if username is None else str(username))
