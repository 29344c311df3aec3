"""Responses of the leader as structs; the types of the UI are generated from their schema."""

from collections.abc import Mapping

import msgspec


class Status(msgspec.Struct, omit_defaults=True):
    status: str = "success"
    msg: str | None = None


class UnitName(msgspec.Struct):
    pioreactor_unit: str


class WorkerRow(msgspec.Struct):
    pioreactor_unit: str
    added_at: str
    is_active: int
    model_name: str | None = None
    model_version: str | None = None
    ipv4_address: str | None = None
    """Null unless the configured address is an IPv4 literal."""


class ReactorModel(msgspec.Struct):
    model_name: str
    model_version: str
    display_name: str
    reactor_capacity_ml: float
    reactor_diameter_mm: float
    reactor_max_fill_volume_ml: float
    max_temp_to_reduce_heating: float
    max_temp_to_disable_heating: float
    max_temp_to_shutdown: float
    is_legacy: bool = False
    is_contrib: bool = False


class Models(msgspec.Struct):
    models: list[ReactorModel]


class ConfigSaved(msgspec.Struct):
    """A file was saved; `units` is the answer of each worker that is to have it."""

    status: str
    units: Mapping[str, object]


class ConfigsOfUnits(msgspec.Struct):
    configs: dict[str, dict[str, dict[str, object]]]
    errors: dict[str, object]
