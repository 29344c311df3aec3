"""Passwords as salted scrypt hashes."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

_N, _R, _P = 2**14, 8, 1
"""Cost of one hash: 16 MB, and 50–300 ms on a Raspberry Pi."""
_GROUPS = 4
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without characters that are easily confused."""


def hash_password(password: str) -> str:
    """Return `scrypt$n$r$p$salt$hash`."""
    salt = secrets.token_bytes(16)
    return "$".join(
        (
            "scrypt",
            str(_N),
            str(_R),
            str(_P),
            b64encode(salt).decode(),
            b64encode(_scrypt(password, salt, _N, _R, _P)).decode(),
        )
    )


def verify_password(password: str, stored: str) -> bool:
    """Return whether the password matches a stored hash; False for a malformed hash."""
    try:
        scheme, n, r, p, salt, expected = stored.split("$")
        if scheme != "scrypt":
            return False
        return hmac.compare_digest(_scrypt(password, b64decode(salt), int(n), int(r), int(p)), b64decode(expected))
    except ValueError:
        return False


def generate_password() -> str:
    """Return a password that can be read aloud: four groups of four characters, 79 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(_GROUPS))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=256 * r * n)
