"""Configuration of the existing software: which keys come over, and which do not, and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConfigurationError
from pioreactor.private_files import write_atomically
from pioreactor.settings.editing import with_value
from pioreactor.settings.ini import Sections, parse_ini_tolerantly, read_ini_tolerantly
from pioreactor.settings.load import faults_of_text
from pioreactor.settings.schema import SettingFault

_OF_THIS_CLUSTER: Final = frozenset(
    {
        "cluster.topology",
        "cluster.addresses",
        "mqtt",
        "ui",
        "storage",
        "logging",
        "local_access_point",
        "network.topology",
    }
)
"""Sections that describe machines and services: this cluster has its own."""


class KeyPlan(msgspec.Struct):
    """A key of a file; `present` is its value here, empty if there is none."""

    file: str
    section: str
    key: str
    value: str
    present: str = ""
    reason: str = ""


def plan_keys(theirs: Path, ours: Path, shared: Path | None = None) -> list[KeyPlan]:
    """Return the keys of a file that differ from ours. With `shared` the file is that of a unit."""
    before, _ = read_ini_tolerantly(theirs)
    present, _ = read_ini_tolerantly(ours)
    text, found = _text(ours), []
    faults = faults_of_text if shared is None else partial(faults_of_text, _text(shared))
    for section, key, value in _values(before):
        now = present.get(section, {}).get(key)
        if now == value:
            continue
        planned = KeyPlan(ours.name, section, key, value, now if now is not None else "")
        if section in _OF_THIS_CLUSTER or section.startswith(("cluster.", "mqtt")):
            planned.reason = "this cluster has its own"
        else:
            text, planned.reason = _tried(faults, text, planned)
        found.append(planned)
    return found


def apply_keys(plans: list[KeyPlan], ours: Path) -> None:
    """Write the keys of a plan into a file, in one step."""
    text = _text(ours)
    for planned in plans:
        if not planned.reason:
            text = with_value(text, planned.section, planned.key, planned.value)
    write_atomically(ours, text)


def _tried(faults: Callable[[str], list[SettingFault]], text: str, planned: KeyPlan) -> tuple[str, str]:
    """Return the text with a key if it fits there, and otherwise the text as it was and the reason."""
    try:
        changed = with_value(text, planned.section, planned.key, planned.value)
        parse_ini_tolerantly(changed, where=planned.file)
        added = set(faults(changed)) - set(faults(text))
    except ConfigurationError as error:
        return text, str(error)
    return (text, "; ".join(str(fault) for fault in added)) if added else (changed, "")


def _values(sections: Sections) -> list[tuple[str, str, str]]:
    return [
        (section, key, value)
        for section, keys in sections.items()
        for key, value in keys.items()
        if value is not None and "\n" not in value
    ]


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
