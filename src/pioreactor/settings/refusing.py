"""Settings of a process that must not run on values that were skipped of the files."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from pioreactor.settings.faults import refuse
from pioreactor.settings.schema import MAPS, SECTIONS, Settings

_INFRASTRUCTURE: Final = (
    *("mqtt", "cluster.topology", "cluster.addresses", "local_access_point", "logging", "storage", "journal"),
    *("resume", "monitor.config", "ui", "ui_basic_auth", "ui.overview.settings", "ui.overview.charts"),
    "ui.overview.cards",
)
"""Sections that every process uses: their defaults stand, so that commands and logs still reach the unit."""

_SECTION_OF: Final = {
    **{attribute: name for name, (attribute, _) in SECTIONS.items() if name not in _INFRASTRUCTURE},
    **{section.attribute: name for name, section in MAPS.items() if name not in _INFRASTRUCTURE},
}


class RefusingSettings(Settings):
    """Settings that raise `ConfigurationError` when a section is used of which a value was skipped."""

    if not TYPE_CHECKING:

        def __getattribute__(self, name: str) -> object:
            section = _SECTION_OF.get(name)
            if section is not None:
                refuse(self.faults_of(section))
            return super().__getattribute__(name)


def refusing(settings: Settings) -> Settings:
    """Return settings that refuse the use of a faulty section; the same settings if none is faulty."""
    if not settings.faults:
        return settings
    return RefusingSettings(**{field.name: getattr(settings, field.name) for field in fields(Settings)})
