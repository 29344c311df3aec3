"""The signature of an experiment's archive: the SHA-256 of its files, signed with the leader's key of the audit trail.

Other programs verify it too: `sha256sum -c SHA256SUMS`, and
`ssh-keygen -Y check-novalidate -n pioreactor-archive -s SHA256SUMS.sig <SHA256SUMS`.
"""

import hashlib
from pathlib import Path
from typing import Final
from zipfile import ZipFile

from pioreactor.audit.signed_trail import HeadSigning, fingerprint_of, fingerprint_of_head
from pioreactor.audit.verification import HEAD_FILE, heads_of_export
from pioreactor.exc import InvalidRequestError

SUMS_FILE: Final = "SHA256SUMS"
SIGNATURE_FILE: Final = "SHA256SUMS.sig"
_NAMESPACE: Final = "pioreactor-archive"
_CHUNK_BYTES: Final = 1024**2
_MAX_SUMS_BYTES: Final = 50_000_000
_MAX_SIGNATURE_BYTES: Final = 10_000


class AlteredArchiveError(InvalidRequestError):
    """An archive is not as it was exported."""

    code = "altered_archive"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"the archive was altered after it was exported: {what}",
            remedy="Export the experiment again on its leader, or get another copy of the archive.",
        )


def sign_archive(archive: ZipFile, signing: HeadSigning) -> None:
    """Add the list of files and its signature to an archive that is otherwise complete; raise `StorageError`.

    A leader that has signed nothing yet has no key, and adds the list alone.
    """
    sums = "".join(f"{_sha256(archive, name)}  {name}\n" for name in archive.namelist())
    archive.writestr(SUMS_FILE, sums)
    if signing.public_key is not None:
        archive.writestr(SIGNATURE_FILE, signing.signature(sums.encode(), _NAMESPACE, "the archive"))


def checked_origin(path: Path, signing: HeadSigning) -> str:
    """Return what is known of the signer, in a sentence; raise `AlteredArchiveError` that says what was altered."""
    with ZipFile(path) as archive:
        names = archive.namelist()
        if SUMS_FILE not in names:
            return "The archive is not signed: nothing says whether it was altered."
        sums = _small(archive, SUMS_FILE, _MAX_SUMS_BYTES)
        _check_files(archive, sums)
        if SIGNATURE_FILE not in names:
            return "The archive has no signature: its list of files may have been altered too."
        signature = _small(archive, SIGNATURE_FILE, _MAX_SIGNATURE_BYTES).decode("ascii", errors="replace")
        has_head = HEAD_FILE in names and _small(archive, HEAD_FILE, _MAX_SUMS_BYTES) != b"null"
    key = fingerprint_of(sums, signature, _NAMESPACE)
    if key is None:
        raise AlteredArchiveError(f"{SIGNATURE_FILE} does not fit {SUMS_FILE}")
    if has_head:
        _check_head(path)
    if key == signing.fingerprint:
        return "The archive is as this leader exported and signed it."
    return f"The archive is as it was signed, with a key that is not of this leader: {key}."


def _check_head(path: Path) -> None:
    for signed in heads_of_export(path)[1:]:
        if fingerprint_of_head(signed) is None:
            raise AlteredArchiveError(f"the head of the audit trail, entry {signed.id}, does not fit its signature")


def _check_files(archive: ZipFile, sums: bytes) -> None:
    lines = [line.partition("  ") for line in sums.decode("utf-8", errors="replace").splitlines()]
    listed = {name: digest for digest, _, name in lines}
    present = {name: _sha256(archive, name) for name in archive.namelist() if name not in (SUMS_FILE, SIGNATURE_FILE)}
    differing = [name for name in {**present, **listed} if present.get(name) != listed.get(name)]
    faults = [f"{name} {_fault(name, listed, present)}" for name in differing]
    if faults:
        more = f", and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise AlteredArchiveError(", ".join(faults[:5]) + more)


def _fault(name: str, listed: dict[str, str], present: dict[str, str]) -> str:
    if name not in present:
        return "is missing"
    if name not in listed:
        return "was added"
    return "was changed"


def _sha256(archive: ZipFile, name: str) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _small(archive: ZipFile, name: str, max_bytes: int) -> bytes:
    with archive.open(name) as file:
        return file.read(max_bytes)
