"""The texts of calibrations and estimators: in a unit's files, and in memory for virtual time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from pioreactor.exc import InvalidRequestError, StorageError
from pioreactor.private_files import write_atomically
from pioreactor.storage.paths import Paths
from pioreactor.storage.ports import ArtifactKind

SUFFIX = ".yaml"
LONGEST_COMPONENT_BYTES = 255
_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*( [A-Za-z0-9._-]+)*")


def check_component(what: str, name: str) -> None:
    """Raise `InvalidRequestError` unless a name can be a part of a path, on every unit and in every URL."""
    if not _SAFE.fullmatch(name) or len(name + SUFFIX) > LONGEST_COMPONENT_BYTES:
        raise InvalidRequestError(
            f"{name[:60]!r} cannot be the name of a {what}",
            remedy="Use letters, digits, '.', '-', '_' and single spaces; begin with a letter or digit.",
        )


class MemoryArtifacts:
    """Texts that live as long as this object."""

    def __init__(self) -> None:
        self._texts: dict[tuple[ArtifactKind, str, str], str] = {}

    def read(self, kind: ArtifactKind, device: str, name: str) -> str | None:
        _check(device, name)
        return self._texts.get((kind, device, name))

    def write(self, kind: ArtifactKind, device: str, name: str, text: str) -> None:
        _check(device, name)
        self._texts[kind, device, name] = text

    def delete(self, kind: ArtifactKind, device: str, name: str) -> bool:
        _check(device, name)
        return self._texts.pop((kind, device, name), None) is not None

    def names(self, kind: ArtifactKind) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for of_kind, device, name in sorted(self._texts):
            if of_kind == kind:
                found.setdefault(device, []).append(name)
        return found


class DiskArtifacts:
    """One file per text: `<kind>/<device>/<name>.yaml`. Nothing is created before the first write."""

    def __init__(self, paths: Paths) -> None:
        self._roots: Mapping[ArtifactKind, Path] = {"calibrations": paths.calibrations, "estimators": paths.estimators}

    def _path(self, kind: ArtifactKind, device: str, name: str) -> Path:
        _check(device, name)
        return self._roots[kind] / device / (name + SUFFIX)

    def read(self, kind: ArtifactKind, device: str, name: str) -> str | None:
        path = self._path(kind, device, name)
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise StorageError(f"{path} cannot be read: {error}") from error

    def write(self, kind: ArtifactKind, device: str, name: str, text: str) -> None:
        path = self._path(kind, device, name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)
        except OSError as error:
            raise StorageError(f"{path} cannot be written: {error}") from error

    def delete(self, kind: ArtifactKind, device: str, name: str) -> bool:
        path = self._path(kind, device, name)
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StorageError(f"{path} cannot be deleted: {error}") from error
        return True

    def names(self, kind: ArtifactKind) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self._roots[kind].glob(f"*/*{SUFFIX}")):
            device, name = path.parent.name, path.name.removesuffix(SUFFIX)
            if _SAFE.fullmatch(device) and _SAFE.fullmatch(name):
                found.setdefault(device, []).append(name)
        return found


def _check(device: str, name: str) -> None:
    check_component("device", device)
    check_component("calibration or estimator", name)
