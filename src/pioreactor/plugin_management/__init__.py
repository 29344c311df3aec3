"""Plugins: Python files in the plugins folder, and installed packages with the plugin entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pioreactor.public_names import load_on_access

if TYPE_CHECKING:
    from pioreactor.plugin_management.discovery import Plugin as Plugin
    from pioreactor.plugin_management.discovery import get_plugins as get_plugins
    from pioreactor.plugin_management.discovery import job_classes as job_classes
    from pioreactor.plugin_management.discovery import jobs_of as jobs_of

# Most units have no plugins, and each job would pay for their discovery at its start.
__getattr__ = load_on_access(
    __name__, dict.fromkeys(("Plugin", "get_plugins", "job_classes", "jobs_of"), f"{__name__}.discovery")
)
