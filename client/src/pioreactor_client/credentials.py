"""Where the token comes from: the argument, the environment, or a file that only its owner can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pioreactor_client.errors import CredentialsError

TOKEN_VARIABLE = "PIOREACTOR_TOKEN"
URL_VARIABLE = "PIOREACTOR_URL"


def token_file(url: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the file of the token for a cluster: `pioreactor/tokens/<host>` in the user's config directory."""
    configured = environment.get("XDG_CONFIG_HOME", "")
    folder = Path(configured) if configured else Path.home() / ".config"
    parts = urlsplit(url)
    return folder / "pioreactor" / "tokens" / str(parts.hostname).replace(":", "_")


def find_token(url: str, token: str | None, environment: Mapping[str, str] = os.environ) -> str:
    """Return the token to use; raise `CredentialsError` when there is none, or its file is open to others."""
    if token is None:
        token = environment.get(TOKEN_VARIABLE)
    path = token_file(url, environment)
    if token is None and path.exists():
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise CredentialsError(f"others can read the token in {path}", remedy=f"chmod 600 {path}")
        token = path.read_text(encoding="utf-8")
    token = token.strip() if token is not None else ""
    if not token:
        raise CredentialsError(
            f"there is no token for {url}",
            remedy="Make one with `pio tokens create NAME` on the leader; pass it as `token`, "
            f"set {TOKEN_VARIABLE}, or write it to {path} (chmod 600).",
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CredentialsError("the token has characters that no token has", remedy="Copy it again.")
    return token


def save_token(url: str, token: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Write the token of a cluster to its file, readable by its owner alone; return the file."""
    path = token_file(url, environment)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"{token}\n")
    return path
