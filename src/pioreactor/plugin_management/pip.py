"""Pip, as far as plugins are installed with it: what a package needs is found first, then put into a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import InvalidRequestError, PioreactorError
from pioreactor.processes.launch import module_argv

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,60}")
_WHEEL: Final = re.compile(r"[A-Za-z0-9_.]{1,100}-[A-Za-z0-9_.!+]{1,60}(?:-[A-Za-z0-9_.]{1,60}){3,4}\.whl")
_OPTIONS: Final = ("--no-input", "--disable-pip-version-check", "--only-binary=:all:", "--progress-bar=off")
"""Only wheels: the build of a source archive would run its code before anything is checked."""


class PackageError(PioreactorError):
    """A package cannot be installed."""

    code = "package"
    status = 409


class _Archive(msgspec.Struct):
    hashes: dict[str, str] = {}


class _Download(msgspec.Struct):
    url: str
    archive_info: _Archive = msgspec.field(default_factory=_Archive)


class _Metadata(msgspec.Struct):
    name: str
    version: str


class _Item(msgspec.Struct):
    metadata: _Metadata
    download_info: _Download
    requested: bool = False


class _Report(msgspec.Struct):
    install: list[_Item]


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package that pip found, with the file that it is."""

    name: str
    version: str
    sha256: str
    is_requested: bool


def requirement(name: str, version: str | None = None) -> str:
    """Return what pip is asked for; raise `InvalidRequestError` for a name or version that may be anything else.

    A name that is an option, a path or an address is refused.
    """
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(
            f"{name[:100]!r} is not the name of a package", remedy="Use letters, digits, and . _ - between them."
        )
    refuse_ours(name)
    if version is None:
        return name
    if not _VERSION.fullmatch(version):
        raise InvalidRequestError(f"{version[:100]!r} is not a version")
    return f"{name}=={version}"


def refuse_ours(name: str) -> None:
    """Raise `InvalidRequestError` for the package of this software."""
    if name.lower() == "pioreactor":
        raise InvalidRequestError(
            "pioreactor itself is not a plugin", remedy="Install its new version in the way its first was installed."
        )


def name_of_wheel(file: Path) -> tuple[str, str]:
    """Return name and version of a wheel by its file name; raise `InvalidRequestError` if it is none."""
    if not _WHEEL.fullmatch(file.name):
        raise InvalidRequestError(f"{file.name[:100]!r} is not the file name of a wheel")
    name, version, *_ = file.name.split("-")
    return name, version


@dataclass(frozen=True, slots=True)
class Pip:
    """Runs pip under this interpreter. Its usual variables (`PIP_INDEX_URL`, `PIP_FIND_LINKS`, …) have an effect."""

    argv: Sequence[str] = field(default_factory=lambda: module_argv("pip"))
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    search_path: Sequence[str] = field(default_factory=lambda: tuple(sys.path))
    """Where the packages lie that are never replaced."""
    timeout_s: float = 600.0

    def find(self, wanted: str, work: Path, *, beside: Path | None = None) -> list[Wheel]:
        """Return the packages to be installed for a requirement: without those that this environment has.

        With `beside` the package index is not asked: everything must lie in this folder. Raise `PackageError` if there
        is no such package, or if it needs another version of one that the software itself uses.
        """
        constraints = work / "constraints.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in self._present()), encoding="utf-8")
        report = work / "report.json"
        arguments = ["--dry-run", "--report", str(report), "--constraint", str(constraints), *_where(beside)]
        self._run([*arguments, "--", wanted])
        found = msgspec.json.decode(report.read_bytes(), type=_Report).install
        return [
            Wheel(
                item.metadata.name,
                item.metadata.version,
                item.download_info.archive_info.hashes.get("sha256", ""),
                item.requested,
            )
            for item in found
        ]

    def install(self, wheels: Sequence[Wheel], target: Path, work: Path, *, beside: Path | None = None) -> None:
        """Put exactly these packages into a folder."""
        if not all(wheel.sha256 for wheel in wheels):
            raise PackageError("the package index gives no hash of a file, which may not be what was checked")
        requirements = work / "requirements.txt"
        lines = [f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels]
        requirements.write_text("".join(lines), encoding="utf-8")
        arguments = ["--no-deps", "--require-hashes", "--no-compile", "--target", str(target), *_where(beside)]
        self._run([*arguments, "--requirement", str(requirements)])

    def _present(self) -> list[tuple[str, str]]:
        from importlib.metadata import distributions

        found = ((each.metadata["Name"], each.version) for each in distributions(path=list(self.search_path)))
        return sorted({(name, version) for name, version in found if name and _NAME.fullmatch(name)})

    def _run(self, arguments: Sequence[str]) -> None:
        command = [*self.argv, "install", *_OPTIONS, *arguments]
        try:
            finished = subprocess.run(
                command,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=self.timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise PackageError(f"the package index did not answer within {self.timeout_s:g} s") from error
        except OSError as error:
            raise PackageError(f"pip cannot be started: {error}") from error
        if finished.returncode:
            raise _refusal(finished.stdout, finished.stderr)


def _where(beside: Path | None) -> list[str]:
    return [] if beside is None else ["--no-index", "--find-links", str(beside)]


def _refusal(stdout: str, stderr: str) -> PioreactorError:
    lines = [line.removeprefix("ERROR: ").strip() for line in stderr.splitlines() if line.startswith("ERROR: ")]
    text = "; ".join(lines) if lines else stderr.strip()[-300:]
    if "conflict" in text.lower():
        _, _, cause = stdout.partition("The conflict is caused by:")
        return PackageError(
            f"the package needs another version of what this software uses: {' '.join(cause.split())[:400]}",
            remedy="Ask its author for a release that works with this version.",
        )
    if "No matching distribution" in text or "Could not find a version" in text:
        return PackageError(
            f"pip found no wheel: {text[:400]}",
            remedy="Check name and version. A file is installed only with what lies beside it.",
        )
    return PackageError(f"pip failed: {text[:400]}")
