"""What an experiment profile may contain, as it stands in YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.structs.yaml_text import InvalidYAMLError, read_yaml

_MISSING_FIELD = re.compile(r"Object missing required field `(\w+)`( - at `.*`)?$")

Condition: TypeAlias = bool | float | str
"""A truth value, or an expression with one; bare or inside of `${{ … }}`."""
Moment: TypeAlias = float | str
"""Hours as a number, or a text such as `30s`, `2m`, `1.5h`, `2d`."""


class InvalidProfileError(InvalidRequestError):
    """A profile cannot be carried out as it is written."""

    code = "invalid_profile"


class Metadata(msgspec.Struct):
    """Who wrote it, and what for. Unknown fields are left to the author."""

    author: str | None = None
    description: str | None = None


class PluginRequirement(msgspec.Struct):
    """`version` is a version, or one after `==`, `>=` or `<=`."""

    name: str
    version: str


class Act(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True):
    """What all actions have: exactly one of `t` and `hours_elapsed`, and perhaps a condition."""

    t: Moment | None = None
    hours_elapsed: float | None = None
    if_: Condition | None = msgspec.field(name="if", default=None)


class Start(Act, tag="start"):
    options: dict[str, object] = {}
    args: list[object] = []
    config_overrides: dict[str, object] = {}
    """Keys of the section `<job>.config`, for this start."""


class Update(Act, tag="update"):
    options: dict[str, object] = {}


class Pause(Act, tag="pause"):
    pass


class Resume(Act, tag="resume"):
    pass


class Stop(Act, tag="stop"):
    pass


class LogOptions(msgspec.Struct):
    message: str
    level: str = "NOTICE"


class Log(Act, tag="log"):
    options: LogOptions


BasicAction: TypeAlias = Log | Start | Pause | Stop | Update | Resume


class When(Act, tag="when"):
    """Its actions run once the condition is true, timed from then. `wait_until` wins over `condition`."""

    wait_until: Condition | None = None
    condition: Condition | None = None
    actions: list[Action] = []

    @property
    def awaited(self) -> Condition | None:
        return self.condition if self.wait_until is None else self.wait_until


class Repeat(Act, tag="repeat"):
    """Its actions happen again and again. `repeat_every_hours` wins over `every`, `max_hours` over `max_time`."""

    every: Moment | None = None
    repeat_every_hours: float | None = None
    while_: Condition | None = msgspec.field(name="while", default=None)
    max_time: Moment | None = None
    max_hours: float | None = None
    actions: list[BasicAction] = []

    @property
    def interval(self) -> Moment | None:
        return self.every if self.repeat_every_hours is None else self.repeat_every_hours

    @property
    def longest(self) -> Moment | None:
        return self.max_time if self.max_hours is None else self.max_hours


Action: TypeAlias = Log | Start | Pause | Stop | Update | Resume | When | Repeat


class Job(msgspec.Struct, forbid_unknown_fields=True):
    actions: list[Action] = []
    description: str | None = None


class CommonBlock(msgspec.Struct, forbid_unknown_fields=True):
    """For every worker of the experiment."""

    jobs: dict[str, Job] = {}


class UnitBlock(msgspec.Struct, forbid_unknown_fields=True):
    """For one worker."""

    jobs: dict[str, Job] = {}
    label: str | None = None


class Profile(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    experiment_profile_name: str
    metadata: Metadata = msgspec.field(default_factory=Metadata)
    plugins: list[PluginRequirement] = []
    inputs: dict[str, bool | float | str] = {}
    common: CommonBlock = msgspec.field(default_factory=CommonBlock)
    pioreactors: dict[str, UnitBlock] = {}

    def blocks(self, unit: str) -> Iterator[tuple[str, Mapping[str, Job]]]:
        """Give where in the profile a unit's jobs stand, and the jobs: those for all, then its own."""
        yield "common", self.common.jobs
        if unit in self.pioreactors:
            yield f"pioreactors.{unit}", self.pioreactors[unit].jobs


def read_profile(text: str) -> Profile:
    """Return the profile in a YAML text; raise `InvalidProfileError` with the place of the first error."""
    try:
        profile = read_yaml(text, Profile)
    except msgspec.ValidationError as error:
        raise _invalid_field(str(error)) from error
    except InvalidYAMLError as error:
        raise InvalidProfileError(f"This is not valid YAML: {error}") from error
    if profile.version != "1.0":
        raise InvalidProfileError(
            f"Profile version {profile.version!r} is not supported - at `$.version`", remedy='Write version: "1.0".'
        )
    return profile


def _invalid_field(error: str) -> InvalidProfileError:
    missing = _MISSING_FIELD.match(error)
    if missing is None:
        return InvalidProfileError(error)
    field, place = missing[1], missing[2] if missing[2] is not None else ""
    if field == "version" and not place:
        return InvalidProfileError("Missing `version`", remedy='Add `version: "1.0"` at the top.')
    return InvalidProfileError(f"Missing `{field}`{place}", remedy=f"Add `{field}`.")
