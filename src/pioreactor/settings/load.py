"""Loading of the shared and the unit's own configuration file into `Settings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pioreactor.exc import ConfigurationError
from pioreactor.settings.fields import describe
from pioreactor.settings.ini import Sections, parse_ini, read_ini
from pioreactor.settings.overrides import Override
from pioreactor.settings.parser import ConfigParserMod
from pioreactor.settings.schema import MAPS, SECTIONS, Settings, Source, default_sections, read_map, read_section

_Layer = tuple[Source, str, Sections]


def load_settings(
    shared_path: Path | None = None,
    local_path: Path | None = None,
    overrides: Sequence[Override] = (),
    *,
    machine_defaults: Mapping[str, Mapping[str, str]] | None = None,
) -> Settings:
    """Read both files (either may be absent) and return checked settings.

    The unit's own file wins over the shared one, and `overrides` over both. `machine_defaults` replaces shipped
    defaults that depend on the machine (paths of its databases). Raise `ConfigurationError`.
    """
    return settings_of(
        read_ini(shared_path) if shared_path is not None else {},
        read_ini(local_path) if local_path is not None else {},
        overrides,
        machine_defaults=machine_defaults,
        shared_name=str(shared_path),
        local_name=str(local_path),
    )


def settings_of_text(shared: str, local: str = "", overrides: Sequence[Override] = ()) -> Settings:
    """Return checked settings of the texts of both files."""
    return settings_of(parse_ini(shared, where="config.ini"), parse_ini(local, where="unit_config.ini"), overrides)


def settings_of(
    shared: Sections,
    local: Sections,
    overrides: Sequence[Override] = (),
    *,
    machine_defaults: Mapping[str, Mapping[str, str]] | None = None,
    shared_name: str = "config.ini",
    local_name: str = "unit_config.ini",
) -> Settings:
    """Return checked settings of parsed files."""
    machine: Sections = {name: dict(keys) for name, keys in (machine_defaults or {}).items()}
    temporary: Sections = {}
    for section, key, value in overrides:
        temporary.setdefault(section, {})[key] = value
    layers: list[_Layer] = [
        ("default", "shipped defaults", default_sections()),
        ("default", "defaults of this machine", machine),
        ("global", shared_name, shared),
        ("local", local_name, local),
        ("override", "command line", temporary),
    ]
    merged, sources = _merge(layers)
    _derive(merged, sources)
    files: dict[Source, str] = {source: where for source, where, _ in layers}
    files["default"] = "shipped defaults"
    typed = _typed(merged, sources, files)
    raw = ConfigParserMod(default_section="\0")
    raw.read_dict(merged)
    return Settings(**typed, raw=raw, sources=sources, warnings=tuple(_misspelled(layers)))


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


def _typed(merged: Sections, sources: Mapping[tuple[str, str], Source], files: Mapping[Source, str]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, (attribute, type_) in SECTIONS.items():
        typed[attribute] = read_section(name, merged.get(name, {}), type_, sources=sources, files=files)
    for name, section in MAPS.items():
        used = {sources.get((name, key), "default") for key in merged.get(name, {})}
        where = files.get("local" if "local" in used else "global", "config.ini")
        typed[section.attribute] = read_map(name, merged.get(name, {}), where=where)
    references = [channel for channel, angle in typed["photodiodes"].items() if angle == "REF"]
    if len(references) > 1:
        raise ConfigurationError(
            f"[od_config.photodiode_channel]: channels {' and '.join(references)} are both REF",
            remedy="Keep one reference photodiode.",
        )
    _check_duplicates("PWM", typed["pwm"])
    return typed


def _check_duplicates(name: str, pairs: Mapping[str, str]) -> None:
    """Raise `ConfigurationError` if a role is on two channels: the output would be ambiguous."""
    owner: dict[str, str] = {}
    for channel, role in pairs.items():
        if role in owner:
            raise ConfigurationError(f"[{name}]: {role} is on channel {owner[role]} and on channel {channel}")
        owner[role] = channel


def _misspelled(layers: Sequence[_Layer]) -> list[str]:
    """Return a warning for each unknown key that resembles a known one."""
    found = []
    for source, where, sections in layers:
        if source == "default":
            continue
        for name, keys in sections.items():
            if name not in SECTIONS:
                continue
            known = [f.key for f in describe(SECTIONS[name][1])]
            found += [
                f"{where}: [{name}] {key} is unknown. Did you mean {near}?"
                for key in keys
                if key not in known and (near := _nearest(key, known)) is not None
            ]
    return found


def _nearest(word: str, known: Sequence[str]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, n=1, cutoff=0.8)), None)
