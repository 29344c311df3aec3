"""Packs what is installed in an environment into wheels again, so that another one is made of it without a network."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

INSTALLED_EXTRAS = ("leader", "parquet", "postgresql")
"""What packages and releases bring."""
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?[^;]*(?:;(.*))?")
_NOT_IN_A_WHEEL = {"INSTALLER", "REQUESTED", "direct_url.json", "RECORD"}


def pack_environment(package: str, extras: Iterable[str], folder: Path) -> list[Path]:
    """Write a wheel for each package that this one needs, itself excluded; return them."""
    return [pack(each, folder) for name, each in sorted(needed(package, extras).items()) if name != _key(package)]


def needed(package: str, extras: Iterable[str]) -> dict[str, Distribution]:
    """Return the installed packages that a package needs with these extras, itself included."""
    found: dict[str, Distribution] = {}
    waiting = [(package, frozenset(extras))]
    seen = set()
    while waiting:
        name, wanted = waiting.pop()
        if (_key(name), wanted) in seen:
            continue
        seen.add((_key(name), wanted))
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue  # for another platform or Python
        found[_key(name)] = one
        waiting += _requirements(one, wanted)
    return found


def _requirements(package: Distribution, extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    for line in package.requires or ():
        match = _REQUIREMENT.fullmatch(line)
        if match is None:
            continue
        name, inner, marker = match[1], match[2] or "", match[3] or ""
        named = set(re.findall(r"extra\s*==\s*['\"]([^'\"]+)['\"]", marker))
        if not named or named & extras:
            yield name, frozenset(part.strip() for part in inner.split(",") if part.strip())


def pack(package: Distribution, folder: Path) -> Path:
    """Write the wheel of an installed package, without what installing it has added."""
    name = re.sub(r"[-.]+", "_", package.metadata["Name"])
    tags = [
        line.partition(":")[2].strip() for line in (package.read_text("WHEEL") or "").splitlines() if "Tag:" in line
    ]
    parts = [sorted({tag.split("-")[index] for tag in tags}) for index in range(3)]
    target = folder / f"{name}-{package.version}-{'-'.join('.'.join(part) for part in parts)}.whl"
    record = []
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as wheel:
        for file in package.files or ():
            path, text = Path(str(package.locate_file(file))), str(file)
            if text.startswith("..") or file.name in _NOT_IN_A_WHEEL or file.suffix == ".pyc" or not path.is_file():
                continue
            wheel.write(path, text)
            record.append(f"{text},,")
        record_name = next(line.partition(",")[0].split("/")[0] for line in record if ".dist-info/" in line) + "/RECORD"
        wheel.writestr(record_name, "\n".join([*record, f"{record_name},,"]) + "\n")
    return target


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
