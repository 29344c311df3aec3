"""Channels: where messages about alarms go, which of them, and when not."""

import re
from datetime import datetime, time
from typing import Annotated, Final, Literal, TypeAlias, get_args

import msgspec

from pioreactor.alarms.rules import Severity, at_least
from pioreactor.exc import InvalidRequestError

ChannelKind: TypeAlias = Literal["email", "webhook", "slack", "teams", "discord", "ntfy", "telegram", "mqtt", "apprise"]
CHANNEL_KINDS: Final[tuple[ChannelKind, ...]] = get_args(ChannelKind)

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TIME: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
MAX_OPTION: Final = 4000


class QuietHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Daily hours by the leader's clock and time zone: only severe alarms are told in them, others at their end.

    `start` and `end` are of the form `22:00`; the hours may pass midnight.
    """

    start: str
    end: str
    breaks_at: Severity = "critical"
    """Alarms of this severity and above are told at any time."""

    def holds(self, moment: datetime) -> bool:
        """Return whether it is quiet at a local time."""
        start, end, now = time.fromisoformat(self.start), time.fromisoformat(self.end), moment.time()
        return start <= now < end if start <= end else now >= start or now < end


class Channel(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A destination. `options` are those of its kind without its secrets, which are stored apart."""

    name: str
    kind: ChannelKind
    options: dict[str, str] = {}
    enabled: bool = True
    lowest: Severity = "high"
    """Alarms below this severity are not told."""
    only_escalated: bool = False
    """Told only of alarms that no one acknowledged in time."""
    tells_clearing: bool = True
    watches_leader: bool = True
    """Whether workers report to it when the leader is dead."""
    quiet: QuietHours | None = None
    units: Annotated[list[str], msgspec.Meta(max_length=1000)] = []
    """Units whose alarms are told; empty for all."""

    def checked(self) -> "Channel":
        """Return the channel; raise `InvalidRequestError` when something of it cannot be."""
        if not _NAME.fullmatch(self.name):
            raise InvalidRequestError(
                f"{self.name[:50]!r} cannot be the name of a channel",
                remedy="1 to 40 letters, digits, hyphens and underscores.",
            )
        for key, value in self.options.items():
            if len(value) > MAX_OPTION or (key != "template" and not value.isprintable()):
                raise InvalidRequestError(f"{key[:40]} is not one line of at most {MAX_OPTION} characters")
        if self.quiet is not None and not all(_TIME.fullmatch(text) for text in (self.quiet.start, self.quiet.end)):
            raise InvalidRequestError("quiet hours begin and end at times of the form 22:00")
        return self

    def tells(self, event: str, severity: str, unit: str) -> bool:
        """Return whether an event ("raised", "cleared", "escalated", "unshelved") of an alarm is told here."""
        if not self.enabled or not at_least(severity, self.lowest) or (self.units and unit and unit not in self.units):
            return False
        if self.only_escalated:
            return event == "escalated"
        return event in ("raised", "escalated", "unshelved") or (event == "cleared" and self.tells_clearing)

    def is_quiet(self, severity: str, moment: datetime) -> bool:
        """Return whether something of this severity waits at a local time."""
        return self.quiet is not None and self.quiet.holds(moment) and not at_least(severity, self.quiet.breaks_at)
