"""The engine: from observations to alarms that are raised, cleared and escalated. Times are monotonic [s]."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pioreactor.alarms.changes import Change, Cleared, Escalated, Key, Raised, Unshelved
from pioreactor.alarms.condition_types import JobState, LogEntry, MissingData, RecordsWaiting, UnitSilent
from pioreactor.alarms.evaluation import Evaluator, evaluator_of
from pioreactor.alarms.interest import concerns
from pioreactor.alarms.observation_types import Observation, Source
from pioreactor.alarms.rules import AlarmRule
from pioreactor.types import UNIVERSAL_EXPERIMENT

FORGET_AFTER_S = 600.0
"""An alarm of an earlier run of the engine of which nothing is received again is cleared after this time."""
_NOT_WATCHED = "its rule or its unit is no longer watched"
_CONSEQUENCES = (MissingData, RecordsWaiting, JobState)
"""What follows from a unit's silence, and is suppressed while that is an alarm."""


@dataclass(slots=True)
class _Instance:
    """A rule at one source."""

    rule: AlarmRule
    source: Source
    evaluator: Evaluator
    text: str = ""
    holds_since_s: float | None = None
    ended_since_s: float | None = None
    is_raised: bool = False
    repeated: str = ""
    """Text of a log entry that another rule has said already."""

    @property
    def key(self) -> Key:
        return key_of(self.rule, self.source)

    def update(self, at_s: float) -> None:
        text = self.evaluator.text(at_s)
        if text is not None:
            self.text, self.ended_since_s = text, None
            self.holds_since_s = at_s if self.holds_since_s is None else self.holds_since_s
            self.is_raised = self.is_raised or at_s - self.holds_since_s >= self.rule.delay_s
            return
        self.holds_since_s = None
        self.ended_since_s = at_s if self.ended_since_s is None else self.ended_since_s
        self.is_raised = self.is_raised and at_s - self.ended_since_s < self.rule.off_delay_s

    def is_repetition(self, said: Mapping[str, list[str]]) -> bool:
        """Return whether this is a log entry with a text that rules about something else say, or have said."""
        if isinstance(self.rule.condition, LogEntry):
            if any(text in self.text for text in said.get(self.source.unit, ())):
                self.repeated = self.text
            return self.text == self.repeated
        return False


@dataclass(slots=True)
class _Standing:
    """An alarm that is raised at present."""

    since_s: float
    is_acknowledged: bool = False
    is_escalated: bool = False
    is_restored: bool = False
    restored_s: float = 0.0


