"""Timeline of a profile: its actions as a list to be read before it is run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from pioreactor.experiment_profiles.durations import due_s, format_duration, seconds
from pioreactor.experiment_profiles.profile_struct import Act, Condition, Log, Profile, Repeat, Start, Update, When
from pioreactor.experiment_profiles.unit_runner import PRIORITY


class Step(msgspec.Struct, frozen=True):
    """One line of a timeline. `depth` is above 0 for actions inside a repeat or a when."""

    at_s: float
    """Time since the start of the profile, or of the enclosing repeat or when [s]."""
    who: str
    """A unit, or `all workers`."""
    job: str
    words: str
    depth: int = 0


def timeline(profile: Profile, *, units: Iterable[str] | None = None) -> list[Step]:
    """Return the steps in the order of execution, restricted to `units` if given."""
    wanted = None if units is None else set(units)
    blocks = [("all workers", profile.common.jobs)]
    blocks += [(u, block.jobs) for u, block in profile.pioreactors.items() if wanted is None or u in wanted]
    top = [(act, who, name) for who, jobs in blocks for name, job in jobs.items() for act in job.actions]
    top.sort(key=lambda found: (due_s(found[0]), PRIORITY[type(found[0])]))
    return [step for act, who, job in top for step in _steps(act, who, job, depth=0)]


def _steps(act: Act, who: str, job: str, *, depth: int) -> Iterator[Step]:
    yield Step(due_s(act), who, job, _describe(act, job), depth)
    inner = act.actions if isinstance(act, When | Repeat) else []
    for one in sorted(inner, key=lambda one: (due_s(one), PRIORITY[type(one)])):
        yield from _steps(one, who, job, depth=depth + 1)


def _describe(act: Act, job: str) -> str:
    condition = "" if act.if_ is None or act.if_ is True else f", if {_bare(act.if_)}"
    match act:
        case Start():
            what = _describe_start(act, job)
        case Update():
            what = f"set {_options(act.options).strip()} of {job}"
        case Log():
            what = f"write to the log: {act.options.message}"
        case When():
            what = f"once {_bare(act.awaited)}:"
        case Repeat():
            what = _describe_repeat(act)
        case _:
            what = f"{type(act).__name__.lower()} {job}"
    return what + condition


def _describe_start(act: Start, job: str) -> str:
    what = f"start {job}" + _options(act.options) + "".join(f" {argument}" for argument in act.args)
    if act.config_overrides:
        what += f" with {_options(act.config_overrides).strip()} in its configuration"
    return what


def _describe_repeat(act: Repeat) -> str:
    every = "" if act.interval is None else f"every {format_duration(seconds(act.interval))}"
    until = "" if act.longest is None else f" for {format_duration(seconds(act.longest))}"
    condition = "" if act.while_ is None else f", while {_bare(act.while_)}"
    return f"{every}{until}{condition}:"


def _options(options: Mapping[str, object]) -> str:
    return "".join(f" {name}" + ("" if value is None else f" {value}") for name, value in options.items())


def _bare(condition: Condition | None) -> str:
    text = str(condition)
    return text.strip().removeprefix("${{").removesuffix("}}").strip()
