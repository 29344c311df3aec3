"""The configuration under the names plugins import: `config` is always that of the unit the code runs for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pioreactor.private_files import write_atomically
from pioreactor.runtime.context import current
from pioreactor.settings import editing
from pioreactor.settings.parser import ConfigParserMod as ConfigParserMod


class _CurrentConfig:
    """Behaves as the raw parser of the current unit. Importing it reads no file; asking it does."""

    def __getattr__(self, name: str) -> Any:
        return getattr(current().settings.raw, name)

    def __getitem__(self, section: str) -> Any:
        return current().settings.raw[section]

    def __contains__(self, section: object) -> bool:
        return section in current().settings.raw

    def __iter__(self) -> Iterator[str]:
        return iter(current().settings.raw)


config: Any = _CurrentConfig()


def get_config() -> ConfigParserMod:
    """Return the raw parser of the current unit."""
    return current().settings.raw


def get_leader_hostname() -> str:
    """Return the leader's name; blank where none is configured."""
    return current().settings.cluster.leader_hostname


def get_leader_address() -> str:
    return current().settings.cluster.leader_address


def set_config_value_in_file(path: Path | str, section: str, key: str, value: str) -> None:
    """Write one value into a configuration file; comments and layout stay, and the file is replaced at once."""
    editing.set_value(Path(path), section, key, value)


def replace_or_append_config_entry(text: str, section: str, key: str, value: str) -> str:
    """Return the text of a configuration file with the value set."""
    return editing.with_value(text, section, key, value)


def remove_config_values_in_file(path: Path | str, places: Iterable[tuple[str, str]]) -> None:
    """Remove keys, given as (section, key), from a configuration file; comments and layout stay."""
    editing.remove_values(Path(path), places)


def write_config_text(path: Path | str, text: str) -> None:
    """Replace a configuration file at once and durably; its mode stays."""
    write_atomically(Path(path), text)


def __getattr__(name: str) -> Any:
    if name == "leader_hostname":
        return get_leader_hostname()
    if name == "leader_address":
        return get_leader_address()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
