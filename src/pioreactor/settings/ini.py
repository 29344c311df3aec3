"""Parser of configuration files into sections of text values."""

import configparser
from pathlib import Path

from pioreactor.exc import ConfigurationError
from pioreactor.settings.parser import ConfigParserMod

Sections = dict[str, dict[str, str | None]]

_DASHES = str.maketrans({"\u2013": "-", "\u2014": "-", "\u2212": "-"})


def parse_ini(text: str, *, where: str) -> Sections:
    """Return section → key → value (None: a key without a value). `where` names the file in errors."""
    parser = ConfigParserMod(default_section="\0")  # [DEFAULT] is an ordinary section: nothing is inherited
    try:
        parser.read_string(text.removeprefix("\ufeff"), source=where)
    except configparser.MissingSectionHeaderError as error:
        raise ConfigurationError(
            f"{where}, line {error.lineno}: {error.line.strip()!r} is before the first [section]"
        ) from None
    except configparser.ParsingError as error:
        lines = ", ".join(f"line {number}: {line}" for number, line in error.errors)
        raise ConfigurationError(f"{where}: cannot be read ({lines})") from None
    except configparser.Error as error:
        raise ConfigurationError(f"{where}: {error}") from None
    return parser.as_dict()


def read_ini(path: Path) -> Sections:
    """Return the sections of a file; a file that does not exist has none."""
    try:
        return parse_ini(path.read_text(encoding="utf-8"), where=str(path))
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None


def normalize_dashes(text: str) -> str:
    """Replace the typographic dashes of word processors by hyphens."""
    return text.translate(_DASHES)
