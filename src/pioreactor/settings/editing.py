"""Atomic changes of configuration files that preserve comments."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from pioreactor.exc import ConfigurationError
from pioreactor.private_files import locked_folder, write_atomically
from pioreactor.settings.faulty_values import refuse
from pioreactor.settings.ini import (
    Sections,
    normalize_dashes,
    parse_ini,
    parse_ini_tolerantly,
    read_ini,
    read_ini_tolerantly,
)
from pioreactor.settings.load import faults_of_text
from pioreactor.settings.schema import SettingFault

_HEADER = re.compile(r"^\[(?P<name>.+)\]")


def set_value(path: Path, section: str, key: str, value: str, *, check: Callable[[str], None] | None = None) -> None:
    """Write one value. `check` receives the new text and raises to reject it."""
    with locked_folder(path.parent):
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = with_value(before, section, key, value)
        if check is not None:
            check(after)
        write_atomically(path, after)


def remove_value(path: Path, section: str, key: str) -> None:
    """Remove every line that sets a value; a file or key that is absent is fine."""
    if not path.exists():
        return
    with locked_folder(path.parent):
        lines = path.read_text(encoding="utf-8").splitlines()
        places = _places(lines)
        kept = list(lines)
        for start in reversed([index for index, place in enumerate(places) if place == (section, key)]):
            del kept[start : _end_of_value(places, start)]
        if kept != lines:
            write_atomically(path, "\n".join(kept) + "\n")


def with_value(text: str, section: str, key: str, value: str) -> str:
    """Return the text with the value set; a new key is appended to its section."""
    _check_writable(section, key, value)
    lines = text.splitlines()
    line = f"{key}={value}"
    places = _places(lines)
    matching = [index for index, place in enumerate(places) if place == (section, key)]
    if matching:
        start = matching[-1]  # the last of duplicates is effective
        lines[start : _end_of_value(places, start)] = [line]
    else:
        _append(lines, places, section, line)
    return "\n".join(lines) + "\n"


def remove_values(path: Path, removed: Iterable[tuple[str, str]]) -> None:
    """Remove keys, given as (section, key), from a file; nothing is written when it has none of them."""
    if not path.exists():
        return
    with locked_folder(path.parent):
        before = path.read_text(encoding="utf-8")
        after = without(before, removed)
        if after != before:
            write_atomically(path, after)


def without(text: str, removed: Iterable[tuple[str, str]]) -> str:
    """Return the text without these keys, with all of their lines; everything else stays as it is."""
    wanted, lines = set(removed), text.splitlines(keepends=True)
    places = _places(lines)
    kept, index = [], 0
    while index < len(lines):
        end = _end_of_value(places, index)
        if places[index] not in wanted:
            kept += lines[index:end]
        index = end
    return "".join(kept)


def _end_of_value(places: list[tuple[str, str]], start: int) -> int:
    """Return the index after the last line that continues the value that begins at `start`."""
    continued = (places[start][0], "\0continued")
    end = start + 1
    while end < len(places) and places[end] == continued:
        end += 1
    return end


def _append(lines: list[str], places: list[tuple[str, str]], section: str, line: str) -> None:
    """Insert a line at the end of its section; append the section if it is missing."""
    inside = [index for index, place in enumerate(places) if place[0] == section and lines[index].strip()]
    if inside:
        lines.insert(inside[-1] + 1, line)
    else:
        lines += ([""] if lines and lines[-1].strip() else []) + [f"[{section}]", line]


def add_missing_keys(additional: Path, *, shared: Path, local: Path, is_leader: bool) -> list[str]:
    """Add the keys of a plugin's file that neither configuration file has yet; return them as `[section] key`.

    Sections `[ui.*]` go to the shared file, on the leader only; the others to that of the unit.
    """
    known = {place for file in (shared, local) for place in _values(read_ini_tolerantly(file)[0])}
    wanted = _values(read_ini(additional))
    added = [place for place in wanted if place not in known and (is_leader or not _is_shared(place[0]))]
    for section, key in added:
        set_value(shared if _is_shared(section) else local, section, key, wanted[section, key])
    return [f"[{section}] {key}" for section, key in added]


def _is_shared(section: str) -> bool:
    return section.startswith("ui.")


def changed_values(before: str, after: str) -> tuple[Sections, Sections]:
    """Return what differs between two texts of a configuration: former values, and present ones; None: no value."""
    old, new = (_values(parse_ini_tolerantly(text, where="text")[0]) for text in (before, after))
    differing = sorted(place for place in old.keys() | new.keys() if old.get(place) != new.get(place))
    went: Sections = {}
    came: Sections = {}
    for section, key in differing:
        went.setdefault(section, {})[key] = old.get((section, key))
        came.setdefault(section, {})[key] = new.get((section, key))
    return went, came


def _values(sections: Sections) -> dict[tuple[str, str], str]:
    return {(name, key): value for name, keys in sections.items() for key, value in keys.items() if value is not None}


def check_shared(text: str, *, known: Collection[SettingFault] = (), leader: str | None = None) -> str:
    """Return the normalized text of a shared configuration; raise `ConfigurationError` if it is invalid.

    `leader` is the unit that must be named as the leader, if it is given.

    Faults in `known` were there before, and do not keep anybody from correcting others.
    """
    text = normalize_dashes(text)
    sections = parse_ini(text, where="config.ini")
    topology = sections.get("cluster.topology", {})
    _check_topology(topology, leader, has_mqtt="mqtt" in sections)
    addresses = {
        "[cluster.topology] leader_address": topology["leader_address"],
        "[mqtt] broker_address": sections["mqtt"].get("broker_address"),
        **{f"[cluster.addresses] {unit}": at for unit, at in sections.get("cluster.addresses", {}).items()},
    }
    for place, address in addresses.items():
        if address and address.startswith(("http:", "https:")):
            raise ConfigurationError(f"config.ini: {place} = {address!r}: expected a host without http://")
    refuse(fault for fault in faults_of_text(text) if fault not in known)
    return text


def _check_topology(topology: Mapping[str, str | None], leader: str | None, *, has_mqtt: bool) -> None:
    """Raise `ConfigurationError` that names all that is missing, or another leader than `leader`."""
    needed = ("leader_hostname", "leader_address")
    missing = [f"[cluster.topology] {key} is missing or blank" for key in needed if not topology.get(key)]
    if not has_mqtt:
        missing.append("the section [mqtt] is missing")
    if missing:
        raise ConfigurationError(f"config.ini: {'; '.join(missing)}")
    if leader not in (None, topology["leader_hostname"]):
        raise ConfigurationError(
            f"config.ini: [cluster.topology] leader_hostname must be {leader}, which is the leader of this cluster"
        )


def check_local(shared: str, local: str, *, known: Collection[SettingFault] = (), model: object | None = None) -> str:
    """Return the normalized text of a unit's configuration; raise `ConfigurationError` if it is invalid.

    `model` is the unit's `ReactorModel`, which bounds some values. Faults of the shared configuration, and those in
    `known`, were there before.
    """
    local = normalize_dashes(local)
    before = {*faults_of_text(shared, model=model), *known}
    refuse(fault for fault in faults_of_text(shared, local, model) if fault not in before)
    return local


def check_models(after: str, before: str, units: Mapping[str, tuple[object, Callable[[], str]]]) -> None:
    """Raise `ConfigurationError` for values of a new shared configuration that the model of a unit does not allow.

    `units` gives the `ReactorModel` of each, and returns the text of its own configuration, whose values win.
    Faults of `before` do not keep anybody from correcting others.
    """
    units_of: dict[SettingFault, list[str]] = {}
    for unit, (model, own) in units.items():
        of_model = {*faults_of_text(after, model=model)} - {
            *faults_of_text(after),
            *faults_of_text(before, model=model),
        }
        if of_model:
            of_model &= {*faults_of_text(after, own(), model)}
        for fault in of_model:
            units_of.setdefault(fault, []).append(unit)
    remedy = "Set it for the units that allow it, in their unit_config.ini."
    refuse(
        SettingFault(fault.section, fault.key, f"{', '.join(of)}: {fault.message}", remedy)
        for fault, of in units_of.items()
    )


def _places(lines: list[str]) -> list[tuple[str, str]]:
    """Return for each line its section and the key it sets ("" for comments and headers)."""
    places: list[tuple[str, str]] = []
    section, in_value = "", False
    for line in lines:
        stripped = line.strip()
        header = _HEADER.match(stripped)
        if not stripped or stripped.startswith(("#", ";")):
            places.append((section, ""))
        elif line[0].isspace() and in_value:
            places.append((section, "\0continued"))
        elif header is not None:
            section, in_value = header["name"], False
            places.append((section, ""))
        else:
            in_value = True
            places.append((section, re.split(r"[=:]", stripped, maxsplit=1)[0].strip()))
    return places


def _check_writable(section: str, key: str, value: str) -> None:
    if not section.strip() or any(char in section for char in "]\n\r"):
        raise ConfigurationError(f"{section!r} is not a valid name of a section")
    if not key.strip() or key.strip() != key or any(char in key for char in "=:\n\r") or key[0] in "#;[":
        raise ConfigurationError(f"{key!r} is not a valid name of a key")
    if any(char in value for char in "\n\r\0"):
        raise ConfigurationError("a value must be a single line")
