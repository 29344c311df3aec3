"""The repair of a unit's directories: those that are missing are created, permissions are put right."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from pioreactor.exc import StorageError
from pioreactor.runtime.context import Runtime
from pioreactor.storage.paths import Paths

_SHARED: Final = 0o2770
_PRIVATE: Final = 0o700


def repair_unit(runtime: Runtime) -> list[str]:
    """Create missing directories, repair permissions, close jobs that were killed; return what was done.

    Secrets become private. Raise `StorageError` for what belongs to another user.
    """
    paths, done = runtime.paths, list[str]()
    for directory, mode in _directories(paths):
        done += _put_right(directory, mode)
    for secret in sorted(paths.secrets.glob("*")):
        if secret.is_file() and stat.S_IMODE(secret.stat().st_mode) & 0o077:
            secret.chmod(0o600)
            done.append(f"closed {secret} to others")
    runtime.stores.jobs().running()  # asking ends the rows of dead processes
    return done


def _directories(paths: Paths) -> list[tuple[Path, int]]:
    shared = (paths.dot_pioreactor, paths.storage, paths.calibrations, paths.estimators, paths.plugins)
    more = (paths.experiment_profiles, paths.exportable_datasets, paths.models, paths.hardware)
    running = (paths.run_pioreactor, paths.cache, paths.locks, paths.exports)
    return [(path, _SHARED) for path in (*shared, *more, *running)] + [(paths.secrets, _PRIVATE)]


def _put_right(directory: Path, mode: int) -> list[str]:
    try:
        if not directory.exists():
            directory.mkdir(parents=True)
            directory.chmod(mode)
            return [f"made {directory}"]
        now = stat.S_IMODE(directory.stat().st_mode)
        wanted = mode if mode == _PRIVATE else now | mode
        if now != wanted:
            directory.chmod(wanted)
            return [f"changed permissions of {directory} from {now:o} to {wanted:o}"]
    except OSError as error:
        raise StorageError(
            f"{directory} cannot be repaired ({error.strerror})", remedy="Run this as the owner of the directory."
        ) from None
    return []
