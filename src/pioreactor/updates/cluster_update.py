"""The order of an update of several units: the leader first, then one worker after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import msgspec

from pioreactor.exc import PioreactorError, UnitUnreachableError
from pioreactor.http.files_in_parts import digest_of, parts_of
from pioreactor.updates.archives import PART_BYTES, Archive
from pioreactor.updates.errors import UpdateFailedError, UpdateRefusedError
from pioreactor.updates.progress import Progress
from pioreactor.updates.unit_update import UpdateRequest, UpdateState
from pioreactor.updates.version_order import refuse_older

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
    """Updates workers from a release archive of this machine.

    A worker that fails ends it: the others stay. One that does not answer is skipped.
    """

    ask: AskUnit
    send: SendBytes
    pause: Callable[[float], object]
    report: Progress

    def run(self, units: Sequence[str], archive: Path, version: str, request: UpdateRequest) -> None:
        """Update each unit in turn; raise `UpdateFailedError` at the first that keeps its version.

        Units that do not answer are named by that error, after all others were updated.
        """
        absent: list[str] = []
        for number, unit in enumerate(units):
            try:
                before = self._state(unit)
            except UnitUnreachableError:
                absent.append(unit)
                self.report(f"{unit}: it does not answer, and is skipped")
                continue
            try:
                self._update(unit, before, archive, version, request)
            except PioreactorError as error:
                rest = units[number + 1 :]
                not_tried = f" Not updated either: {', '.join(rest)}." if rest else ""
                raise UpdateFailedError(f"{unit} keeps its version: {error}.{not_tried}") from error
            self.report(f"{unit}: version {version} runs")
        if absent:
            again = " ".join(f"--units {unit}" for unit in absent)
            raise UpdateFailedError(
                f"not updated, because they do not answer: {', '.join(absent)}",
                remedy=f"When they are back: pios update app --source {archive.name} {again}",
            )

    def refuse_early(self, units: Sequence[str], version: str, request: UpdateRequest) -> None:
        """Raise `UpdateRefusedError` if a unit would refuse, of those that answer; nothing was changed until then."""
        states = [state for unit in units if (state := self._answer(unit)) is not None]
        refuse_states(states, version, allow_older=request.allow_older, even_with_jobs=request.even_with_jobs)

    def _answer(self, unit: str) -> UpdateState | None:
        with suppress(UnitUnreachableError):
            return self._state(unit)
        return None

    def _update(self, unit: str, before: UpdateState, archive: Path, version: str, request: UpdateRequest) -> None:
        if before.version == version:
            return
        self.report(f"{unit}: sending {archive.name}")
        options = {
            "source": self.hand_over(unit, archive),
            "allow_older": request.allow_older,
            "even_with_jobs": request.even_with_jobs,
        }
        self.ask(unit, "POST", f"{PATH}/app", json={"options": options}, timeout_s=60.0)
        self.report(f"{unit}: updating from {before.version}")
        self._wait(unit, before, version)

    def hand_over(self, unit: str, archive: Path) -> str:
        """Send an archive to a unit, which checks it; return the name that it has there, which is of its version."""
        path = f"{PATH}/received/{quote(archive.name)}"
        for offset, part in parts_of(archive, PART_BYTES):
            self.send(unit, "PUT", f"{path}/parts/{offset}", body=part)
        received = self.ask(unit, "POST", f"{path}/finish", json={"sha256": digest_of(archive)}, timeout_s=120.0)
        return msgspec.convert(received, Archive).name

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


def refuse_states(states: Sequence[UpdateState], version: str, *, allow_older: bool, even_with_jobs: bool) -> None:
    """Raise `UpdateRefusedError` if a unit has a newer version, or runs jobs and has another version."""
    others = [state for state in states if state.version != version]
    for state in others:
        refuse_older(version, state.version, is_allowed=allow_older, unit=state.pioreactor_unit)
    active = [] if even_with_jobs else [state for state in others if state.activities]
    if active:
        running = "; ".join(f"{state.pioreactor_unit} runs {', '.join(state.activities)}" for state in active)
        raise UpdateRefusedError(
            running,
            remedy="Stop it first, or update with --force: jobs keep the version that they were started with.",
        )
