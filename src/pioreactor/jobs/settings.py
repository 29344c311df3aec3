"""A setting is declared once, on the class of its job; topics, options, schemas and UI fields are read from it."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from pioreactor import structs
from pioreactor.exc import SettingError
from pioreactor.types import PublishableSetting, PublishableSettingDataType

if TYPE_CHECKING:
    from pioreactor.jobs.job import BackgroundJob

_NAME = re.compile(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)*")
_TRUE = frozenset({"true", "1", "y", "on", "yes", "t"})
_FALSE = frozenset({"false", "0", "n", "off", "no", "f"})
_DECLARABLE = frozenset({"datatype", "settable", "unit", "persist"})
_DECODABLE = frozenset({"string", "float", "integer", "json", "boolean"})
DATATYPES = frozenset(cast(Any, PublishableSettingDataType).__args__)
_PYTHON_DATATYPES: dict[type, PublishableSettingDataType] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    dict: "json",
    list: "json",
}


class Setting:
    """One published setting. Reading gives the value; assigning publishes it (retained) and never waits.

    `at_least` and `at_most` bound what may be asked for over MQTT, HTTP or the command line, in `unit`.
    """

    def __init__(
        self,
        default: Any = None,
        *,
        datatype: PublishableSettingDataType | None = None,
        unit: str | None = None,
        label: str | None = None,
        help: str | None = None,
        settable: bool = False,
        persist: bool = False,
        at_least: float | None = None,
        at_most: float | None = None,
        choices: tuple[str, ...] | None = None,
        display: bool = True,
    ) -> None:
        if datatype is None:
            datatype = _PYTHON_DATATYPES.get(type(default), "string")
        if datatype not in DATATYPES:
            raise ValueError(f"{datatype!r} is no datatype of settings")
        self.name = ""
        self.default = default
        self.datatype: PublishableSettingDataType = datatype
        self.unit = unit
        self.label = label
        self.help = help
        self.settable = settable
        self.persist = persist
        self.at_least = at_least
        self.at_most = at_most
        self.choices = choices
        self.display = display

    def __set_name__(self, owner: type, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a setting: letters, digits and single underscores only")
        self.name = name

    def __get__(self, job: BackgroundJob | None, owner: type | None = None) -> Any:
        if job is None:
            return self
        return job.__dict__.get(self.name, self.default)

    def __set__(self, job: BackgroundJob, value: Any) -> None:
        if self.datatype == "float" and type(value) is int:
            value = float(value)
        job.__dict__[self.name] = value
        job.__dict__.get("_announce", _announce_later)(self, value)

    def __delete__(self, job: BackgroundJob) -> None:
        job.__dict__.pop(self.name, None)

    def describe(self) -> PublishableSetting:
        """Return the declaration in the form of `published_settings`."""
        declared = PublishableSetting(datatype=self.datatype, settable=self.settable, persist=self.persist)
        if self.unit is not None:
            declared["unit"] = self.unit
        return declared

    def decode(self, payload: bytes | str) -> Any:
        """Return the typed value of a command; raise `SettingError` saying what was expected."""
        text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else payload
        if self.datatype not in _DECODABLE:
            raise SettingError(f"{self.name} holds a {self.datatype} and cannot be set from outside")
        return self.check(_parse(self.name, self.datatype, text))

    def check(self, value: Any) -> Any:
        """Return the value if it is within bounds; raise `SettingError` otherwise."""
        if self.choices is not None and value not in self.choices:
            raise SettingError(f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}")
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = self.at_least, self.at_most
            if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
                raise SettingError(f"{self.name} must be {self.range_text()}, not {value}")
        return value

    def range_text(self) -> str:
        """Return the bounds in words, with the unit; empty when there are none."""
        unit = f" {self.unit}" if self.unit else ""
        low, high = self.at_least, self.at_most
        if low is not None and high is not None:
            return f"between {low:g} and {high:g}{unit}"
        if low is not None:
            return f"at least {low:g}{unit}"
        if high is not None:
            return f"at most {high:g}{unit}"
        return "a number" + (f" of{unit}" if unit else "")


def _announce_later(setting: Setting, value: Any) -> None:
    """Stand in for a job that is not constructed yet: its values are announced when it becomes ready."""


def _parse(name: str, datatype: str, text: str) -> Any:
    try:
        if datatype == "float":
            return float(text)
        if datatype == "integer":
            return int(text) if "." not in text else _whole(float(text))
        if datatype == "json":
            return msgspec.json.decode(text)
    except (ValueError, OverflowError, msgspec.DecodeError):
        raise SettingError(f"{name} must be a value of type {datatype}, not {text[:40]!r}") from None
    if datatype == "boolean":
        lowered = text.strip().lower()
        if lowered not in _TRUE | _FALSE:
            raise SettingError(f"{name} must be true or false, not {text[:40]!r}")
        return lowered in _TRUE
    return text


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueError(value)
    return int(value)


def encode_payload(value: Any) -> bytes:
    """Return a value as it stands on the wire (spec §1.4): text as it is, `True`/`False`, decimals, else JSON."""
    if value is None:
        return b""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str | bool | int | float):
        return str(value).encode()
    return structs.encode(value)


def from_declaration(name: str, declared: Mapping[str, Any], default: Any = None) -> Setting:
    """Translate one entry of a plugin's `published_settings`."""
    unknown = set(declared) - _DECLARABLE
    if unknown:
        raise ValueError(f"setting {name!r}: unknown {', '.join(sorted(unknown))}; known are {sorted(_DECLARABLE)}")
    if "datatype" not in declared or "settable" not in declared:
        raise ValueError(f"setting {name!r} must say its datatype and whether it is settable")
    if not isinstance(declared["settable"], bool):
        raise ValueError(f"setting {name!r}: settable must be True or False")
    setting = Setting(
        default,
        datatype=declared["datatype"],
        settable=declared["settable"],
        unit=declared.get("unit"),
        persist=bool(declared.get("persist", False)),
    )
    setting.__set_name__(object, name)
    return setting


def install_declared(cls: type) -> None:
    """Turn the `published_settings` dictionary of a class into `Setting`s, and the other way round.

    A plain value in the class under the name of an inherited setting is that setting's new default.
    """
    declared: dict[str, Any] = dict(cls.__dict__.get("published_settings", {}))
    for name, properties in declared.items():
        present = cls.__dict__.get(name)
        if not (isinstance(present, Setting | property) or callable(present)):
            setattr(cls, name, from_declaration(name, properties, present))
    for name, inherited in settings_of(*cls.__bases__).items():
        present = cls.__dict__.get(name, inherited)
        if not (isinstance(present, Setting | property) or callable(present)):
            setting = copy.copy(inherited)
            setting.default = present
            setattr(cls, name, setting)
    cls.published_settings = {  # type: ignore[attr-defined]
        **declared,
        **{name: setting.describe() for name, setting in settings_of(cls).items()},
    }


def settings_of(*classes: type) -> dict[str, Setting]:
    """Return every setting of job classes by name, base classes first."""
    found: dict[str, Setting] = {}
    for cls in reversed(classes):
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, Setting):
                    found[name] = value
    return found
