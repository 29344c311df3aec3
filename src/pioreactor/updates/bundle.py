"""Release archives: a zip with wheels and a signed manifest, which is all a machine without internet needs."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import msgspec

from pioreactor.exc import InvalidRequestError
from pioreactor.updates.errors import UpdateRefusedError
from pioreactor.updates.ports import Release
from pioreactor.updates.signature import Signers, sign
from pioreactor.updates.version_order import order_of

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.json.sig"
FIRMWARE: Final = "firmware/main.elf"
WHEELS: Final = "wheels/"
MAX_BYTES: Final = 1024**3
_MAX_MANIFEST_BYTES: Final = 1024**2
_BLOCK: Final = 256 * 1024
_FILE_NAME: Final = re.compile(r"wheels/[A-Za-z0-9_.+!-]{1,200}\.whl|firmware/main\.elf")
ARCHIVE_NAME: Final = re.compile(r"release_[A-Za-z0-9._]{1,60}\.zip")
_OWN_WHEEL: Final = re.compile(r"pioreactor-(?P<version>[^-]+)-[^/]+\.whl")


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed."""

    version: str
    released_at: str
    files: dict[str, str]
    """SHA-256 by the name of each file."""
    channel: str = "stable"
    notes: str = ""
    """What is new, for people."""
    format: int = 1


@dataclass(frozen=True)
class Bundle:
    """A release archive on this machine or on a drive."""

    archive: Path
    signers: Signers = field(default_factory=Signers)

    def verify(self) -> Manifest:
        """Check the signature and every file; return the manifest. Raise `UpdateRefusedError` and `OSError`."""
        with self._opened() as (archive, manifest, _):
            for name, expected in manifest.files.items():
                _copy(archive, name, expected, None)
        return manifest

    def manifest(self) -> Manifest:
        """Check the signature alone; return the manifest."""
        with self._opened() as (_, manifest, _digest):
            return manifest

    def unpack(self, folder: Path) -> Release:
        """Put the wheels of a release that is genuine into a folder."""
        with self._opened() as (archive, manifest, digest):
            for name, expected in manifest.files.items():
                if name.startswith(WHEELS):
                    with (folder / name.removeprefix(WHEELS)).open("xb") as file:
                        _copy(archive, name, expected, file)
        return Release(manifest.version, digest)

    def unpack_firmware(self, target: Path) -> Manifest:
        """Write the firmware of the reactor's board into a file."""
        with self._opened() as (archive, manifest, _):
            if FIRMWARE not in manifest.files:
                raise InvalidRequestError(f"{self.archive.name} brings no firmware")
            with target.open("wb") as file:
                _copy(archive, FIRMWARE, manifest.files[FIRMWARE], file)
        return manifest

    @contextmanager
    def _opened(self) -> Iterator[tuple[zipfile.ZipFile, Manifest, str]]:
        try:
            with zipfile.ZipFile(self.archive) as archive:
                content = _read(archive, MANIFEST)
                self.signers.verify(content, _read(archive, SIGNATURE))
                yield archive, _decoded(content), hashlib.sha256(content).hexdigest()
        except (zipfile.BadZipFile, NotImplementedError, EOFError, KeyError) as error:
            raise UpdateRefusedError(f"{self.archive.name} is not a release archive, or is damaged: {error}") from error


def _decoded(content: bytes) -> Manifest:
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise UpdateRefusedError(
            f"the release cannot be read: {error}", remedy="It may need a newer version in between."
        ) from error
    order_of(manifest.version)
    wrong = [name for name in manifest.files if _FILE_NAME.fullmatch(name) is None]
    if wrong or own_wheel(list(manifest.files), manifest.version) is None:
        raise UpdateRefusedError(f"the release has unexpected files: {', '.join(wrong) if wrong else 'no wheel of it'}")
    return manifest


def own_wheel(names: Sequence[str], version: str) -> str | None:
    """Return which of the files is the wheel of this software in that version."""
    for name in names:
        found = _OWN_WHEEL.fullmatch(name.rpartition("/")[2])
        if found is not None and found["version"] == version:
            return name
    return None


@dataclass(frozen=True)
class WheelFile:
    """A wheel of this software, which is not signed: for people at the keyboard of the machine."""

    wheel: Path

    def unpack(self, folder: Path) -> Release:
        found = _OWN_WHEEL.fullmatch(self.wheel.name)
        if found is None:
            raise InvalidRequestError(f"{self.wheel.name[:100]} is neither a release archive nor a wheel of pioreactor")
        order_of(found["version"])
        # With those beside it, it needs no network.
        digest = ""
        for wheel in sorted(self.wheel.parent.glob("*.whl")):
            if wheel == self.wheel or not wheel.name.startswith("pioreactor-"):
                content = wheel.read_bytes()
                (folder / wheel.name).write_bytes(content)
                digest = hashlib.sha256(content).hexdigest() if wheel == self.wheel else digest
        return Release(found["version"], digest)


def make_bundle(
    target: Path,
    wheels: Sequence[Path],
    key: Path,
    *,
    version: str,
    released_at: str,
    notes: str,
    firmware: Path | None,
) -> Manifest:
    """Write a signed release archive; raise `OSError` and `CalledProcessError`."""
    contents: Mapping[str, Path] = {f"{WHEELS}{path.name}": path for path in wheels} | (
        {FIRMWARE: firmware} if firmware is not None else {}
    )
    files = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in sorted(contents.items())}
    manifest = Manifest(version, released_at, files, notes=notes)
    draft = target.with_name(MANIFEST)
    draft.write_bytes(msgspec.json.encode(manifest))
    signature = sign(draft, key)
    with zipfile.ZipFile(target, "w") as archive:
        archive.write(draft, MANIFEST)
        archive.write(signature, SIGNATURE)
        for name, path in contents.items():
            archive.write(path, name)
    draft.unlink()
    signature.unlink()
    return manifest


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as file:
        content = file.read(_MAX_MANIFEST_BYTES + 1)
    if len(content) > _MAX_MANIFEST_BYTES:
        raise UpdateRefusedError(f"{name} of the release is too large")
    return content


def _copy(archive: zipfile.ZipFile, name: str, expected: str, target: IO[bytes] | None) -> None:
    digest, size = hashlib.sha256(), 0
    with archive.open(name) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            if size > MAX_BYTES:
                raise UpdateRefusedError(f"{name} of the release is too large")
            digest.update(block)
            if target is not None:
                target.write(block)
    if digest.hexdigest() != expected:
        raise UpdateRefusedError(f"{name} is not as it was signed", remedy="Fetch the release again.")
