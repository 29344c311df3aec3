"""Settings of jobs, declared once on the class: MQTT, CLI, API and UI read type, unit and bounds from there."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias, cast, get_args, get_origin

from pioreactor.exc import SettingError
from pioreactor.jobs.payloads import parse_payload
from pioreactor.jobs.published_attribute import (
    DATATYPES,
    PYTHON_DATATYPES,
    AnyAttribute,
    PublishedAttribute,
    Status,
    T,
)
from pioreactor.settings.fields import FieldLimits, limits_of
from pioreactor.types import PublishableSetting, PublishableSettingDataType

if TYPE_CHECKING:
    from pioreactor.settings.sections import Section

_PYTHON_NAMES: Final[Mapping[object, PublishableSettingDataType]] = {
    "int": "integer", "bool": "boolean", "str": "string", "dict": "json", "list": "json", **PYTHON_DATATYPES
}  # fmt: skip
"""What plugins write for a datatype: the names of Python's types, and the types."""
_DECLARABLE = frozenset({"datatype", "settable", "unit", "persist"})


class Setting(PublishedAttribute[T]):
    """Published attribute that commands over MQTT, HTTP and the command line can change.

    `ge` and `le` are inclusive bounds in `unit`. `config` names the section and key of the configuration from which the
    constructor of a job assigns the initial value: unit and bounds are declared there, and are the same for both.
    A number outside of the bounds is refused; with `clamp` the job moves it to the nearest bound and logs a warning.
    The choices of a `Setting[Literal[...]]` are those of the type. `cli=False`: no option of `pio run`.
    `le_by_model` names the field of a reactor model that bounds the setting on units of that model. `suggestion` stands
    in the form that starts an automation, in place of the default: a value to begin with where none fits all cultures.
    """

    settable: ClassVar[bool] = True

    def __init__(
        self,
        default: T | None = None,
        *,
        datatype: PublishableSettingDataType | None = None,
        unit: str | None = None,
        label: str | None = None,
        help: str | None = None,
        persist: bool = False,
        ge: float | None = None,
        le: float | None = None,
        clamp: bool = False,
        choices: tuple[str, ...] | None = None,
        config: tuple[type[Section], str] | None = None,
        display: bool = True,
        cli: bool = True,
        le_by_model: str | None = None,
        suggestion: T | None = None,
    ) -> None:
        limits = limits_of(*config) if config is not None else FieldLimits()
        super().__init__(
            default,
            datatype=datatype,
            unit=unit if unit is not None else limits.unit,
            label=label,
            help=help,
            persist=persist,
            display=display,
        )
        self.ge = ge if ge is not None else limits.ge
        self.le = le if le is not None else limits.le
        self.clamp = clamp
        self.choices = choices
        self.config = config
        self.cli = cli
        self.le_by_model = le_by_model
        self.suggestion = suggestion

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the attribute's name, and the choices of a literal type."""
        super().__set_name__(owner, name)
        declared = self.declared_type()
        if self.choices is None and get_origin(declared) is Literal:
            self.choices = get_args(declared)

    def decode(self, payload: bytes | str) -> T:
        """Return the typed value of a command; raise `SettingError` stating what is expected."""
        return self.check(cast(T, parse_payload(self.name, self.datatype, payload)))

    def parse(self, value: T | str) -> T:
        """Return the checked value of a constructor's argument, which may be text from the command line."""
        return self.decode(value) if isinstance(value, str) else self.check(value)

    def check(self, value: T) -> T:
        """Return the value if the setting accepts it; raise `SettingError` otherwise."""
        if self.choices is not None and value not in self.choices:
            raise SettingError(f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}")
        if self.datatype in ("float", "integer") and value is not None:
            if isinstance(value, bool) or not isinstance(value, Real):
                raise SettingError(f"{self.name} must be {self.range_text()}, not {value!r:.40}")
            self._check_number(cast(float, value))
        return value

    def for_model(self, model: object) -> Setting[T]:
        """Return the setting with the upper bound of a unit's `ReactorModel`, where that is the lower one."""
        if self.le_by_model is None:
            return self
        most = float(getattr(model, self.le_by_model))
        narrowed = copy.copy(self)
        narrowed.le = most if self.le is None else min(self.le, most)
        return narrowed

    def on_unit(self, model: Callable[[], object]) -> Setting[T]:
        """Return the setting with the bounds of the unit; the model is read only where it bounds the setting."""
        return self if self.le_by_model is None else self.for_model(model())

    @property
    def _bounds(self) -> tuple[float, float]:
        return self.ge if self.ge is not None else -math.inf, self.le if self.le is not None else math.inf

    def _check_number(self, value: float) -> None:
        low, high = self._bounds
        is_accepted = not math.isnan(value) if self.clamp else -math.inf < value < math.inf and low <= value <= high
        if is_accepted and self.datatype == "integer" and value % 1 != 0:
            raise SettingError(f"{self.name} must be a whole number, not {value}")
        if not is_accepted:
            raise SettingError(f"{self.name} must be {self.range_text()}, not {value}")

    def clamped(self, value: T) -> T:
        """Return the value, or the nearest bound for a number outside of the bounds of a setting with `clamp`."""
        if not self.clamp or not isinstance(value, int | float):
            return value
        low, high = self._bounds
        return value if low <= value <= high else cast(T, float(min(max(value, low), high)))

    def range_text(self) -> str:
        """Return the bounds in words, with the unit; "a number" if there are none."""
        unit = f" {self.unit}" if self.unit else ""
        if self.ge is not None and self.le is not None:
            return f"between {self.ge:g} and {self.le:g}{unit}"
        if self.ge is not None:
            return f"at least {self.ge:g}{unit}"
        if self.le is not None:
            return f"at most {self.le:g}{unit}"
        return "a number" + (f" of{unit}" if unit else "")


