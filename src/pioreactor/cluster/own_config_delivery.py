"""Delivery of each unit's own configuration: what is saved on the leader reaches the unit, also after an absence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pioreactor.cluster.delivery_records import (
    DeliveryRecord,
    DeliveryRecords,
    DeliveryStatus,
    Saved,
    digest_of,
    is_refusal,
    numbered,
)
from pioreactor.exc import ConflictError
from pioreactor.http.fanout import Answered, Failed, UnitRefusedError, UnitReport, ask_each, report
from pioreactor.settings.ini import normalize_dashes

CACHE: Final = "own_config_delivery"


class OwnHistory(Protocol):
    """Every saved text of each unit's own file, newest first."""

    def add_of_unit(self, unit: str, data: str) -> None: ...

    def of_unit(self, unit: str) -> Sequence[Saved]: ...


class OwnFiles(Protocol):
    """The own files of the units, read and written over the network."""

    def read(self, unit: str) -> str: ...

    def write(self, unit: str, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class _Versions:
    """What the history has of one worker: the newest text, and the number of each by its digest."""

    newest: str
    numbers: Mapping[str, int]

    @property
    def digest(self) -> str:
        return digest_of(self.newest)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a worker is to have. `text` is None where nothing waits."""

    text: str | None
    base: str | None
    """Digest of the text that is replaced: what the worker had when the new one was saved."""


class OwnConfigDelivery:
    """Sends a text that was saved while its unit was away, and notes what was edited on the unit.

    A unit's own file may be edited on the unit as well, so that a text which waited replaces only the version that it
    was made from. Where the file was edited on the unit in the meantime, a person decides. An edit while nothing waits
    becomes a version.
    """

    def __init__(
        self, *, history: OwnHistory, units: Callable[[], Iterable[str]], files: OwnFiles, records: DeliveryRecords
    ) -> None:
        self._history = history
        self._units = units
        self._files = files
        self._records = records
        self._cached: dict[str, _Versions] = {}
        self._sending = threading.RLock()

    def states(self) -> list[DeliveryStatus]:
        """Return the state of each unit."""
        known = [(unit, self._versions(unit)) for unit in self._units()]
        return [self._records.status(unit, saved.digest, saved.numbers) for unit, saved in known]

    def save(self, unit: str, text: str, check: Callable[[], object]) -> tuple[str, dict[str, UnitReport]]:
        """Send a text and add it to the history; return the text that it replaces, and the unit's answer.

        The text waits for a unit that does not answer, unless `check` raises an error because it is not valid. Raise
        `UnitRefusedError` for a text that the unit refuses.
        """
        text = normalize_dashes(text)  # as the unit does
        with self._sending:
            known, before = self._records.of(unit), self._versions(unit)
            [answer] = ask_each([unit], lambda name: self._replace(name, text))
            if isinstance(answer, Failed):
                if is_refusal(answer):
                    raise _refusal(answer)
                check()
                if known is None:
                    self._records.store(unit, DeliveryRecord("in_step", before.digest))
            self._add(unit, text)
            self._records.note(answer, digest_of(text))
            if isinstance(answer, Failed):
                return before.newest, report([answer])
            return answer.value, report([Answered(unit, {"status": "success"})])

    def deliver(self, units: Iterable[str] | None = None) -> dict[str, UnitReport]:
        """Send what waits to the units, all by default, and read their files; return the text that each has."""
        with self._sending:
            known = list(self._units())
            chosen = known if units is None else [unit for unit in units if unit in known]
            wanted = {unit: self._wanted(unit) for unit in chosen}
            answers = ask_each(chosen, lambda unit: self._exchange(unit, wanted[unit]))
            for answer in answers:
                self._note(answer, is_waiting=wanted[answer.unit].text is not None)
            return report(answers)

    def run(self, pause: Callable[[float], bool]) -> None:
        """Poll until `pause`, which waits for a number of seconds, returns True."""
        self._records.poll_until(self.poll, pause)

    def poll(self) -> None:
        """Ask the units whose turn it is."""
        with self._sending:
            known = list(self._units())
            self._records.forget_others(known)
            self._cached = {unit: saved for unit, saved in self._cached.items() if unit in known}
            due = [unit for unit in known if self._records.is_due(unit, self._versions(unit).digest)]
            if due:
                self.deliver(due)

    def on_return(self, unit: str) -> None:
        """Have a unit asked at the next poll: it has started, or is connected again."""
        self._records.on_return(unit)

    def _versions(self, unit: str) -> _Versions:
        if unit not in self._cached:
            saved = self._history.of_unit(unit)
            self._cached[unit] = _Versions(saved[0].data if saved else "", numbered(saved))
        return self._cached[unit]

    def _add(self, unit: str, text: str) -> None:
        self._history.add_of_unit(unit, text)
        self._cached.pop(unit, None)

    def _wanted(self, unit: str) -> _Wanted:
        record, saved = self._records.of(unit), self._versions(unit)
        if record is None:
            return _Wanted(None, None)
        return _Wanted(saved.newest if record.digest != saved.digest else None, record.digest)

    def _replace(self, unit: str, text: str) -> str:
        """Write the text; return what it replaces."""
        before = self._files.read(unit)
        self._files.write(unit, text)
        return before

    def _exchange(self, unit: str, wanted: _Wanted) -> str:
        """Return the text that the unit has afterwards; raise `ConflictError` where it was edited there."""
        has = self._files.read(unit)
        if wanted.text is None or has == wanted.text:
            return has
        if digest_of(has) != wanted.base:
            raise ConflictError(
                f"the file was edited on {unit} while a version waited for it",
                remedy="Compare both on the page Configuration, and save the text that is to be.",
            )
        self._files.write(unit, wanted.text)
        return wanted.text

    def _note(self, answer: Answered[str] | Failed, *, is_waiting: bool) -> None:
        saved = self._versions(answer.unit)
        if isinstance(answer, Failed):
            (self._records.note if is_waiting else self._records.plan)(answer, saved.digest)
            return
        if answer.value != saved.newest:
            self._add(answer.unit, answer.value)
        self._records.note(answer, digest_of(answer.value))


def _refusal(failed: Failed) -> UnitRefusedError:
    return UnitRefusedError(
        failed.message, kind=failed.kind, status=failed.status_code, cause=failed.cause, remedy=failed.remediation
    )
