"""Whether there are plugins at all, found out without importing what is needed to load them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

ENTRY_POINT_GROUP = "pioreactor.plugins"


def are_there_plugins(folder: Path, environment: Mapping[str, str] | None = None) -> bool:
    """Say whether files in the folder or installed packages may be plugins; none count with `SKIP_PLUGINS`."""
    env = os.environ if environment is None else environment
    if env.get("SKIP_PLUGINS"):
        return False
    return any(folder.glob("*.py")) or any_package_is_plugin()


def any_package_is_plugin(places: Iterable[str] | None = None) -> bool:
    """Say whether a package in these folders (default: `sys.path`) says that it brings plugins.

    It reads a small file for each package, a tenth of what `importlib.metadata` takes for the same.
    """
    wanted = f"[{ENTRY_POINT_GROUP}]"
    for place in sys.path if places is None else places:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208  a Path for each package costs more than reading it
        except OSError:
            # A zip file, or a place that is not there.
            continue
        for name in names:
            if name.endswith((".dist-info", ".egg-info")) and wanted in _entry_points_of(place, name):
                return True
    return False


def _entry_points_of(place: str, name: str) -> str:
    try:
        with open(f"{place or '.'}/{name}/entry_points.txt", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
