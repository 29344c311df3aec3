"""Rehearsals that are kept on the leader: one JSON file each, below the name of its experiment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import msgspec

from pioreactor.exc import NotFoundError, StorageError
from pioreactor.experiment_profiles.rehearsal_data import Rehearsal
from pioreactor.private_files import free_path, write_atomically

Kind = TypeVar("Kind")
MAX_KEPT: Final = 50
"""Of one experiment; the oldest are deleted."""


class KeptRehearsal(msgspec.Struct, frozen=True):
    """A rehearsal in a list."""

    id: str
    profile_name: str
    started_at: str
    runs: int
    hazards: int
    is_complete: bool


class _Head(msgspec.Struct):
    profile_name: str
    started_at: str
    runs: int
    hazards: list[msgspec.Raw]
    is_complete: bool = True


@dataclass
class KeptRehearsals:
    """The folder of kept rehearsals."""

    folder: Path

    def keep(self, rehearsal: Rehearsal, now: datetime) -> str:
        """Store a rehearsal and return its id."""
        here = self.folder / _folder_name(rehearsal.experiment)
        try:
            here.mkdir(parents=True, exist_ok=True)
            path = free_path(here / now.strftime("%Y%m%dT%H%M%S.json"))
            write_atomically(path, msgspec.json.encode(rehearsal).decode())
            for old in sorted(here.glob("*.json"))[:-MAX_KEPT]:
                old.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"the rehearsal cannot be kept in {here}: {error.strerror}") from error
        return path.stem

    def ids(self, experiment: str) -> list[str]:
        """Return the ids of an experiment's rehearsals, oldest first."""
        return sorted(path.stem for path in (self.folder / _folder_name(experiment)).glob("*.json"))

    def rows(self, experiment: str) -> list[KeptRehearsal]:
        """Return the rehearsals of an experiment for a list, newest first."""
        folder = self.folder / _folder_name(experiment)
        return [_row(folder / f"{id_}.json") for id_ in reversed(self.ids(experiment))]

    def load(self, experiment: str, id_: str | None = None) -> Rehearsal:
        """Return one rehearsal, the last one without an id; raise `NotFoundError`."""
        known = self.ids(experiment)
        wanted = known[-1] if id_ is None and known else id_
        if wanted is None or wanted not in known:
            raise NotFoundError(
                f"no rehearsal {'' if id_ is None else id_ + ' '}of {experiment} is kept",
                remedy="Rehearse a profile: pio rehearse PROFILE.",
            )
        return _read(self.folder / _folder_name(experiment) / f"{wanted}.json", Rehearsal)


def _row(path: Path) -> KeptRehearsal:
    head = _read(path, _Head)
    return KeptRehearsal(path.stem, head.profile_name, head.started_at, head.runs, len(head.hazards), head.is_complete)


def _read(path: Path, kind: type[Kind]) -> Kind:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(f"{path} cannot be read: {error}") from error


def _folder_name(experiment: str) -> str:
    return quote(experiment, safe=" ").replace(".", "%2E")
