"""Python environments of versions: made with venv and pip, and asked in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.processes.launch import failure_of
from pioreactor.updates.bundle import own_wheel
from pioreactor.updates.errors import UpdateFailedError

_INSTALL_TIMEOUT_S: Final = 1800.0
"""A Raspberry Pi Zero compiles for minutes."""
MODULE: Final = "pioreactor.updates.new_version"
_MIGRATION_TIMEOUT_S: Final = 3600.0
_CHECK_TIMEOUT_S: Final = 300.0
_STATUS_TIMEOUT_S: Final = 120.0
_NO_ANSWER: Final = "pio status"
_WHERE_THERE_IS: Final = {"parquet": "arro3_io-*.whl", "postgresql": "psycopg-*.whl"}
"""Extras whose libraries do not exist for every system, and the wheels by which they are known."""


@dataclass(frozen=True)
class PipEnvironments:
    """Makes environments from wheels; `uses_index`: what is missing among them comes from pip's package index."""

    extras: Sequence[str] = ("leader",)
    uses_index: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def build(self, wheels: Path, version: str, target: Path) -> None:
        own = own_wheel([path.name for path in wheels.glob("*.whl")], version)
        if own is None:
            raise UpdateFailedError(f"the release has no wheel of version {version}")
        self._run("the environment", [sys._base_executable, "-m", "venv", str(target)])  # type: ignore[attr-defined]
        python = str(target / "bin" / "python")
        # The wheel is named by its path: no other package of the name is ever taken from an index.
        more = [extra for extra, needed in _WHERE_THERE_IS.items() if self.uses_index or any(wheels.glob(needed))]
        what = f"{wheels / own}[{','.join((*self.extras, *more))}]"
        index = () if self.uses_index else ("--no-index",)
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir")
        self._run("the wheels", [*pip, *index, "--find-links", str(wheels), what])
        found = self._run("the version", [python, "-P", "-c", "import pioreactor.version as v; print(v.__version__)"])
        if found.strip() != version:
            raise UpdateFailedError(f"the wheel of version {version} contains version {found.strip()[:50]}")

    def _run(self, what: str, command: Sequence[str]) -> str:
        try:
            done = subprocess.run(
                command,
                env=_without_python(self.environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_INSTALL_TIMEOUT_S,
                check=False,
                umask=0o022,  # other accounts of the machine may run it
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UpdateFailedError(f"{what} could not be installed: {error}") from error
        if done.returncode != 0:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if "ERROR" in line]
            text = " ".join(lines) if lines else (done.stderr + done.stdout).strip()[-400:]
            raise UpdateFailedError(f"{what} could not be installed: {text[:600]}")
        return done.stdout


class _Check(msgspec.Struct):
    check: str
    verdict: str


class _Status(msgspec.Struct):
    checks: list[_Check]


@dataclass(frozen=True)
class VersionProcesses:
    """Runs programs of an environment with the variables of this process."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def migrate(self, environment: Path, database: Path) -> None:
        self._ask("the migration of the database", environment, _MIGRATION_TIMEOUT_S, "migrate", str(database))

    def check(self, environment: Path, version: str, database: Path | None) -> None:
        arguments = ["check", version, *([str(database)] if database is not None else [])]
        self._ask("the trial of the new version", environment, _CHECK_TIMEOUT_S, *arguments)

    def faults(self, environment: Path) -> Set[str]:
        argv = [str(environment / "bin" / "python"), "-P", "-m", "pioreactor.cli.main", "status", "--json"]
        try:
            done = self._run(argv, _STATUS_TIMEOUT_S)
            status = msgspec.json.decode(done.stdout, type=_Status)
        except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError):
            return frozenset({_NO_ANSWER})
        return frozenset(each.check for each in status.checks if each.verdict == "FAIL")

    def _ask(self, what: str, environment: Path, timeout_s: float, *arguments: str) -> None:
        argv = [str(environment / "bin" / "python"), "-P", "-m", MODULE, *arguments]
        try:
            done = self._run(argv, timeout_s)
        except subprocess.TimeoutExpired as error:
            raise UpdateFailedError(f"{what} takes longer than {timeout_s:g} s") from error
        except OSError as error:
            raise UpdateFailedError(f"{what} could not be started: {error}") from error
        if done.returncode != 0:
            failure = failure_of(done.stderr, done.returncode)
            raise UpdateFailedError(f"{what} failed: {failure.message}", remedy=failure.remedy)

    def _run(self, argv: Sequence[str], timeout_s: float) -> subprocess.CompletedProcess[bytes]:
        variables = _without_python(self.environment)
        return subprocess.run(
            argv, env=variables, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False
        )


def _without_python(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without those that would let one version see the modules of another."""
    return {name: text for name, text in environment.items() if not name.startswith("PYTHON")}
