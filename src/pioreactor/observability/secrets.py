"""Keeps secrets out of what is written."""

import re
from collections.abc import Iterable

HIDDEN = "•••"

_CREDENTIALS = re.compile(
    r"(?P<before>\b(?:Bearer|Basic)\s+|\b(?:password|passphrase|token|api_key|secret)[\"']?\s*[=:]\s*[\"']?)"
    r"(?P<secret>[^\s\"',;&]+)",
    re.IGNORECASE,
)
_SHORTEST = 4


class Redactor:
    """Replaces known secrets, and what stands where a credential usually stands."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # a secret of one to three characters would blank out half of every sentence
        words = sorted({s for s in secrets if len(s) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, words))) if words else None

    def __call__(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _CREDENTIALS.sub(lambda found: found["before"] + HIDDEN, text)
