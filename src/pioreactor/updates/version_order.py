"""Order of the versions of this software, and what keeps an older one from replacing a newer one.

It needs the standard library only: what installs on a fresh machine asks it, too.
"""

import re
from collections.abc import Iterable
from typing import Final

from pioreactor.exc import InvalidRequestError
from pioreactor.updates.errors import UpdateRefusedError

_VERSION: Final = re.compile(
    r"(\d{1,6}(?:\.\d{1,6}){0,5})(?:(a|b|rc)(\d{1,6}))?(?:\.post(\d{1,6}))?(?:\.dev(\d{1,6}))?"
)
_FINAL: Final = "z"
_REVISION: Final = re.compile(r"(?:.*/)?storage/leader/migrations/versions/r(\d{4})_\w+\.py")

Order = tuple[tuple[int, ...], bool, str, int, int, float]


def order_of(version: str) -> Order:
    """Return a key by which versions sort; raise `InvalidRequestError` for text that is not a version."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise InvalidRequestError(f"{version[:50]!r} is not a version", remedy="A version looks like 27.1.0.")
    release = [int(part) for part in found[1].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    phase = found[2] if found[2] is not None else _FINAL
    is_after_dev_start = found[2] is not None or found[4] is not None or found[5] is None
    post = int(found[4]) if found[4] is not None else -1
    dev = int(found[5]) if found[5] is not None else float("inf")
    return tuple(release), is_after_dev_start, phase, int(found[3] or 0), post, dev


def is_newer(version: str, than: str) -> bool:
    return order_of(version) > order_of(than)


def refuse_older(version: str, present: str, *, is_allowed: bool, unit: str = "") -> None:
    """Raise `UpdateRefusedError` for a version before the present one, unless a person has asked for it."""
    if not (is_allowed or is_newer(version, present) or version == present):
        raise UpdateRefusedError(
            f"{version} is older than {present}, which is installed{f' on {unit}' if unit else ''}",
            remedy="Take a newer release. To go back on purpose: --allow-older.",
        )


def newest_revision_among(files: Iterable[str]) -> str | None:
    """Return the newest schema that a version reads, given the names of its files; None if they do not say."""
    found = [revision[1] for name in files if (revision := _REVISION.fullmatch(name)) is not None]
    return max(found, default=None)


def refuse_newer_data(version: str, newest: str | None, stored: str) -> None:
    """Raise `UpdateRefusedError` if a database has a schema that a version does not know; empty for none."""
    if newest is not None and stored > newest:
        raise UpdateRefusedError(
            f"version {version} cannot read this database: its schema is {stored}, and {version} knows those up "
            f"to {newest}",
            remedy="Stay with the newer version, or take a newer release. Backups from before the schema was changed "
            "can be read by the older version, on a machine without newer data.",
        )
