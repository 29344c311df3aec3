"""Loading of the shared and the unit's own configuration file into `Settings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pioreactor.settings.faulty_values import refuse, within_model, without_ambiguous_channels, without_faults
from pioreactor.settings.fields import BLANK
from pioreactor.settings.ini import Sections, parse_ini, parse_ini_tolerantly, read_ini_tolerantly
from pioreactor.settings.key_advice import Advice, adopt
from pioreactor.settings.overrides import Override
from pioreactor.settings.parser import ConfigParserMod
from pioreactor.settings.schema import MAPS, SECTIONS, SettingFault, Settings, Source, default_sections, read_section

_Layer = tuple[Source, str, Sections]


def load_settings(
    shared_path: Path | None = None,
    local_path: Path | None = None,
    overrides: Sequence[Override] = (),
    *,
    machine_defaults: Mapping[str, Mapping[str, str]] | None = None,
) -> Settings:
    """Read both files (either may be absent) and return the settings.

    The unit's own file wins over the shared one, and `overrides` over both. `machine_defaults` replaces shipped
    defaults that depend on the machine (paths of its databases).

    What cannot be read is skipped and listed in `faults`; what it would have replaced stays in force. So whatever
    stops or repairs something works with any file. Raises `ConfigurationError` for a wrong override only.
    """
    shared, shared_faults = read_ini_tolerantly(shared_path)
    local, local_faults = read_ini_tolerantly(local_path)
    settings = settings_of(
        shared,
        local,
        overrides,
        machine_defaults=machine_defaults,
        shared_name=str(shared_path),
        local_name=str(local_path),
    )
    files = [SettingFault("", "", message) for message in (*shared_faults, *local_faults)]
    return replace(settings, faults=(*files, *settings.faults)) if files else settings


def settings_of_text(shared: str, local: str = "", overrides: Sequence[Override] = ()) -> Settings:
    """Return the settings of the texts of both files; raise `ConfigurationError` naming everything that is wrong."""
    settings = settings_of(parse_ini(shared, where="config.ini"), parse_ini(local, where="unit_config.ini"), overrides)
    refuse(settings.faults)
    return settings


def faults_of_text(shared: str, local: str = "", model: object | None = None) -> list[SettingFault]:
    """Return what is wrong with the texts of both files, on a unit of a `ReactorModel` if one is given."""
    sections, messages = parse_ini_tolerantly(shared, where="config.ini")
    own, more = parse_ini_tolerantly(local, where="unit_config.ini")
    settings = settings_of(sections, own)
    if model is not None:
        settings = within_model(settings, model)
    return [*(SettingFault("", "", message) for message in (*messages, *more)), *settings.faults]


def settings_of(
    shared: Sections,
    local: Sections,
    overrides: Sequence[Override] = (),
    *,
    machine_defaults: Mapping[str, Mapping[str, str]] | None = None,
    shared_name: str = "config.ini",
    local_name: str = "unit_config.ini",
) -> Settings:
    """Return the settings of parsed files; values that do not fit are skipped and listed in `faults`."""
    machine: Sections = {name: dict(keys) for name, keys in (machine_defaults or {}).items()}
    temporary: Sections = {}
    for section, key, value in overrides:
        temporary.setdefault(section, {})[key] = value
    layers: list[_Layer] = [
        ("default", "shipped defaults", default_sections()),
        ("default", "defaults of this machine", machine),
    ]
    faults: list[SettingFault] = []
    advice: list[Advice] = []
    given: list[_Layer] = [
        ("global", shared_name, shared), ("local", local_name, local), ("override", "command line", temporary),
    ]  # fmt: skip
    for source, where, written in given:
        adopted, unknown = adopt(where, written)
        sections, found = without_faults(where, adopted)
        if source == "override":
            refuse(found)
        layers.append((source, where, sections))
        faults += found
        advice += unknown
    merged, sources = _merge(layers)
    faults += without_ambiguous_channels(merged)
    _derive(merged, sources)
    raw = ConfigParserMod(default_section="\0")
    raw.read_dict(merged)
    warnings = [note.message(lambda section, key: merged.get(section, {}).get(key)) for note in advice]
    return Settings(**_typed(merged), raw=raw, sources=sources, faults=tuple(faults), warnings=tuple(warnings))


def _merge(layers: Sequence[_Layer]) -> tuple[Sections, dict[tuple[str, str], Source]]:
    merged: Sections = {}
    sources: dict[tuple[str, str], Source] = {}
    for source, _, sections in layers:
        for name, keys in sections.items():
            if name in MAPS and source == "global":
                merged[name] = {}
            for key, value in keys.items():
                merged.setdefault(name, {})[key] = value
                sources[name, key] = source
    return merged, {place: source for place, source in sources.items() if place[1] in merged.get(place[0], {})}


def _derive(merged: Sections, sources: dict[tuple[str, str], Source]) -> None:
    for name in ("leds", "PWM"):
        reverse: dict[str, str | None] = {value: key for key, value in merged[name].items() if value}
        _put(merged, sources, f"{name}_reverse", reverse)
    photodiodes = merged["od_config.photodiode_channel"]
    for channel in [channel for channel, angle in photodiodes.items() if not angle]:
        del photodiodes[channel]
        sources.pop(("od_config.photodiode_channel", channel), None)
    topology = merged["cluster.topology"]
    leader, address = topology.get("leader_hostname"), topology.get("leader_address")
    if leader and address:
        _put(merged, sources, "cluster.addresses", {leader: address})
    listed = merged["mqtt"].get("broker_address")
    first = (listed if listed is not None else "").split(";")[0].strip()
    if first != listed:
        _put(merged, sources, "mqtt", {"broker_address": first})


def _put(
    merged: Sections, sources: dict[tuple[str, str], Source], section: str, pairs: Mapping[str, str | None]
) -> None:
    merged.setdefault(section, {}).update(pairs)
    sources.update({(section, key): "derived" for key in pairs})


def _typed(merged: Sections) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, (attribute, type_) in SECTIONS.items():
        typed[attribute] = read_section(name, merged.get(name, {}), type_)
    for name, section in MAPS.items():
        typed[section.attribute] = {key: value for key, value in merged.get(name, {}).items() if value not in BLANK}
    return typed
