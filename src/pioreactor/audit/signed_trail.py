"""The head of the audit trail, signed once a day by `ssh-keygen` with a key of the leader (Ed25519)."""

import base64
import hashlib
import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from pioreactor.audit.command_spool import take_in
from pioreactor.exc import StorageError
from pioreactor.processes.system_command import SystemCommandError, run_system_command
from pioreactor.structs.audit import AuditedChange, AuditEntry, AuditHead, TypedCommand
from pioreactor.structs.encoding import from_timestamp

_KEY: Final = "audit_key"
_NAMESPACE: Final = "pioreactor-audit"
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]+")
_TIMEOUT_S: Final = 10.0
SIGNED_EVERY: Final = timedelta(days=1)
_TRIED_EVERY: Final = timedelta(hours=1)

_log = logging.getLogger("pioreactor.audit")


class HeadSigning:
    """Signs with a key in the folder of secrets, which is made when it is first needed."""

    def __init__(self, secrets_dir: Path) -> None:
        self._key = secrets_dir / _KEY

    @property
    def public_key(self) -> str | None:
        """The public key as one line, for those who verify elsewhere; None before anything was signed."""
        path = self._key.with_suffix(".pub")
        return path.read_text(encoding="utf-8").strip() if path.is_file() else None

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the public key, as `ssh-keygen` shows it; None before anything was signed."""
        key = self.public_key
        if key is None:
            return None
        digest = hashlib.sha256(base64.b64decode(key.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    def sign(self, id_: int, timestamp: str, hash_: str) -> AuditHead:
        """Return the signed head; raise `StorageError` when `ssh-keygen` cannot sign."""
        content = _content(id_, timestamp, hash_)
        return AuditHead(id_, timestamp, hash_, self.signature(content, _NAMESPACE, "the audit trail"))

    def signature(self, content: bytes, namespace: str, what: str) -> str:
        """Return the signature of a content; raise `StorageError` that says `what` cannot be signed."""
        try:
            if not self._key.is_file():
                self._key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                _run("-q", "-t", "ed25519", "-N", "", "-C", "audit trail", "-f", str(self._key))
            with TemporaryDirectory(prefix="audit-") as folder:
                file = Path(folder) / "content"
                file.write_bytes(content)
                _run("-q", "-Y", "sign", "-f", str(self._key), "-n", namespace, str(file))
                return file.with_suffix(".sig").read_text(encoding="ascii")
        except (OSError, SystemCommandError) as error:
            raise StorageError(
                f"{what} cannot be signed: {error}", remedy="Install the package openssh-client."
            ) from error

    def is_signed(self, head: AuditHead) -> bool:
        """Return whether this leader signed the head; False where that cannot be found out."""
        return self.public_key is not None and fingerprint_of_head(head) == self.fingerprint


def fingerprint_of_head(head: AuditHead) -> str | None:
    """Return the fingerprint of the key that signed a head; None where the signature does not fit."""
    return fingerprint_of(_content(head.id, head.timestamp, head.hash), head.signature, _NAMESPACE)


def fingerprint_of(content: bytes, signature: str, namespace: str) -> str | None:
    """Return the fingerprint of the key that signed a content, whosever it is; None where the signature does not fit.

    Whose key it is must be known from elsewhere.
    """
    with TemporaryDirectory(prefix="audit-") as folder:
        signed, file = Path(folder) / "content", Path(folder) / "signature"
        signed.write_bytes(content)
        file.write_text(signature, encoding="ascii", errors="replace")
        script = 'exec ssh-keygen -Y check-novalidate -n "$1" -s "$2" <"$0"'
        try:
            said = run_system_command(("sh", "-c", script, str(signed), namespace, str(file)), timeout_s=_TIMEOUT_S)
        except SystemCommandError:
            return None
    found = _FINGERPRINT.search(said)
    return found[0] if found is not None else None


class Trail(Protocol):
    """Storage of entries and heads."""

    def append(self, recorded: AuditedChange) -> AuditEntry: ...

    def append_once(self, changes: Sequence[AuditedChange]) -> Sequence[AuditEntry]: ...

    def heads(self) -> Sequence[AuditHead]: ...

    def add_head(self, head: AuditHead) -> None: ...


class Signer(Protocol):
    """Signs the head of a trail."""

    def sign(self, id_: int, timestamp: str, hash_: str) -> AuditHead: ...


class SignedAuditTrail:
    """Appends changes, and signs the newest entry when the last signature is a day old.

    A head that cannot be signed does not hold up the change: it is logged, and tried again an hour later.
    """

    def __init__(self, trail: Trail, signer: Signer, now: Callable[[], datetime], *, spool: Path | None = None) -> None:
        """`spool` is the folder with the commands that were typed on this machine; it is made here."""
        self._trail = trail
        self._signer = signer
        self._now = now
        self._next: datetime | None = None
        self._spool = spool
        if spool is not None:
            spool.mkdir(parents=True, exist_ok=True, mode=0o770)

    def append(self, change: AuditedChange) -> AuditEntry:
        """Add a change, after the commands that were typed before it; raise `StorageError` when it cannot be stored."""
        self.take_in_commands()
        return self._signed(self._trail.append(change))

    def take_in_commands(self) -> None:
        """Add the commands that were typed on this machine since the last time; raise `StorageError`."""
        if self._spool is not None:
            try:
                take_in(self._spool, self.append_commands)
            except OSError as error:
                raise StorageError(f"{self._spool} cannot be read: {error}") from error

    def append_commands(self, commands: Sequence[TypedCommand], *, unit: str | None = None) -> None:
        """Add commands that were typed on a unit, each once, all or none; raise `StorageError`."""
        for entry in self._trail.append_once([command.change(unit) for command in commands])[-1:]:
            self._signed(entry)

    def _signed(self, entry: AuditEntry) -> AuditEntry:
        now = self._now()
        if self._next is None or now >= self._next:
            self._next = now + _TRIED_EVERY
            try:
                self._next = self._sign(entry, now)
            except StorageError as error:
                _log.warning("%s", error)
        return entry

    def _sign(self, entry: AuditEntry, now: datetime) -> datetime:
        """Sign the entry if it is time to; return when the next is due."""
        heads = self._trail.heads()
        due = from_timestamp(heads[-1].timestamp) + SIGNED_EVERY if heads else now
        if due > now:
            return due
        self._trail.add_head(self._signer.sign(entry.id, entry.timestamp, entry.hash))
        return now + SIGNED_EVERY


def _run(*arguments: str) -> None:
    run_system_command(("ssh-keygen", *arguments), timeout_s=_TIMEOUT_S)


def _content(id_: int, timestamp: str, hash_: str) -> bytes:
    return f"{id_} {timestamp} {hash_}\n".encode()
