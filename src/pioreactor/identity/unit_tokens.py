"""The cluster's token, with which units and the command line authenticate; one file per unit, readable by its owner."""

import os
import secrets
from pathlib import Path

from pioreactor.exc import StorageError

FILE_NAME = "cluster_token"


def read_token(secrets_dir: Path) -> str | None:
    """Return the cluster's token of this unit; None when it has not joined a cluster."""
    try:
        token = (secrets_dir / FILE_NAME).read_text().strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageError(f"cannot read the cluster's token: {error}") from error
    return token if token else None


def ensure_token(secrets_dir: Path) -> str:
    """Return the token, generating one if there is none (leader). The file has mode 0600, its directory 0700."""
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
