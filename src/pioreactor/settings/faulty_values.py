"""Values that do not fit their key: they are skipped, and what stood before them stays in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from pioreactor.exc import ConfigurationError
from pioreactor.settings.fields import FieldDescription, NotAcceptedError, describe, read
from pioreactor.settings.ini import Sections
from pioreactor.settings.schema import MAPS, SECTIONS, MapSection, SettingFault, Settings

_INFRASTRUCTURE: Final = (
    *("mqtt", "cluster.topology", "cluster.addresses", "local_access_point", "logging", "storage", "journal"),
    *("resume", "monitor.config", "ui", "ui_basic_auth", "ui.overview.settings", "ui.overview.charts"),
    "ui.overview.cards",
)
"""Sections that every process uses: their defaults stand, so that commands and logs still reach the unit."""

_SECTION_OF: Final = {
    **{attribute: name for name, (attribute, _) in SECTIONS.items() if name not in _INFRASTRUCTURE},
    **{section.attribute: name for name, section in MAPS.items() if name not in _INFRASTRUCTURE},
}


_FILES: Final = {"global": "config.ini", "local": "unit_config.ini", "override": "command line"}


def without_faults(where: str, sections: Sections) -> tuple[Sections, list[SettingFault]]:
    """Return the sections of one file without the values that do not fit, and those values."""
    faults: list[SettingFault] = []
    good: Sections = {}
    for name, keys in sections.items():
        if name in SECTIONS:
            found = _faults_of_section(where, name, keys)
        elif name in MAPS:
            found = _faults_of_map(where, name, keys, MAPS[name])
        else:
            found = []
        faults += found
        bad = {fault.key for fault in found}
        if bad.issuperset(keys) and bad:
            continue  # a map whose every pair is wrong does not replace the shipped one
        good[name] = {key: value for key, value in keys.items() if key not in bad}
    return good, faults


def _faults_of_section(where: str, name: str, keys: Mapping[str, str | None]) -> list[SettingFault]:
    faults = []
    for field in describe(SECTIONS[name][1]):
        if field.key not in keys:
            continue
        value = keys[field.key]
        try:
            read(value, field.type)
        except NotAcceptedError as error:
            shown = "(hidden)" if field.is_secret else repr("" if value is None else value)
            faults.append(SettingFault(name, field.key, f"{where}: [{name}] {field.key} = {shown}: expected {error}"))
    return faults


def _faults_of_map(where: str, name: str, keys: Mapping[str, str | None], section: MapSection) -> list[SettingFault]:
    faults = []
    for key, value in keys.items():
        if section.keys is not None and key not in section.keys:
            message, remedy = f"{where}: [{name}] {key}: is not a channel", f"Use {', '.join(section.keys)}."
            faults.append(SettingFault(name, key, message, remedy))
        elif section.values is not None and (value if value is not None else "") not in section.values:
            words = ", ".join(word for word in section.values if word)
            message = f"{where}: [{name}] {key} = {value!r}: expected one of {words}, or blank"
            faults.append(SettingFault(name, key, message))
    return faults


def without_ambiguous_channels(merged: Sections) -> list[SettingFault]:
    """Remove roles that are on two channels, and a second reference photodiode: the output would be ambiguous.

    The first channel keeps the role.
    """
    faults = []
    for name in ("PWM", "leds"):
        owner: dict[str, str] = {}
        for channel, role in list(merged[name].items()):
            if role and role in owner:
                message = f"[{name}]: {role} is on channel {owner[role]} and on channel {channel}"
                faults.append(SettingFault(name, channel, message))
                del merged[name][channel]
            elif role:
                owner[role] = channel
    photodiodes = "od_config.photodiode_channel"
    references = [channel for channel, angle in merged[photodiodes].items() if angle == "REF"]
    for channel in references[1:]:
        message = f"[{photodiodes}]: channels {' and '.join(references)} are both REF"
        faults.append(SettingFault(photodiodes, channel, message, "Keep one reference photodiode."))
        del merged[photodiodes][channel]
    return faults


def within_model(settings: Settings, model: object) -> Settings:
    """Return the settings without the values above a bound of the unit's `ReactorModel`; those are listed as faults.

    The shipped default stands, or the bound where the default is above it.
    """
    changed: dict[str, msgspec.Struct] = {}
    faults: list[SettingFault] = []
    for name, attribute, field in _bounded_by_model():
        section = changed.get(attribute, object.__getattribute__(settings, attribute))
        most, value = float(getattr(model, str(field.le_by_model))), getattr(section, field.key)
        if value <= most:
            continue
        assert isinstance(field.default, float)
        changed[attribute] = msgspec.structs.replace(section, **{field.key: min(field.default, most)})
        source = settings.sources.get((name, field.key), "default")
        if source != "default":
            message = f"{_FILES.get(source, source)}: [{name}] {field.key} = {value:g}: expected a number from 0 to "
            faults.append(SettingFault(name, field.key, f"{message}{most:g} [{field.unit}] for the model of this unit"))
    if not changed:
        return settings
    plain = {each.name: object.__getattribute__(settings, each.name) for each in fields(Settings)}
    return Settings(**{**plain, **changed, "faults": (*settings.faults, *faults)})


def is_bounded_by_model(section: str, key: str) -> bool:
    """Return whether the upper bound of a value belongs to the unit's model."""
    return any((section, key) == (name, field.key) for name, _, field in _bounded_by_model())


@lru_cache(maxsize=1)
def _bounded_by_model() -> list[tuple[str, str, FieldDescription]]:
    """Return section, attribute and key of the values whose upper bound belongs to the unit's model."""
    return [
        (name, attribute, field)
        for name, (attribute, type_) in SECTIONS.items()
        for field in describe(type_)
        if field.le_by_model is not None
    ]


def refuse(faults: Iterable[SettingFault]) -> None:
    """Raise `ConfigurationError` with all faults, if there are any."""
    faults = list(faults)
    if faults:
        remedies = [fault.remedy for fault in faults if fault.remedy is not None]
        raise ConfigurationError(
            "; ".join(dict.fromkeys(fault.message for fault in faults)), remedy=remedies[0] if remedies else None
        )


class RefusingSettings(Settings):
    """Settings that raise `ConfigurationError` when a section is used of which a value was skipped."""

    if not TYPE_CHECKING:

        def __getattribute__(self, name: str) -> object:
            section = _SECTION_OF.get(name)
            if section is not None:
                refuse(self.faults_of(section))
            return super().__getattribute__(name)


def refusing(settings: Settings) -> Settings:
    """Return settings that refuse the use of a faulty section; the same settings if none is faulty."""
    if not settings.faults:
        return settings
    return RefusingSettings(**{field.name: getattr(settings, field.name) for field in fields(Settings)})
