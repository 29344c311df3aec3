"""Times of a profile: hours as a number, or a number followed by s, m, h or d."""

from __future__ import annotations

import math
import re

from pioreactor.experiment_profiles.profile_struct import Act, InvalidProfileError, Moment

_TEXT = re.compile(r"(\d+(?:\.\d+)?)([smhd])", re.IGNORECASE)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SECONDS_PER_HOUR = 3600.0


def seconds(moment: Moment) -> float:
    """Return a moment in seconds (possibly negative); raise `InvalidProfileError` if it is not a time."""
    if isinstance(moment, bool) or (isinstance(moment, float | int) and not math.isfinite(moment)):
        raise InvalidProfileError(f"{moment!r} is not a time", remedy="Write hours as a number, or a text such as 30m.")
    if isinstance(moment, float | int):
        return moment * SECONDS_PER_HOUR
    found = _TEXT.fullmatch(moment.strip())
    if found is None:
        raise InvalidProfileError(
            f"{moment!r} is not a time",
            remedy="Write hours as a number, or a number with s, m, h or d: 30s, 2m, 1.5h, 2d.",
        )
    return float(found[1]) * _SECONDS[found[2].lower()]


def due_s(act: Act) -> float:
    """Return when an action is due [s] after the start of the profile or of the enclosing action."""
    moment = act.t if act.t is not None else act.hours_elapsed
    return 0.0 if moment is None else seconds(moment)


def format_duration(duration_s: float) -> str:
    """Return a duration as text: `90 s`, `2 min`, `1 h 30 min`, `2 d 4 h`."""
    whole = round(duration_s)
    if whole < 120 and whole % 60:
        return f"{duration_s:g} s"
    parts = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) if parts else "0 s"
