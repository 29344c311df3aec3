"""Secrets of alarm channels: a file of mode 0600 beside the other secrets of the unit, never in the database."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import StorageError
from pioreactor.private_files import write_atomically

FILE_NAME: Final = "alarm_channels.json"


class ChannelSecrets:
    """`folder` is that of the unit's secrets."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME

    def of(self, channel: str) -> dict[str, str]:
        """Return the secrets of a channel; empty when it has none. Raise `StorageError`."""
        return self._read().get(channel, {})

    def put(self, channel: str, secrets: Mapping[str, str]) -> None:
        """Replace the secrets of a channel. Raise `StorageError`."""
        self._write({**self._read(), channel: dict(secrets)})

    def replace(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Replace the secrets of all channels. Raise `StorageError`."""
        self._write(secrets)

    def remove(self, channel: str) -> None:
        """Removing what is not there is harmless."""
        known = self._read()
        if known.pop(channel, None) is not None:
            self._write(known)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, dict[str, str]])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(f"{FILE_NAME} cannot be read: {error}") from error

    def _write(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._path, msgspec.json.encode(secrets), mode=0o600)
        except OSError as error:
            raise StorageError(f"{FILE_NAME} cannot be written: {error}") from error
