"""The token by which units and the command line are known to one another: one file per unit, for its owner's eyes."""

import os
import secrets
from pathlib import Path

from pioreactor.exc import StorageError

FILE_NAME = "cluster_token"


def read_token(secrets_dir: Path) -> str | None:
    """Return the cluster's token as this unit has it; None when it never joined."""
    try:
        token = (secrets_dir / FILE_NAME).read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"the cluster's token cannot be read: {error}") from error
    return token if token else None


def ensure_token(secrets_dir: Path) -> str:
    """Return the token, making one where there is none (leader). File 0600 in a directory 0700."""
    secrets_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    present = read_token(secrets_dir)
    if present is not None:
        return present
    token = secrets.token_urlsafe(32)
    path = secrets_dir / FILE_NAME
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        present = read_token(secrets_dir)
        if present is not None:
            return present
        path.unlink()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    return token
