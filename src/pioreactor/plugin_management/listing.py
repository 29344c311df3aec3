"""The plugins of a unit with their state: in use, disabled, failed, or waiting for a restart."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from pioreactor.plugin_management.discovery import Plugin, failures, get_plugins
from pioreactor.plugin_management.plugin_folder import PluginFolder

State = Literal["enabled", "disabled", "failed", "restart"]


class ListedPlugin(msgspec.Struct):
    """A plugin; with the state `restart` this process still uses what was there before it was changed."""

    name: str
    version: str
    source: str
    author: str
    description: str
    homepage: str
    key: str = ""
    """Name by which it is changed; empty if it was installed into the environment of the software."""
    state: State = "enabled"
    note: str = ""
    """Why it is not in use."""
    origin: str = ""
    """What it was installed from."""
    installed_at: str = ""


def list_plugins(path: Path) -> list[ListedPlugin]:
    """Return all plugins of a folder and of this environment by name; they are imported if they were not yet."""
    imported = get_plugins(path)
    folder, failed = PluginFolder(path), failures(path)
    disabled, keys = folder.disabled(), folder.all_keys()
    rows = [
        _listed(folder, plugin.key, disabled, keys, name=name, plugin=plugin)
        for name, plugin in imported.items()
        if plugin.key in keys or (plugin.source == "entry_points" and not _is_below(plugin, folder.packages))
    ]
    shown = {row.key for row in rows}
    for key in dict.fromkeys([*keys, *failed, *disabled]):
        if key not in shown and (key in keys or key in failed):
            row = _listed(folder, key, disabled, keys)
            if row.state == "enabled":
                row.state = "failed"
                row.note = failed.get(key, "it was not imported")
            rows.append(row)
    return sorted(rows, key=lambda row: row.name.lower())


def _is_below(plugin: Plugin, folder: Path) -> bool:
    return folder in Path(str(getattr(plugin.module, "__file__", ""))).parents


def _listed(
    folder: PluginFolder,
    key: str,
    disabled: dict[str, str],
    keys: list[str],
    *,
    name: str = "",
    plugin: Plugin | None = None,
) -> ListedPlugin:
    record = folder.record(key)
    row = ListedPlugin(
        name or key,
        record.version or "unknown",
        f"plugins/{key}" if key.endswith(".py") else "entry_points",
        "",
        "",
        "",
        key=key if key in keys else "",
        origin=record.origin,
        installed_at=record.installed_at,
    )
    if plugin is not None:
        row.version, row.source, row.author = plugin.version, plugin.source, plugin.author
        row.description, row.homepage = plugin.description, plugin.homepage
    if key in disabled:
        row.state, row.note = "disabled", disabled[key]
    elif plugin is not None and record.version not in ("", plugin.version):
        row.state, row.note = "restart", f"version {record.version} is used from the next restart on"
    return row
