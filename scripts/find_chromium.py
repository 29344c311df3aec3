"""Finds Chromium on this machine, for tests and scripts that drive a browser."""

import shutil
from typing import Final

_KNOWN: Final = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Return the program, None where only Playwright may have one."""
    return next((found for name in _KNOWN if (found := shutil.which(name)) is not None), None)
