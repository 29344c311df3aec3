"""Delivery of the shared configuration: each worker acknowledges the version that it has, also after an absence."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from pioreactor.cluster.delivery_records import DeliveryRecords, DeliveryStatus, Saved, digest_of, numbered
from pioreactor.http.fanout import Answered, Failed, UnitReport, report

CACHE: Final = "config_delivery"
PATH: Final = "/unit_api/config/shared"


class SharedVersion(msgspec.Struct, frozen=True):
    """A version of the shared configuration. `number` counts from 1; 0 while there is no configuration."""

    number: int
    saved_at: str


class History(Protocol):
    """Every saved text of the shared file, newest first."""

    def add_shared(self, data: str) -> None: ...

    def of_shared(self) -> Sequence[Saved]: ...


Ask = Callable[[Iterable[str], str, str, object], Sequence[Answered[object] | Failed]]
"""Sends one request (units, method, path, JSON) to several units."""


class ConfigDelivery:
    """Sends the leader's file to the workers until each has acknowledged it.

    A worker that was absent is asked when its monitor reports again, and otherwise at growing intervals. A text that a
    worker refuses is sent again after `MAX_RETRY_S`, or when it has changed.
    """

    def __init__(
        self,
        *,
        read: Callable[[], str],
        history: History,
        workers: Callable[[], Iterable[str]],
        ask: Ask,
        records: DeliveryRecords,
    ) -> None:
        """`read` returns the text of the leader's file, `workers` the names of the others."""
        self._read = read
        self._history = history
        self._workers = workers
        self._ask = ask
        self._records = records
        self._versions: dict[str, int] = {}
        self._saved_at: dict[int, str] = {}
        self._newest: str | None = None
        self._sending = threading.RLock()

    def current(self) -> SharedVersion:
        """Return the version of the leader's file. A text that the history lacks, edited by hand, is added to it."""
        _, digest = self._text_and_digest()  # replaces `_versions`
        number = self._versions.get(digest, 0)
        return SharedVersion(number, self._saved_at.get(number, ""))

    def states(self) -> list[DeliveryStatus]:
        """Return the state of each worker, in the order of the inventory."""
        _, digest = self._text_and_digest()
        return [self._records.status(unit, digest, self._versions) for unit in self._workers()]

    def deliver(self, units: Iterable[str] | None = None) -> dict[str, UnitReport]:
        """Send the current version to the workers, all by default; return the answer of each."""
        with self._sending:
            text, digest = self._text_and_digest()
            known = list(self._workers())
            chosen = known if units is None else [unit for unit in units if unit in known]
            if not text:
                return {}
            answers = self._ask(chosen, "PATCH", PATH, {"code": text})
            for answer in answers:
                self._records.note(answer, digest)
            return report(answers)

    def run(self, pause: Callable[[float], bool]) -> None:
        """Poll until `pause`, which waits for a number of seconds, returns True."""
        self._records.poll_until(self.poll, pause)

    def poll(self) -> None:
        """Send the current version to the workers whose turn it is."""
        with self._sending:
            known = list(self._workers())
            self._records.forget_others(known)
            _, digest = self._text_and_digest()
            due = [unit for unit in known if self._records.is_due(unit, digest)]
            if due:
                self.deliver(due)

    def on_return(self, unit: str) -> None:
        """Have a worker asked at the next poll: it has started, or is connected again."""
        self._records.on_return(unit)

    def _text_and_digest(self) -> tuple[str, str]:
        """Return the leader's file, with its digest; the history has it afterwards."""
        text = self._read()
        digest = digest_of(text)
        if text and digest != self._newest:
            saved = self._history.of_shared()
            if not saved or saved[0].data != text:
                self._history.add_shared(text)
                saved = self._history.of_shared()
            self._versions = numbered(saved)
            self._saved_at = {number: each.timestamp for number, each in enumerate(reversed(saved), start=1)}
            self._newest = digest
        return text, digest
