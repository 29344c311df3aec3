"""Order of the versions of this software."""

import re
from typing import Final

from pioreactor.exc import InvalidRequestError

_VERSION: Final = re.compile(
    r"(\d{1,6}(?:\.\d{1,6}){0,5})(?:(a|b|rc)(\d{1,6}))?(?:\.post(\d{1,6}))?(?:\.dev(\d{1,6}))?"
)
_FINAL: Final = "z"

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
