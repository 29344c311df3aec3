"""Tokens with which units authenticate to each other: each unit has its own, which its leader knows.

A unit keeps its token in `cluster_token`. The leader keeps those of its workers in the folder `unit_tokens`, one file
each: it sends a worker the token of that worker only. Clusters of earlier versions shared one token; their leader keeps
that one as `shared_token` until every worker has its own. All files have mode 0600.
"""

import hmac
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pioreactor.exc import ConfigurationError, InvalidRequestError, NotAuthenticatedError, StorageError
from pioreactor.private_files import write_atomically

FILE_NAME: Final = "cluster_token"
FOLDER: Final = "unit_tokens"
SHARED: Final = "shared_token"
_PENDING: Final = ".new"
"""End of the name of a token that was sent to a worker which has not confirmed it."""
_UNIT = re.compile(r"[A-Za-z0-9_-]{1,63}")


def read_token(secrets_dir: Path) -> str | None:
    """Return this unit's token; None when it has not joined a cluster."""
    return _read(secrets_dir / FILE_NAME)


def ensure_token(secrets_dir: Path) -> str:
    """Return this unit's token, making one if there is none. The file has mode 0600, its directory 0700."""
    secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return _ensure(secrets_dir / FILE_NAME)


def replace_token(secrets_dir: Path, token: str) -> None:
    """Set this unit's token; its processes use it from their next request on."""
    secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(secrets_dir / FILE_NAME, token)


class WorkerTokens:
    """The tokens of the workers, at the leader."""

    def __init__(self, secrets_dir: Path) -> None:
        self._secrets = secrets_dir
        self._folder = secrets_dir / FOLDER

    def prepare(self) -> None:
        """Make the leader's own token and the folder of its workers' tokens, if they are absent.

        A token that all units shared until now is kept until each worker has its own, and the leader gets a new one.
        """
        if self._folder.is_dir():
            ensure_token(self._secrets)
            return
        own = read_token(self._secrets)
        if own is not None and self.shared() is None:
            _write(self._secrets / SHARED, own)
        if own is None or self.shared() == own:
            replace_token(self._secrets, secrets.token_urlsafe(32))
        self._folder.mkdir(mode=0o700)

    def has_begun(self) -> bool:
        """Return whether workers have tokens of their own."""
        return self._folder.is_dir()

    def shared(self) -> str | None:
        """Return the token that all units shared, while a worker may still need it."""
        return _read(self._secrets / SHARED)

    def retire_shared(self) -> None:
        """Stop accepting the shared token: every worker has its own."""
        (self._secrets / SHARED).unlink(missing_ok=True)

    def token_of(self, unit: str) -> str | None:
        """Return the token of a worker; None when it has none of its own."""
        return _read(self._path(unit))

    def ensure(self, unit: str) -> str:
        """Return the token of a worker, making one if it has none; raise `ConfigurationError` before `prepare`."""
        if not self.has_begun():
            raise ConfigurationError(
                "the leader has no tokens of workers yet", remedy="Start the leader's web server once (pio web)."
            )
        return _ensure(self._path(unit))

    def renew(self, unit: str) -> str:
        """Make a new token of a worker; the former one is no longer valid."""
        self.remove(unit)
        return self.ensure(unit)

    def remove(self, unit: str) -> None:
        """Make a worker's token invalid."""
        self._path(unit).unlink(missing_ok=True)
        self._path(unit, pending=True).unlink(missing_ok=True)

    def pending(self, unit: str) -> str:
        """Return the token that is being handed out to a worker; it is valid already."""
        return _ensure(self._path(unit, pending=True))

    def confirm(self, unit: str) -> None:
        """Note that a worker has the pending token."""
        path = self._path(unit, pending=True)
        if path.exists():
            path.replace(self._path(unit))

    def unit_of(self, token: str) -> str | None:
        """Return the worker whose token this is; None when it is unknown."""
        found = None
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            kept = _read(path) if _UNIT.fullmatch(path.name.removesuffix(_PENDING)) else None
            if kept is not None and hmac.compare_digest(kept.encode(), token.encode()):
                found = path.name.removesuffix(_PENDING)
        return found

    def _path(self, unit: str, *, pending: bool = False) -> Path:
        if not _UNIT.fullmatch(unit):
            raise InvalidRequestError(f"{unit!r} is not a valid unit name")
        return self._folder / (unit + _PENDING if pending else unit)


def credential_for(secrets_dir: Path, unit: str, *, own: str, leader: str) -> str:
    """Return the token with which the unit `own` sends a request to `unit`.

    A worker has a token for its leader and for itself only. Raise `NotAuthenticatedError` when there is none.
    """
    mine = read_token(secrets_dir)
    if unit in (own, leader):
        if mine is None:
            raise NotAuthenticatedError(
                "this unit has no cluster token", remedy="Join the unit to a cluster, or start the leader once."
            )
        return mine
    if own != leader:
        raise NotAuthenticatedError(
            f"{own} has no credential for {unit}: only the leader commands other units",
            remedy=f"Run this on the leader{f' ({leader})' if leader else ''}, or use a person's token.",
        )
    workers = WorkerTokens(secrets_dir)
    token = workers.token_of(unit) or workers.shared() or (None if workers.has_begun() else mine)
    if token is None:
        raise no_token_of(unit)
    return token


def no_token_of(unit: str) -> NotAuthenticatedError:
    """Return the error for a worker to which the leader has no token."""
    return NotAuthenticatedError(
        f"the leader has no token of {unit}",
        remedy=f"Run `pio workers token {unit}` on the leader, and put what it prints into "
        f"storage/secrets/{FILE_NAME} of {unit}.",
    )


Credential = Callable[[str], str]
"""Returns the token with which a request is sent to a unit."""


def _read(path: Path) -> str | None:
    try:
        token = path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"the cluster's token cannot be read ({error.strerror})") from error
    return token if token else None


def _ensure(path: Path) -> str:
    present = _read(path)
    if present is not None:
        return present
    token = secrets.token_urlsafe(32)
    temporary = _temporary(path, token)
    try:
        os.link(temporary, path)  # another process may have written one meanwhile: its token counts
    except FileExistsError:
        present = _read(path)
        if present is not None:
            return present
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return token


def _write(path: Path, token: str) -> None:
    write_atomically(path, token + "\n", mode=0o600)


def _temporary(path: Path, token: str) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    return temporary
