"""The order of an update of several units: the leader first, then one worker after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import msgspec

from pioreactor.exc import PioreactorError
from pioreactor.http.files_in_parts import digest_of, parts_of
from pioreactor.updates.archives import PART_BYTES
from pioreactor.updates.errors import UpdateFailedError
from pioreactor.updates.progress import Progress
from pioreactor.updates.unit_update import UpdateRequest, UpdateState

PATH: Final = "/unit_api/system/update"
_POLL_S: Final = 3.0
_PATIENCE_S: Final = 3600.0


class AskUnit(Protocol):
    """Send a request to a unit; return its answer, or the result of its task: `CliContext.ask`."""

    def __call__(
        self, unit: str, method: str, path: str, *, json: object = None, timeout_s: float = 10.0
    ) -> object: ...


class SendBytes(Protocol):
    """Send bytes to a unit: `CliContext.fetch`."""

    def __call__(self, unit: str, method: str, path: str, *, body: bytes | None = None) -> bytes: ...


@dataclass(frozen=True)
class ClusterUpdate:
    """Updates workers from a release archive of this machine. A worker that fails ends it: the others stay."""

    ask: AskUnit
    send: SendBytes
    pause: Callable[[float], object]
    report: Progress

    def run(self, units: Sequence[str], archive: Path, version: str, request: UpdateRequest) -> None:
        """Update each unit in turn; raise `UpdateFailedError` at the first that keeps its version."""
        for number, unit in enumerate(units):
            try:
                self._update(unit, archive, version, request)
            except PioreactorError as error:
                rest = units[number + 1 :]
                not_tried = f" Not updated either: {', '.join(rest)}." if rest else ""
                raise UpdateFailedError(f"{unit} keeps its version: {error}.{not_tried}") from error
            self.report(f"{unit}: version {version} runs")

    def _update(self, unit: str, archive: Path, version: str, request: UpdateRequest) -> None:
        before = self._state(unit)
        if before.version == version:
            return
        self.report(f"{unit}: sending {archive.name}")
        self.hand_over(unit, archive)
        options = {
            "source": archive.name,
            "allow_older": request.allow_older,
            "even_with_jobs": request.even_with_jobs,
        }
        self.ask(unit, "POST", f"{PATH}/app", json={"options": options}, timeout_s=60.0)
        self.report(f"{unit}: updating from {before.version}")
        self._wait(unit, before, version)

    def hand_over(self, unit: str, archive: Path) -> None:
        """Send an archive to a unit, which checks it."""
        path = f"{PATH}/received/{quote(archive.name)}"
        for offset, part in parts_of(archive, PART_BYTES):
            self.send(unit, "PUT", f"{path}/parts/{offset}", body=part)
        self.ask(unit, "POST", f"{path}/finish", json={"sha256": digest_of(archive)}, timeout_s=120.0)

    def _wait(self, unit: str, before: UpdateState, version: str) -> None:
        ended_before = before.last.ended_at if before.last is not None else None
        for _ in range(int(_PATIENCE_S / _POLL_S)):
            self.pause(_POLL_S)
            try:
                state = self._state(unit)
            except PioreactorError:
                continue  # its web server is restarted
            last = state.last
            if state.in_progress is None and last is not None and last.ended_at != ended_before:
                if last.is_installed and state.version == version:
                    return
                raise UpdateFailedError(last.message, remedy=last.remedy)
        raise UpdateFailedError(f"its update did not end within {_PATIENCE_S / 60:.0f} min")

    def _state(self, unit: str) -> UpdateState:
        return msgspec.convert(self.ask(unit, "GET", PATH), UpdateState)
