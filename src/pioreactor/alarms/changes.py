"""Changes of alarms, as the engine reports them."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from pioreactor.alarms.rules import AlarmRule


class Key(NamedTuple):
    """What makes an alarm one and the same; `unit` and `experiment` are empty where the rule's scope is wider."""

    rule: str
    unit: str
    experiment: str


@dataclass(frozen=True, slots=True)
class Raised:
    """A condition holds; `text` says what was observed."""

    key: Key
    rule: AlarmRule
    text: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The condition holds no longer; `reason` is empty unless it is another one."""

    key: Key
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Escalated:
    """No one acknowledged the alarm in time."""

    key: Key


@dataclass(frozen=True, slots=True)
class Unshelved:
    """The alarm stands, and the time for which it was shelved is over."""

    key: Key


Change: TypeAlias = Raised | Cleared | Escalated | Unshelved
