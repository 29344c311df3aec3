"""Plugins: Python files in the plugins folder, and installed packages that say they are plugins."""

from pioreactor.plugin_management.discovery import Plugin as Plugin
from pioreactor.plugin_management.discovery import classes_of_plugins as classes_of_plugins
from pioreactor.plugin_management.discovery import get_plugins as get_plugins
