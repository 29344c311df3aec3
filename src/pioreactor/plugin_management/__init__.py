"""Plugins: Python files in the plugins folder, and installed packages with the plugin entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pioreactor.plugin_management.discovery import Plugin as Plugin
    from pioreactor.plugin_management.discovery import get_plugins as get_plugins
    from pioreactor.plugin_management.discovery import job_classes as job_classes
    from pioreactor.plugin_management.discovery import jobs_of as jobs_of

_NAMES: Final = ("Plugin", "get_plugins", "job_classes", "jobs_of")


def __getattr__(name: str) -> object:
    """Import the discovery on first access: most units have no plugins, and each job would pay for it at its start."""
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pioreactor.plugin_management import discovery

    return getattr(discovery, name)
