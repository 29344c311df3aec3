"""Base of the descriptors that publish an attribute of a job: settings, measurements and states."""

from __future__ import annotations

import logging
import re
from types import NoneType, UnionType
from typing import (
    Any,
    ClassVar,
    Generic,
    Literal,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    overload,
)

from pioreactor.types import PublishableSetting, PublishableSettingDataType

T = TypeVar("T")
log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9]+(_[A-Za-z0-9]+)*")
DATATYPES: dict[str, PublishableSettingDataType] = {name: name for name in get_args(PublishableSettingDataType)}
PYTHON_DATATYPES: dict[object, PublishableSettingDataType] = {
    bool: "boolean",
    int: "integer",
    float: "float",
    str: "string",
    dict: "json",
    list: "json",
}


AnyAttribute: TypeAlias = "PublishedAttribute[Any]"
"""An attribute whose type does not matter."""


class Publisher(Protocol):
    """Interface that a class needs to have published attributes."""

    def _publish_attribute(self, attribute: AnyAttribute, value: object) -> None:
        """Publish a value that was assigned. Never blocks; before the job is registered it does nothing."""
        ...


class PublishedAttribute(Generic[T]):
    """Attribute of a job that is published (retained) when it is assigned.

    Access on the class returns the descriptor. Access on an instance returns the value: the default until a value is
    assigned, None if there is no default.

    The datatype in MQTT follows from the type parameter or else from the default. `label` and `unit` are for people;
    `persist` keeps the retained message after the job has ended; `display=False` hides the attribute in the UI.
    """

    settable: ClassVar[bool] = False

    def __init__(
        self,
        default: T | None = None,
        *,
        datatype: PublishableSettingDataType | None = None,
        unit: str | None = None,
        label: str | None = None,
        help: str | None = None,
        persist: bool = False,
        display: bool = True,
    ) -> None:
        if datatype is not None and datatype not in DATATYPES:
            raise ValueError(f"{datatype!r} is not a datatype of published settings")
        self.name = ""
        self.default = default
        self.datatype: PublishableSettingDataType = (
            datatype if datatype is not None else PYTHON_DATATYPES.get(type(default), "string")
        )
        self._infers_datatype = datatype is None
        self.unit = unit
        self.label = label
        self.help = help
        self.persist = persist
        self.display = display
        self.wrapped: property | None = None
        """Property of the class under the same name, which computes the value and takes the assignment."""

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the attribute's name; raise `ValueError` if it cannot be a level of a topic."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of a setting: letters, digits and single underscores only")
        self.name = name
        declared = self.declared_type()
        if self._infers_datatype and declared is not None:
            self.datatype = _datatype_of(declared)

    def declared_type(self) -> object | None:
        """Return the type parameter, as in `Setting[float]()`; None if the declaration does not state it."""
        alias = self.__dict__.get("__orig_class__")
        declared = next(iter(get_args(alias)), None)
        return getattr(declared, "__supertype__", declared)

    @overload
    def __get__(self, job: None, owner: type) -> Self: ...

    @overload
    def __get__(self, job: object, owner: type | None = None) -> T: ...

    def __get__(self, job: object | None, owner: type | None = None) -> Self | T | None:
        if job is None:
            return self
        return self.value_of(job) if self.wrapped is None else self._computed(job)

    def __set__(self, job: Publisher, value: T) -> None:
        assigned: object = value
        if self.datatype == "float" and isinstance(value, int) and not isinstance(value, bool):
            assigned = float(value)
        if self.wrapped is not None:
            self.wrapped.__set__(job, assigned)
            assigned = self.value_of(job)
        else:
            job.__dict__[self.name] = assigned
        job._publish_attribute(self, assigned)

    def __delete__(self, job: object) -> None:
        job.__dict__.pop(self.name, None)

    def value_of(self, job: object) -> T | None:
        """Return the value on an instance; None if there is neither one nor a default, or none can be computed."""
        if self.wrapped is not None:
            try:
                return self._computed(job)
            except Exception as error:  # noqa: BLE001  a property of a plugin may raise anything before there is a value
                log.debug("%s has no value yet: %s", self.name, error)
                return None
        value: T | None = job.__dict__.get(self.name, self.default)
        return value

    def _computed(self, job: object) -> T | None:
        computed: T | None = None if self.wrapped is None else self.wrapped.__get__(job, type(job))
        return computed

    def in_words(self) -> str:
        """Return the label as it stands within a sentence."""
        label = self.label if self.label is not None else self.name.replace("_", " ")
        return label if label[1:2].isupper() else label[:1].lower() + label[1:]

    def value_text(self, value: object, *, with_unit: bool = True) -> str:
        """Return a value as text for people, at most 40 characters of it, with the unit."""
        text = f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else f"{value!s:.40}"
        return f"{text} {self.unit}" if with_unit and self.unit is not None else text

    def describe(self) -> PublishableSetting:
        """Return the declaration as an entry of `published_settings`."""
        declared = PublishableSetting(datatype=self.datatype, settable=self.settable, persist=self.persist)
        if self.unit is not None:
            declared["unit"] = self.unit
        return declared


class Status(PublishedAttribute[T]):
    """Read-only state of a job that is not measured, such as whether a button is down."""


def _datatype_of(declared: object) -> PublishableSettingDataType:
    """Return the datatype of a type parameter; JSON for any type that has no datatype of its own."""
    if get_origin(declared) in (Union, UnionType):
        declared = next(part for part in get_args(declared) if part is not NoneType)
    origin = get_origin(declared)
    if origin is Literal:
        declared = type(get_args(declared)[0])
    elif origin is not None:
        declared = origin
    known = PYTHON_DATATYPES.get(declared)
    if known is not None:
        return known
    return DATATYPES.get(getattr(declared, "__name__", ""), "json")
