"""How a worker and a leader make sure of each other by a short code that a person reads on one and types on the other.

The worker serves TLS with a certificate of its own making. Both prove that they know the code *and* which certificate
they see: a machine between them, which shows another certificate, cannot make either proof without the code. The leader
proves first, and a worker counts wrong proofs, so that the code cannot be tried out; recorded proofs are of no use
either, because the code is stretched by scrypt and is valid for minutes only.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
import secrets
import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec

from pioreactor.exc import ConfigurationError, ConflictError, InvalidRequestError

PROTOCOL: Final = 1
PORT: Final = 4998
PATH: Final = "/pairing"
MAX_BODY_BYTES: Final = 1 << 20
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 8
"""40 bits: with scrypt of 16 MB a try takes about 50 ms, so that all of them take a thousand years."""
_LOOKALIKES: Final = str.maketrans("OIL", "011")

Base64 = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{16,128}$(?!\n)")]
Text = Annotated[str, msgspec.Meta(max_length=200_000)]


class Offer(msgspec.Struct):
    """What a worker that waits tells everybody. Of these structs, fields that a later version adds are ignored."""

    unit: str
    version: str
    protocol: int
    model_name: str | None = None
    model_version: str | None = None


class Waiting(msgspec.Struct, frozen=True):
    """A worker that waits to join."""

    unit: str
    address: str
    port: int
    version: str


class Confirmation(msgspec.Struct):
    """The leader's proof."""

    nonce: Base64
    proof: Base64


class Confirmed(msgspec.Struct):
    """The worker's proof, its request for a certificate, and its clock [Unix time, s]."""

    proof: Base64
    certificate_request: Text
    unix_time_s: float


class Invitation(msgspec.Struct):
    """All that makes a unit a worker of a cluster. A model is given if it is to be another than the worker said.

    `leader_version` is None from a leader that does not say it yet.
    """

    cluster: str
    leader: str
    unit: str
    token: str
    broker_password: str
    shared_configuration: Text
    authority: Text
    certificate: Text
    unix_time_s: float
    model_name: str | None = None
    model_version: str | None = None
    leader_version: str | None = None


def are_too_far_apart(version: str, other: str) -> bool:
    """Return whether the main numbers of two versions, 27 of 27.1.0, differ by more than one.

    False for a version that cannot be read: it is no reason to keep a machine out.
    """
    return abs(_main_number(version) - _main_number(other)) > 1


def _main_number(version: str) -> float:
    """Return 27 of 27.1.0, or not a number, which no comparison finds larger."""
    try:
        return int(version[:20].partition(".")[0])
    except ValueError:
        return math.nan


def refuse_distant(unit: str, worker_version: str, leader_version: str) -> None:
    """Raise `ConflictError` for a worker and a leader whose versions are too far apart to work together."""
    if are_too_far_apart(worker_version, leader_version):
        raise ConflictError(
            f"{unit} runs version {worker_version} and the leader {leader_version}: more than one release apart",
            remedy="Update the older of the two machines first (pio update app).",
        )


def make_code() -> str:
    """Return a code that a person can read and type, such as `K7QM-2XFD`."""
    digits = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return f"{digits[:4]}-{digits[4:]}"


def read_code(text: str) -> str:
    """Return the characters of a typed code; raise `InvalidRequestError` if it cannot be one."""
    code = re.sub(r"[\s-]", "", text).upper().translate(_LOOKALIKES)
    if len(code) != _LENGTH or any(character not in _ALPHABET for character in code):
        raise InvalidRequestError(
            "a code has eight letters and digits", remedy="Read it again where the worker shows it."
        )
    return code


class Proofs:
    """The proofs for one code and one certificate."""

    def __init__(self, code: str, fingerprint: bytes) -> None:
        """`code` as typed or shown; `fingerprint` of the worker's certificate, as this side sees it."""
        self._key = hashlib.scrypt(
            read_code(code).encode(), salt=b"pioreactor pairing" + fingerprint, n=1 << 14, r=8, p=1, dklen=32
        )

    def of_leader(self, nonce: str) -> str:
        return self._proof("leader", nonce)

    def of_worker(self, nonce: str) -> str:
        return self._proof("worker", nonce)

    def session(self, nonce: str) -> str:
        """Return the secret with which the leader sends the invitation, after both proofs."""
        return self._proof("session", nonce)

    def _proof(self, side: str, nonce: str) -> str:
        return hmac.new(self._key, f"{PROTOCOL} {side} {nonce}".encode(), hashlib.sha256).hexdigest()


def is_equal(given: str, expected: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())


def make_nonce() -> str:
    return secrets.token_urlsafe(24)


_MAX_FILE_BYTES = 10_000


class PairingFile(msgspec.Struct, forbid_unknown_fields=True):
    """A file on the boot partition that says how an unattended machine joins.

    `code`: eight letters and digits, chosen by the person who writes the card."""

    code: str
    port: int = PORT


def read_pairing_file(path: Path) -> PairingFile:
    """Return what the file says; raise `ConfigurationError` if it cannot be used."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_FILE_BYTES + 1)
        if len(text) > _MAX_FILE_BYTES:
            raise ConfigurationError(f"{path} is too large to be such a file")
        given = msgspec.convert(tomllib.loads(text.decode()), PairingFile)
        read_code(given.code)
    except (OSError, ValueError, msgspec.ValidationError, InvalidRequestError) as error:
        raise ConfigurationError(f"{path}: {error}", remedy='It needs a line such as code = "K7QM-2XFD".') from error
    return given
