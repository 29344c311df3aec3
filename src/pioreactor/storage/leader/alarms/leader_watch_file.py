"""What a worker needs to report a dead leader: its place among those that watch, and channels with their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import msgspec

from pioreactor.alarms.channels import Channel
from pioreactor.exc import StorageError
from pioreactor.private_files import write_atomically
from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets

FILE_NAME: Final = "leader_watch.json"


class LeaderWatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`rank` 0 reports first; no channels: this unit reports nothing."""

    rank: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0
    channels: tuple[Channel, ...] = ()


def read_leader_watch(secrets: Path) -> LeaderWatch:
    """Return what is stored in the folder of the unit's secrets; an empty one if there is nothing that can be read."""
    try:
        return msgspec.json.decode((secrets / FILE_NAME).read_bytes(), type=LeaderWatch)
    except (OSError, msgspec.DecodeError):
        return LeaderWatch()


def store_leader_watch(folder: Path, watch: LeaderWatch, secrets: Mapping[str, Mapping[str, str]]) -> None:
    """Replace what is stored, secrets first; raise `StorageError`."""
    ChannelSecrets(folder).replace(secrets)
    try:
        write_atomically(folder / FILE_NAME, msgspec.json.encode(watch), mode=0o600)
    except OSError as error:
        raise StorageError(f"{FILE_NAME} cannot be written: {error}") from error