AnySetting: TypeAlias = Setting[Any]
"""A setting whose type does not matter."""


def from_declaration(name: str, declared: Mapping[str, object], default: object = None) -> AnyAttribute:
    """Return the attribute of one entry of a plugin's `published_settings`; raise `ValueError` if it is malformed."""
    unknown = set(declared) - _DECLARABLE
    if unknown:
        raise ValueError(f"setting {name!r}: unknown {', '.join(sorted(unknown))}; known are {sorted(_DECLARABLE)}")
    if "datatype" not in declared or "settable" not in declared:
        raise ValueError(f"setting {name!r} must state its datatype and whether it is settable")
    if not isinstance(declared["settable"], bool):
        raise ValueError(f"setting {name!r}: settable must be True or False")
    entry = cast(PublishableSetting, declared)
    kind = Setting[object] if entry["settable"] else Status[object]
    datatype = _PYTHON_NAMES.get(entry["datatype"], entry["datatype"])
    if not entry["settable"] and datatype not in DATATYPES:
        datatype = "json"  # a plugin's own struct, which is only published
    attribute = kind(
        default,
        datatype=datatype,
        unit=entry.get("unit"),
        label=name.replace("_", " ").capitalize(),
        persist=bool(entry.get("persist", False)),
    )
    attribute.__set_name__(object, name)
    return attribute


def declare(cls: type, name: str, properties: Mapping[str, object]) -> None:
    """Put the attribute of one entry of `published_settings` on a class, with the default or property of its name."""
    present = cls.__dict__.get(name)
    if present is None and isinstance(inherited := inspect.getattr_static(cls, name, None), property):
        present = inherited
    if isinstance(present, PublishedAttribute):
        attribute = from_declaration(name, properties, present.default)
        attribute.wrapped = present.wrapped
        setattr(cls, name, attribute)
    elif not callable(present):
        setattr(cls, name, _around(from_declaration(name, properties), present))


def _around(attribute: AnyAttribute, present: object) -> AnyAttribute:
    """Return the attribute with what stands in the class under its name: a property, or else its default."""
    if isinstance(present, property):
        attribute.wrapped = present
    else:
        attribute.default = present
    return attribute


def install_declared(cls: type) -> None:
    """Turn the `published_settings` dictionary of a class into descriptors, and complete it with those of its bases.

    A plain value in the class under the name of an inherited attribute is that attribute's new default.
    """
    declared: dict[str, Mapping[str, object]] = dict(cls.__dict__.get("published_settings", {}))
    for name, properties in declared.items():
        if not isinstance(cls.__dict__.get(name), PublishedAttribute):
            declare(cls, name, properties)
    for name, inherited in published_of(*cls.__bases__).items():
        present = cls.__dict__.get(name, inherited)
        if not (isinstance(present, PublishedAttribute) or callable(present)):
            setattr(cls, name, _around(copy.copy(inherited), present))
    cls.published_settings = {  # type: ignore[attr-defined]
        **declared,
        **{name: attribute.describe() for name, attribute in published_of(cls).items()},
    }


def published_of(*classes: type) -> dict[str, AnyAttribute]:
    """Return the published attributes of job classes by name, those of base classes first."""
    found: dict[str, AnyAttribute] = {}
    for cls in reversed(classes):
        for base in reversed(cls.__mro__):
            for name, value in vars(base).items():
                if isinstance(value, PublishedAttribute):
                    found[name] = value
    return found


def check_initial_values(job: object, model: Callable[[], object]) -> None:
    """Raise `SettingError` for a value with which a job would begin although its setting does not accept it.

    It may come from the configuration or from a caller. `model` returns the `ReactorModel` of the unit.
    Settings without bounds and choices accept anything.
    """
    for setting in (one.on_unit(model) for one in settings_of(type(job)).values()):
        value = setting.value_of(job)
        if value is not None and (setting.ge, setting.le, setting.choices) != (None, None, None):
            setting.check(value)


def settings_of(cls: type) -> dict[str, AnySetting]:
    """Return the settings of a job class by name, those of base classes first."""
    return {name: value for name, value in published_of(cls).items() if isinstance(value, Setting)}
