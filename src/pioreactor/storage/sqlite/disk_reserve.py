"""Space put by for the moment when the disk is full: giving up old entries needs some itself."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

RESERVE_BYTES: Final = 5_000_000
"""A little more than SQLite's log grows to (1,000 pages): what it holds can then always go into the file itself."""


class Reserve:
    """A file whose only use is to be deleted. It may be missing: other programs may fill the disk."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def keep(self) -> None:
        """Put the space by if it is not. Says nothing if the disk has none."""
        if self._size_bytes <= 0 or self._path.exists():
            return
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            return
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(descriptor, 0, self._size_bytes)
            else:  # macOS, where demonstrations run
                os.write(descriptor, bytes(self._size_bytes))
        except OSError:
            self.release()
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give the space back to the disk."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
