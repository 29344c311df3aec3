"""Reading of a profile that has errors: each is reported, and what is correct is returned for further checks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, TypeVar

import msgspec

from pioreactor.did_you_mean import nearest
from pioreactor.experiment_profiles.profile_struct import (
    Action,
    BasicAction,
    CommonBlock,
    InvalidProfileError,
    Job,
    Log,
    Metadata,
    Pause,
    PluginRequirement,
    Profile,
    Repeat,
    Resume,
    Start,
    Stop,
    UnitBlock,
    Update,
    When,
    read_profile,
)
from pioreactor.structs.yaml_text import InvalidYAMLError, read_yaml

T = TypeVar("T")

Severity: TypeAlias = Literal["error", "warning", "info"]
Positions: TypeAlias = Mapping[str, tuple[int, int]]
"""Path of a value → line and column, counted from 1."""

VERSION: Final = "1.0"
_BASIC_ACTIONS: Final[Mapping[str, type[BasicAction]]] = {
    "start": Start, "update": Update, "pause": Pause, "resume": Resume, "stop": Stop, "log": Log,
}  # fmt: skip
_ACTIONS: Final[Mapping[str, type[Action]]] = {**_BASIC_ACTIONS, "when": When, "repeat": Repeat}
_RETIRED: Final = {
    "labels": "Write `label` below `pioreactors.<unit>`.",
    "author": "Write it below `metadata`.",
    "description": "Write it below `metadata`.",
    "organism_used": "Write it below `metadata`.",
    "media_used": "Write it below `metadata`.",
    "parameters": "It is called `options` now.",
}
"""Keys of older profiles → what replaces them."""
_PLACE = re.compile(r"line (\d+), column (\d+): ")
_LAST_PART = re.compile(r"(?:\.[^.\[\]]*|\[\d+\])\Z")


class Diagnostic(msgspec.Struct, frozen=True, omit_defaults=True):
    """One finding; `path` says where, as in `common.jobs.stirring.actions[0].t`, and so do `line` and `column`."""

    severity: Severity
    code: str
    message: str
    path: str
    hint: str | None = None
    line: int | None = None
    column: int | None = None


class LenientReader:
    """Reads a profile part by part. `findings` holds the errors of the parts that are skipped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.findings: list[Diagnostic] = []

    def read(self) -> Profile | None:
        """Return the parts of the profile that are correct; None if the text is not a YAML mapping."""
        try:
            content = read_yaml(self._text)
        except InvalidYAMLError as error:
            place = _PLACE.match(str(error))
            line, column = (int(place[1]), int(place[2])) if place is not None else (None, None)
            message = f"This is not valid YAML: {error}"
            self.findings.append(Diagnostic("error", "profile.invalid", message, "", None, line, column))
            return None
        if not isinstance(content, dict):
            self._add("", f"A profile is a mapping, not {_kind(content)}", f'Begin with `version: "{VERSION}"`.')
            return None
        profile = self._profile(self._known_keys(self._mapping(content, ""), Profile, ""))
        if not self.findings:
            self._read_strictly()
        return profile

    def _read_strictly(self) -> None:
        """Report what a run would refuse although each part by itself is correct, such as an empty `actions`."""
        try:
            read_profile(self._text)
        except InvalidProfileError as error:
            message, _, place = str(error).partition(" - at `$")
            self._add(place.rstrip("`").removeprefix(".").replace("[...]", ""), message, error.remedy)

    def _add(self, path: str, message: str, hint: str | None = None, code: str = "profile.invalid") -> None:
        self.findings.append(Diagnostic("error", code, message, path, hint))

    def _profile(self, content: Mapping[str, object]) -> Profile:
        self._check_version(content)
        name = content.get("experiment_profile_name")
        if name is None:
            self._add("", "Missing `experiment_profile_name`", "Add `experiment_profile_name`.")
        common = self._block(content.get("common"), CommonBlock, "common")
        return Profile(
            VERSION,
            str(name),
            metadata=self._convert(content.get("metadata"), Metadata, "metadata") or Metadata(),
            plugins=self._convert(content.get("plugins"), list[PluginRequirement], "plugins") or [],
            inputs=self._convert(content.get("inputs"), dict[str, bool | float | str], "inputs") or {},
            common=CommonBlock(self._jobs(common.get("jobs"), "common.jobs")),
            pioreactors=self._unit_blocks(content.get("pioreactors")),
        )

    def _check_version(self, content: Mapping[str, object]) -> None:
        version = content.get("version")
        if version is None:
            self._add("", "Missing `version`", f'Add `version: "{VERSION}"` at the top.', "profile.version")
        elif version != VERSION:
            hint = f'Write version: "{VERSION}".'
            self._add("version", f"Profile version {version!r} is not supported", hint, "profile.version")

    def _unit_blocks(self, content: object) -> dict[str, UnitBlock]:
        found = {}
        for unit, block in self._mapping(content, "pioreactors").items():
            path = f"pioreactors.{unit}"
            fields = self._block(block, UnitBlock, path)
            label = fields.get("label")
            found[unit] = UnitBlock(
                self._jobs(fields.get("jobs"), f"{path}.jobs"), self._convert(label, str, f"{path}.label")
            )
        return found

    def _block(self, content: object, type_: type[msgspec.Struct], path: str) -> Mapping[str, object]:
        """Return the fields of a block; a job that stands beside `jobs` is reported."""
        fields = self._mapping(content, path)
        misplaced = [name for name, value in fields.items() if isinstance(value, dict) and "actions" in value]
        for name in misplaced:
            self._add(f"{path}.{name}", f"{name!r} is a job outside of `jobs`", f"Move it below `{path}.jobs`.")
        rest = {name: value for name, value in fields.items() if name not in misplaced}
        # A job beside `jobs` is still checked, so that its own errors are not found one edit later.
        self._jobs({name: fields[name] for name in misplaced}, path)
        return self._known_keys(rest, type_, path)

    def _jobs(self, content: object, path: str) -> dict[str, Job]:
        jobs = {}
        for name, job in self._mapping(content, path).items():
            here = f"{path}.{name}"
            fields = self._known_keys(self._mapping(job, here), Job, here)
            description = fields.get("description")
            if description is not None:
                self._convert(description, str, f"{here}.description")
            jobs[name] = Job(self._actions(fields.get("actions"), _ACTIONS, f"{here}.actions"))
        return jobs

    def _actions(self, content: object, kinds: Mapping[str, type[Action]], path: str) -> list[Action]:
        if content is None:
            return []
        if not isinstance(content, list):
            self._add(path, f"`actions` is a list, not {_kind(content)}", "Begin each action with a hyphen.")
            return []
        # A skipped action is replaced, so that the others keep their numbers.
        return [self._action(each, kinds, f"{path}[{number}]") or _SKIPPED for number, each in enumerate(content)]

    def _action(self, content: object, kinds: Mapping[str, type[Action]], path: str) -> Action | None:
        fields = self._mapping(content, path)
        kind = str(fields.get("type", ""))
        if kind not in kinds:
            message = f"{kind!r} is not a type of action here" if kind else "Missing `type` of the action"
            self._add(f"{path}.type" if kind else path, message, _suggestion(kind, kinds))
            return None
        fields = self._known_keys(fields, kinds[kind], path, "type")
        if kind not in ("when", "repeat"):
            return self._convert(fields, kinds[kind], path)
        inner_kinds = _ACTIONS if kind == "when" else _BASIC_ACTIONS
        inner = self._actions(fields.pop("actions", None), inner_kinds, f"{path}.actions")
        action: Action | None = self._convert(fields, kinds[kind], path)
        if isinstance(action, When):
            action.actions = inner
        elif isinstance(action, Repeat):
            action.actions = [each for each in inner if not isinstance(each, When | Repeat)]
        return action

    def _known_keys(
        self, content: Mapping[str, object], type_: type[msgspec.Struct], path: str, *more: str
    ) -> dict[str, object]:
        known = [*more, *(field.encode_name for field in msgspec.structs.fields(type_))]
        for key in content:
            if key not in known:
                hint = _RETIRED.get(key, _suggestion(key, known))
                code = "profile.retired_key" if key in _RETIRED else "profile.unknown_key"
                self._add(f"{path}.{key}".removeprefix("."), f"`{key}` is not a key here", hint, code)
        return {key: value for key, value in content.items() if key in known}

    def _mapping(self, content: object, path: str) -> Mapping[str, object]:
        """Return a mapping with its keys as text; report anything else, except for nothing at all."""
        if isinstance(content, dict):
            return {str(key): value for key, value in content.items()}
        if content is not None:
            self._add(path, f"This is {_kind(content)}, not a mapping")
        return {}

    def _convert(self, content: object, type_: type[T], path: str) -> T | None:
        if content is None:
            return None
        try:
            return msgspec.convert(content, type_)
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `$")
            self._add(f"{path}{place.rstrip('`')}", message)
            return None