@dataclass(slots=True)
class AlarmEngine:
    """Feed it with `observe`, ask it with `tick`. Only units in `units` have alarms; None: every unit."""

    units: frozenset[str] | None = None
    shelved: frozenset[Key] = frozenset()
    suppressed: frozenset[Key] = frozenset()
    """Conditions that hold, and of which nothing is told because they follow from another alarm."""
    _rules: dict[str, AlarmRule] = field(default_factory=dict)
    _instances: dict[tuple[str, Source], _Instance] = field(default_factory=dict)
    _standing: dict[Key, _Standing] = field(default_factory=dict)
    _was_shelved: frozenset[Key] = frozenset()

    @property
    def standing(self) -> frozenset[Key]:
        """Return the alarms that are raised at present."""
        return frozenset(self._standing)

    def use(self, rules: Iterable[AlarmRule]) -> None:
        """Replace the rules; what was observed for a rule that stays the same is kept."""
        found = {rule.name: rule for rule in rules if rule.enabled}
        kept = {name for name, rule in found.items() if self._rules.get(name) == rule}
        self._rules = found
        self._instances = {place: one for place, one in self._instances.items() if place[0] in kept}

    def expect(self, units: Iterable[str], at_s: float) -> None:
        """Set the units that have alarms: those of the inventory that are active, and the leader."""
        self.units = frozenset(units)
        for rule in self._rules.values():
            if isinstance(rule.condition, UnitSilent):
                for unit in self.units:
                    self._instance(rule, Source(unit, UNIVERSAL_EXPERIMENT), at_s)

    def restore(self, ages_s: Mapping[Key, float], at_s: float) -> None:
        """Take over the alarms that an earlier run of the engine raised, with the time since then [s]."""
        for key, age_s in ages_s.items():
            self._standing.setdefault(key, _Standing(at_s - max(0.0, age_s), is_restored=True, restored_s=at_s))

    def mark(self, *, acknowledged: Iterable[Key], escalated: Iterable[Key] = ()) -> None:
        """Take over what people did about the alarms that stand."""
        done, told = set(acknowledged), set(escalated)
        for key, standing in self._standing.items():
            standing.is_acknowledged = key in done
            standing.is_escalated = standing.is_escalated or key in told

    def observe(self, observation: Observation, at_s: float) -> None:
        """Hand an observation to the rules that it concerns."""
        for rule in self._rules.values():
            if concerns(rule.condition, observation):
                self._instance(rule, observation.source, at_s).evaluator.observe(observation, at_s)

    def _instance(self, rule: AlarmRule, source: Source, at_s: float) -> _Instance:
        place = (rule.name, source)
        found = self._instances.get(place)
        if found is None:
            evaluator = evaluator_of(rule.condition, at_s)
            # An alarm that an earlier run raised here ends no sooner than its rule says.
            was_raised = key_of(rule, source) in self._standing
            found = self._instances[place] = _Instance(rule, source, evaluator, is_raised=was_raised)
        return found

    def tick(self, at_s: float) -> list[Change]:
        """Return what has changed since the last call, in the order of the rules."""
        silent, said = self._update(at_s), self._said()
        present = [one for one in self._instances.values() if one.is_raised and self._is_expected(one.source.unit)]
        present = [one for one in present if not one.is_repetition(said)]
        suppressed = {one.key for one in present if self._is_consequence(one, silent)}
        raised: dict[Key, list[_Instance]] = {}
        for one in present:
            if one.key not in suppressed:
                raised.setdefault(one.key, []).append(one)
        self.suppressed = frozenset(suppressed)
        changes: list[Change] = [self._raise(key, found, at_s) for key, found in raised.items() if self._is_new(key)]
        changes += self._clear(raised, at_s)
        changes += self._escalate(at_s)
        return changes + self._unshelve()

    def _is_consequence(self, one: _Instance, silent: set[str]) -> bool:
        """Return whether something follows from the silence of its unit, and was no alarm before."""
        return one.source.unit in silent and isinstance(one.rule.condition, _CONSEQUENCES) and self._is_new(one.key)

    def _update(self, at_s: float) -> set[str]:
        """Evaluate every instance; return the units that are silent."""
        silent = set()
        for one in self._instances.values():
            one.update(at_s)
            if isinstance(one.rule.condition, UnitSilent) and one.is_raised and self._is_expected(one.source.unit):
                silent.add(one.source.unit)
        return silent

    def _said(self) -> dict[str, list[str]]:
        """Return what rules that are not about the log say of each unit: a log entry with the same text is no news."""
        said: dict[str, list[str]] = {}
        for one in self._instances.values():
            is_news = one.text and not isinstance(one.rule.condition, LogEntry)
            if is_news and (one.is_raised or one.holds_since_s is not None):
                said.setdefault(one.source.unit, []).append(one.text)
        return said

    def _is_expected(self, unit: str) -> bool:
        return self.units is None or unit in self.units

    def _is_new(self, key: Key) -> bool:
        return key not in self._standing

    def _raise(self, key: Key, found: list[_Instance], at_s: float) -> Raised:
        self._standing[key] = _Standing(at_s)
        first = found[0]
        where = {one.source.unit: one.text for one in found}
        text = first.text if key.unit else "; ".join(f"{unit}: {said}" for unit, said in sorted(where.items()))
        return Raised(key, first.rule, text)

    def _clear(self, raised: Mapping[Key, object], at_s: float) -> list[Change]:
        known = {one.key for one in self._instances.values()}
        ended = [key for key in self._standing if key not in raised and not self._is_awaited(key, known, at_s)]
        for key in raised:
            self._standing[key].is_restored = False
        for key in ended:
            del self._standing[key]
        return [Cleared(key, "" if self._is_watched(key) else _NOT_WATCHED) for key in ended]

    def _is_watched(self, key: Key) -> bool:
        return key.rule in self._rules and (not key.unit or self._is_expected(key.unit))

    def _is_awaited(self, key: Key, known: set[Key], at_s: float) -> bool:
        """Return whether an alarm of an earlier run may still show that it stands."""
        standing = self._standing[key]
        if not standing.is_restored or key in known or not self._is_watched(key):
            return False
        return at_s - standing.restored_s < FORGET_AFTER_S

    def _escalate(self, at_s: float) -> list[Change]:
        due = [key for key in self._standing if self._is_escalation_due(key, at_s)]
        for key in due:
            self._standing[key].is_escalated = True
        return [Escalated(key) for key in due]

    def _is_escalation_due(self, key: Key, at_s: float) -> bool:
        standing, rule = self._standing[key], self._rules.get(key.rule)
        if rule is None or not rule.escalate_after_s or standing.is_acknowledged or standing.is_escalated:
            return False
        return key not in self.shelved and at_s - standing.since_s >= rule.escalate_after_s

    def _unshelve(self) -> list[Change]:
        """Return the alarms that stand, and are no longer shelved."""
        back = [key for key in self._was_shelved - self.shelved if key in self._standing]
        self._was_shelved = self.shelved
        return [Unshelved(key) for key in sorted(back)]


def key_of(rule: AlarmRule, source: Source) -> Key:
    """Return which alarm a rule raises at a source: one per unit, per experiment, or for the cluster."""
    unit = source.unit if rule.scope == "unit" else ""
    experiment = source.experiment if rule.scope != "cluster" else ""
    return Key(rule.name, unit, experiment)
