"""Configuration as text values, with the interface that plugins use: `get`, `getint`, `getfloat`, `getboolean`."""

import configparser
from typing import Any

from pioreactor.exc import ConfigurationError


class ValueNotAcceptedError(ConfigurationError, ValueError):
    """A configuration value is not of the requested type; also a `ValueError`, for callers that expect one."""


class ConfigParserMod(configparser.ConfigParser):
    """INI with case-sensitive keys, keys without values, and duplicates of which the last wins.

    `%` is an ordinary character. A missing section or key raises `configparser.NoSectionError` or
    `NoOptionError`, unless `fallback` is given.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        options: dict[str, Any] = {"strict": False, "allow_no_value": True, "interpolation": None}
        super().__init__(*args, **(options | kwargs))

    def optionxform(self, optionstr: str) -> str:
        return optionstr

    def getint(self, section: str, option: str, **kwargs: Any) -> Any:
        return self._converted(super().getint, "a whole number", section, option, **kwargs)

    def getfloat(self, section: str, option: str, **kwargs: Any) -> Any:
        return self._converted(super().getfloat, "a number", section, option, **kwargs)

    def getboolean(self, section: str, option: str, **kwargs: Any) -> Any:
        return self._converted(super().getboolean, "yes or no (1/0, true/false, on/off)", section, option, **kwargs)

    def _converted(self, read: Any, expected: str, section: str, option: str, **kwargs: Any) -> Any:
        try:
            return read(section, option, **kwargs)
        except (ValueError, TypeError, AttributeError):
            # a key without a value is None, on which the standard library's conversions fail in three ways
            value = self.get(section, option, fallback=None)
            raise ValueNotAcceptedError(f"[{section}] {option} = {value!r}: expected {expected}") from None

    def invert_section(self, section: str) -> dict[str, str]:
        """Return value → key of a section, without blanks."""
        if not self.has_section(section):
            return {}
        return {value: key for key, value in self.items(section) if value}

    def as_dict(self) -> dict[str, dict[str, str | None]]:
        """Return all sections as plain dictionaries."""
        return {name: dict(self.items(name)) for name in self.sections()}
