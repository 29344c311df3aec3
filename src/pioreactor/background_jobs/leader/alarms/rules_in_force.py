"""The rules in force: what is declared, changed by the configuration, then by people in the panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from pioreactor.alarms.rules import AlarmRule, from_text
from pioreactor.exc import InvalidRequestError
from pioreactor.storage.leader.alarms.rule_table import StoredRule


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
