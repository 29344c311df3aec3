"""Scripts of pump runs and waits, which are monitored and stopped as one action."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pioreactor.actions.dosing import ALT_MEDIA, MEDIA, WASTE, DoseRequest, PumpDevice, Refused, load_pump_rate
from pioreactor.actions.pump import add_alt_media, add_media, dose_in_turn, error_of, remove_waste
from pioreactor.exc import InvalidRequestError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.runtime import context

JOB_NAME = "pumps"
WAIT = "sleep"

registered_pumps: dict[str, Callable[..., float]] = {
    "media": add_media,
    "alt_media": add_alt_media,
    "waste": remove_waste,
}
"""Name → function of `(unit=, experiment=, ml=, source_of_event=)`. Plugins add to it and replace in it."""

_OURS: dict[Callable[..., float], PumpDevice] = {add_media: MEDIA, add_alt_media: ALT_MEDIA, remove_waste: WASTE}

Step = tuple[str, float]
"""A pump's name and a volume [mL], or `sleep` and a duration [s]."""


def parse_script(words: Sequence[str]) -> list[Step]:
    """Read `--media 2 --sleep 5 --media_ 1`: dashes count as underscores, a trailing `_` lets a name stand twice."""
    if len(words) % 2:
        raise InvalidRequestError("write pairs: --media 2 --sleep 5 --waste 2")
    steps = []
    for flag, amount in zip(words[::2], words[1::2], strict=True):
        name = flag.removeprefix("--").replace("-", "_").rstrip("_")
        if not flag.startswith("--") or (name != WAIT and name not in registered_pumps):
            raise InvalidRequestError(f"there is no pump {flag}; known are {', '.join(registered_pumps)}, and {WAIT}")
        steps.append((name, _number(flag, amount)))
    return steps


def _number(flag: str, amount: str) -> float:
    try:
        value = float(amount)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1e5:
        raise InvalidRequestError(f"{flag} must be followed by a number of at least 0, not {amount!r}")
    return value


def run_pumps(
    steps: Sequence[Step], *, unit: str | None = None, experiment: str | None = None, source_of_event: str = "pumps"
) -> None:
    """Do each step; a refused one ends the script with its error, a stop ends it with `StoppedError`."""
    where, what_for = context.current().place(unit, experiment)
    with managed_lifecycle(where, what_for, JOB_NAME) as script:
        for name, amount in steps:
            if name == WAIT:
                script.sleep(amount)
            else:
                _move(script, name, amount, source_of_event)
                script.sleep(0.0)


def _move(script: managed_lifecycle, name: str, volume_ml: float, source_of_event: str) -> None:
    function = registered_pumps[name]
    ours = _OURS.get(function)
    if ours is None:
        function(unit=script.unit, experiment=script.experiment, ml=volume_ml, source_of_event=source_of_event)
        return
    request = DoseRequest(volume_ml=volume_ml, source_of_event=source_of_event)
    outcome = dose_in_turn(script, ours, request, load_pump_rate(script, ours))
    if isinstance(outcome, Refused):
        raise error_of(ours, outcome)
