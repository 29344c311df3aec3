"""Signatures of releases: made and verified by `ssh-keygen`, which every machine has."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pioreactor.updates.errors import UpdateRefusedError

NAMESPACE: Final = "pioreactor-release"
SIGNER: Final = "release"
SHIPPED_SIGNERS: Final = Path(__file__).with_name("release_signers")
MACHINE_SIGNERS: Final = Path("/etc/pioreactor/release_signers")
"""Keys that the laboratory trusts besides those that the software brings; only root can change them."""
_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True)
class Signers:
    """Whose releases are installed: files in the format of `allowed_signers` of OpenSSH."""

    files: tuple[Path, ...] = (SHIPPED_SIGNERS, MACHINE_SIGNERS)

    def identity(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what differs once one of the files was changed."""
        found = (path.stat() if path.is_file() else None for path in self.files)
        return tuple(None if each is None else (each.st_ino, each.st_size, each.st_mtime_ns) for each in found)

    def verify(self, content: bytes, signature: bytes) -> None:
        """Raise `UpdateRefusedError` unless one of the signers has signed the content."""
        known = "\n".join(path.read_text(encoding="utf-8") for path in self.files if path.is_file())
        if not any(line.strip() and not line.startswith("#") for line in known.splitlines()):
            raise UpdateRefusedError(
                "no key is known that may sign releases",
                remedy=f"Put the key of the supplier into {MACHINE_SIGNERS}.",
            )
        with TemporaryDirectory(prefix="signature-") as folder:
            signers, signed = Path(folder) / "signers", Path(folder) / "signature"
            signers.write_text(known + "\n", encoding="utf-8")
            signed.write_bytes(signature)
            command = ("ssh-keygen", "-Y", "verify", "-f", signers, "-I", SIGNER, "-n", NAMESPACE, "-s", signed)
            try:
                done = subprocess.run(command, input=content, capture_output=True, timeout=_TIMEOUT_S, check=False)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise UpdateRefusedError(
                    f"the signature cannot be verified: {error}", remedy="Install the package openssh-client."
                ) from error
        if done.returncode != 0:
            raise UpdateRefusedError(
                "the signature is not that of a known signer, or the release was changed after it was signed",
                remedy="Fetch the release again from its supplier; do not install this one.",
            )


def sign(content: Path, key: Path) -> Path:
    """Sign a file with an SSH key (Ed25519); return the file with the signature. Raise `CalledProcessError`."""
    signature = content.with_name(content.name + ".sig")
    signature.unlink(missing_ok=True)
    command = ("ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, content)
    subprocess.run(command, check=True, capture_output=True)
    return signature
