"""Second factors: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for when it is lost.

They are files in the folder of secrets, not rows of the database: its backups lie on workers too.
"""

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError, NotAuthenticatedError, NotFoundError
from pioreactor.identity.passwords import generate_password
from pioreactor.private_files import locked_folder, write_atomically
from pioreactor.structs.sign_in import NewSecondFactor, SecondFactorState

FOLDER: Final = "second_factors"
"""Name of the folder in that of the secrets."""
RECOVERY_CODES: Final = 8
_STEP_S: Final = 30
_TOLERATED_STEPS: Final = 1  # by which the clock of a telephone may differ


class SecondFactorError(NotAuthenticatedError):
    """The password is right, and a code is missing or wrong."""

    code = "second_factor"
    remedy = (
        "Enter what the authenticator app shows now, or a recovery code; the clocks have to be right (`pio clock`)."
    )


class Stored(msgspec.Struct):
    """What is kept of a person's second factor; `last_step` is the time step of the last code that was used."""

    username: str
    secret: str
    is_confirmed: bool = False
    last_step: int = 0
    recovery_hashes: list[str] = []


class SecondFactors:
    """The second factors of all people; `seconds` is Unix time. Each change holds the lock of the folder."""

    def __init__(self, secrets_dir: Path, *, seconds: Callable[[], float]) -> None:
        self._folder = secrets_dir / FOLDER
        self._seconds = seconds

    def state(self, username: str) -> SecondFactorState:
        """Return whether a person has a second factor."""
        stored = self._read(username)
        if stored is None or not stored.is_confirmed:
            return SecondFactorState(False, 0)
        return SecondFactorState(True, len(stored.recovery_hashes))

    def begin(self, username: str, *, issuer: str) -> NewSecondFactor:
        """Make a secret, which counts once a code has confirmed it; `ConflictError` when there is one already."""
        import pyotp
        import segno

        if self.state(username).is_on:
            raise ConflictError("the second factor is on already", remedy="Switch it off first.")
        secret = pyotp.random_base32()
        uri = pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked_folder(self._folder):
            self._write(Stored(username, secret))
        rows = segno.make(uri, micro=False, error="m").matrix
        return NewSecondFactor(secret, uri, ["".join(str(module) for module in row) for row in rows])

    def confirm(self, username: str, code: str) -> list[str]:
        """Switch the second factor on and return the recovery codes, once; `SecondFactorError` for a wrong code."""
        stored = self._read(username)
        if stored is None or stored.is_confirmed:
            raise ConflictError("there is no second factor to confirm", remedy="Begin again.")
        if not self.verify(username, code):
            raise SecondFactorError("Wrong code.")
        codes = [generate_password() for _ in range(RECOVERY_CODES)]
        with locked_folder(self._folder):
            present = self._read(username)
            if present is None or present.secret != stored.secret:
                raise ConflictError("the second factor was begun again meanwhile", remedy="Begin again.")
            present.is_confirmed = True
            present.recovery_hashes = [_hash(username, one) for one in codes]
            self._write(present)
        return codes

    def verify(self, username: str, code: str) -> bool:
        """Return whether a code is valid now, and use it up: no code is valid twice."""
        if not self._path(username).exists():
            return False
        with locked_folder(self._folder):
            stored = self._read(username)
            if stored is None or not self._use(stored, code.replace(" ", "").lower()):
                return False
            self._write(stored)
        return True

    def remove(self, username: str) -> None:
        """Switch a second factor off; removing what is not there is harmless."""
        self._path(username).unlink(missing_ok=True)

    def reset(self, username: str) -> None:
        """Switch the second factor of another person off; raise `NotFoundError` when there is none."""
        if not self.state(username).is_on:
            raise NotFoundError(f"{username} has no second factor")
        self.remove(username)

    def _use(self, stored: Stored, code: str) -> bool:
        hashed = _hash(stored.username, code)
        if hashed in stored.recovery_hashes:
            stored.recovery_hashes.remove(hashed)
            return True
        step = self._step_of(stored, code)
        if step is not None:
            stored.last_step = step
        return step is not None

    def _step_of(self, stored: Stored, code: str) -> int | None:
        """Return the time step of a code that is later than the last one used; None for any other."""
        import pyotp

        totp, now = pyotp.TOTP(stored.secret), int(self._seconds()) // _STEP_S
        first = max(now - _TOLERATED_STEPS, stored.last_step + 1)
        for step in range(first, now + _TOLERATED_STEPS + 1):
            if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode(errors="replace")):
                return step
        return None

    def _path(self, username: str) -> Path:
        # Not by the name itself, which may be `..`.
        return self._folder / f"{hashlib.sha256(username.encode(errors='replace')).hexdigest()[:32]}.json"

    def _read(self, username: str) -> Stored | None:
        try:
            return msgspec.json.decode(self._path(username).read_bytes(), type=Stored)
        except FileNotFoundError:
            return None

    def _write(self, stored: Stored) -> None:
        write_atomically(self._path(stored.username), msgspec.json.encode(stored), mode=0o600)


def _hash(username: str, code: str) -> str:
    """Return the stored form; a fast hash is enough for 79 random bits."""
    return hashlib.sha256(f"{username} {code}".encode(errors="replace")).hexdigest()