_SKIPPED: Final = Stop(t=0.0, if_=None)
"""Stands for an action that could not be read."""


def is_skipped(act: Action) -> bool:
    """Return whether an action only stands for one that could not be read."""
    return act is _SKIPPED


def _kind(content: object) -> str:
    names: Mapping[type, str] = {list: "a list", dict: "a mapping", str: "a text", type(None): "empty"}
    return names.get(type(content), f"the value {content!r}")


def _suggestion(name: str, known: Iterable[str]) -> str:
    known = list(known)
    near = nearest(name, known)
    return f"Is `{near}` meant?" if near is not None else f"Known are: {', '.join(known)}."


def positions_of(text: str) -> Positions:
    """Return where each key and each item of a valid YAML text stands, by its path."""
    import yaml  # costs 1 MB, and most processes read none

    found: dict[str, tuple[int, int]] = {}

    def visit(node: yaml.Node | None, path: str) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = f"{path}.{key.value}".removeprefix(".")
                found[here] = (key.start_mark.line + 1, key.start_mark.column + 1)
                visit(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                here = f"{path}[{number}]"
                found[here] = (item.start_mark.line + 1, item.start_mark.column + 1)
                visit(item, here)

    visit(yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), "")
    return found


def with_position(finding: Diagnostic, positions: Positions) -> Diagnostic:
    """Return a finding with the line and column of its path, or of the nearest part of the path that exists."""
    path = f".{finding.path}"
    while path and path.removeprefix(".") not in positions:
        shorter = _LAST_PART.sub("", path)
        path = "" if shorter == path else shorter
    line, column = positions.get(path.removeprefix("."), (1, 1))
    return finding if finding.line is not None else msgspec.structs.replace(finding, line=line, column=column)
