"""Parser of configuration files into sections of text values."""

import configparser
from pathlib import Path

from pioreactor.exc import ConfigurationError
from pioreactor.settings.parser import ConfigParserMod

Sections = dict[str, dict[str, str | None]]

_DASHES = str.maketrans({"\u2013": "-", "\u2014": "-", "\u2212": "-"})


def parse_ini(text: str, *, where: str) -> Sections:
    """Return section → key → value (None: a key without a value). `where` names the file in errors."""
    sections, faults = parse_ini_tolerantly(text, where=where)
    if faults:
        raise ConfigurationError("; ".join(faults))
    return sections


def parse_ini_tolerantly(text: str, *, where: str) -> tuple[Sections, list[str]]:
    """Return the sections of all lines that can be read, and a message for each line that cannot."""
    faults = []
    lines = text.removeprefix("\ufeff").splitlines()
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if stripped.startswith("[") and "]" in stripped:
            break
        if stripped and not stripped.startswith(("#", ";")):
            faults.append(f"{where}, line {number}: {stripped!r} is before the first [section]")
            lines[number - 1] = ""
    parser = ConfigParserMod(default_section="\0")  # [DEFAULT] is an ordinary section: nothing is inherited
    try:
        parser.read_string("\n".join(lines), source=where)
    except configparser.ParsingError as error:
        # Raised after the last line: the lines that it does not name were read.
        named = ", ".join(f"line {number}: {line}" for number, line in error.errors)
        faults.append(f"{where}: cannot be read ({named})")
    except configparser.Error as error:
        faults.append(f"{where}: {error}")
    return parser.as_dict(), faults


def read_ini(path: Path) -> Sections:
    """Return the sections of a file; a file that does not exist has none."""
    sections, faults = read_ini_tolerantly(path)
    if faults:
        raise ConfigurationError("; ".join(faults))
    return sections


def read_ini_tolerantly(path: Path | None) -> tuple[Sections, list[str]]:
    """Return what can be read of a file, and a message for each part that cannot. No file: no sections."""
    if path is None:
        return {}, []
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}, []
    except OSError as error:
        return {}, [f"{path}: cannot be read ({error.strerror})"]
    try:
        return parse_ini_tolerantly(content.decode("utf-8"), where=str(path))
    except UnicodeDecodeError as error:
        sections, faults = parse_ini_tolerantly(content.decode("utf-8", errors="replace"), where=str(path))
        return sections, [f"{path}: is not UTF-8 text (byte {error.start})", *faults]


def normalize_dashes(text: str) -> str:
    """Replace the typographic dashes of word processors by hyphens."""
    return text.translate(_DASHES)
