"""Suggestions for misspelled names."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str], *, likeness: float = 0.6) -> str | None:
    """Return the known word closest to `word`, None when none is as much like it as `likeness` (0 to 1)."""
    from difflib import get_close_matches  # takes 3 ms, and a correct word does not need it

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=likeness)), None)
