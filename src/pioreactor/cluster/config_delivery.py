"""Delivery of the shared configuration: each worker acknowledges the version that it has, also after an absence."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

import msgspec

from pioreactor.exc import PioreactorError
from pioreactor.http.fanout import Answered, Failed, UnitReport, report
from pioreactor.storage.ports import KeyValues
from pioreactor.structs.encoding import to_timestamp

CACHE: Final = "config_delivery"
POLL_EVERY_S: Final = 5.0
MIN_RETRY_S: Final = 10.0
MAX_RETRY_S: Final = 300.0
VERIFY_EVERY_S: Final = 900.0
"""Interval at which the current version is sent again to units that have it: their file may have been edited."""
PATH: Final = "/unit_api/config/shared"

_RETRIED: Final = frozenset({401, 403, 404, 408, 429})
"""Statuses of a worker whose token or version is not up to date yet, or that is busy."""

DeliveryState = Literal["in_step", "waiting", "refused"]

_log = logging.getLogger("pioreactor.web")


class DeliveryStatus(msgspec.Struct):
    """What the leader knows of the shared configuration on one worker."""

    pioreactor_unit: str
    state: DeliveryState
    version: int | None
    """Number of the version that the worker acknowledged last; null for none."""
    since: str
    """When the worker came into this state."""
    message: str | None = None
    """Why the current version is not on the worker."""


class SharedVersion(msgspec.Struct, frozen=True):
    """A version of the shared configuration. `number` counts from 1; 0 while there is no configuration."""

    number: int
    saved_at: str


class _Record(msgspec.Struct):
    """What is stored of one worker."""

    state: DeliveryState
    digest: str | None
    """Digest of the text that the worker acknowledged last."""
    since: str
    message: str | None = None


class History(Protocol):
    """Every saved text of the shared file, newest first."""

    def add_shared(self, data: str) -> None: ...

    def of_shared(self) -> Sequence[Saved]: ...


class Saved(Protocol):
    @property
    def timestamp(self) -> str: ...

    @property
    def data(self) -> str: ...


Ask = Callable[[Iterable[str], str, str, object], Sequence[Answered[object] | Failed]]
"""Sends one request (units, method, path, JSON) to several units."""


@dataclass(slots=True)
class _Attempt:
    """What was sent to a worker last (None: nothing since its return), and when it is asked next [monotonic s]."""

    digest: str | None
    next_s: float
    delay_s: float = MIN_RETRY_S
    """Delay after another failure."""


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
        cache: KeyValues,
        now: Callable[[], datetime],
        seconds: Callable[[], float],
    ) -> None:
        """`read` returns the text of the leader's file, `workers` the names of the others.

        `now` is the time that people see, `seconds` a clock for intervals that a simulation does not speed up.
        """
        self._read = read
        self._history = history
        self._workers = workers
        self._ask = ask
        self._cache = cache
        self._now = now
        self._seconds = seconds
        self._attempts: dict[str, _Attempt] = {}
        self._versions: dict[str, SharedVersion] = {}
        self._newest: str | None = None
        self._sending = threading.RLock()

    def current(self) -> SharedVersion:
        """Return the version of the leader's file. A text that the history lacks, edited by hand, is added to it."""
        _, digest = self._text_and_digest()  # replaces `_versions`
        return self._versions.get(digest, SharedVersion(0, ""))

    def states(self) -> list[DeliveryStatus]:
        """Return the state of each worker, in the order of the inventory."""
        _, digest = self._text_and_digest()
        return [self._status(unit, digest) for unit in self._workers()]

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
                self._note(answer, digest)
            return report(answers)

    def run(self, pause: Callable[[float], bool]) -> None:
        """Poll until `pause`, which waits for a number of seconds, returns True."""
        while True:
            try:
                self.poll()
            except (PioreactorError, OSError) as error:
                _log.error("The shared configuration was not delivered: %s", error)
            if pause(POLL_EVERY_S):
                return

    def poll(self) -> None:
        """Send the current version to the workers whose turn it is."""
        with self._sending:
            known = list(self._workers())
            self._forget_others(known)
            _, digest = self._text_and_digest()
            now_s = self._seconds()
            due = [unit for unit in known if self._is_due(unit, digest, now_s)]
            if due:
                self.deliver(due)

    def on_return(self, unit: str) -> None:
        """Have a worker asked at the next poll: it has started, or is connected again."""
        self._attempts[unit] = _Attempt(None, self._seconds())

    def _is_due(self, unit: str, digest: str, now_s: float) -> bool:
        last = self._attempts.get(unit)
        return last is None or last.digest != digest or now_s >= last.next_s

    def _note(self, answer: Answered[object] | Failed, digest: str) -> None:
        now_s, before = self._seconds(), self._record(answer.unit)
        acknowledged = before.digest if before is not None else None
        if not isinstance(answer, Failed):
            self._attempts[answer.unit] = _Attempt(digest, now_s + VERIFY_EVERY_S)
            self._store(answer.unit, before, _Record("in_step", digest, ""))
            return
        is_refusal = 400 <= answer.status_code < 500 and answer.status_code not in _RETRIED
        last = self._attempts.get(answer.unit)
        delay_s = MAX_RETRY_S if is_refusal else last.delay_s if last is not None else MIN_RETRY_S
        self._attempts[answer.unit] = _Attempt(digest, now_s + delay_s, min(2 * delay_s, MAX_RETRY_S))
        if is_refusal or acknowledged != digest:  # a worker that is away with the current version waits for nothing
            state: DeliveryState = "refused" if is_refusal else "waiting"
            self._store(answer.unit, before, _Record(state, acknowledged, "", answer.message))

    def _store(self, unit: str, before: _Record | None, record: _Record) -> None:
        is_same = before is not None and (before.state, before.digest) == (record.state, record.digest)
        record.since = before.since if before is not None and is_same else to_timestamp(self._now())
        if not is_same and record.state == "refused":
            _log.warning("%s refuses the shared configuration: %s", unit, record.message)
        self._cache.set(unit, msgspec.json.encode(record).decode())

    def _record(self, unit: str) -> _Record | None:
        stored = self._cache.get(unit)
        if not isinstance(stored, str):
            return None
        try:
            return msgspec.json.decode(stored, type=_Record)
        except msgspec.MsgspecError:
            return None

    def _status(self, unit: str, digest: str) -> DeliveryStatus:
        record = self._record(unit)
        if record is None:
            return DeliveryStatus(unit, "waiting", None, to_timestamp(self._now()), "It was not asked yet.")
        version = self._versions.get(record.digest) if record.digest is not None else None
        is_behind = record.state == "in_step" and record.digest != digest
        return DeliveryStatus(
            unit,
            "waiting" if is_behind else record.state,
            version.number if version is not None else None,
            record.since,
            record.message,
        )

    def _forget_others(self, known: Sequence[str]) -> None:
        """Forget units that are no longer in the inventory."""
        for unit, _ in self._cache.items():
            if isinstance(unit, str) and unit not in known:
                self._cache.pop(unit)
                self._attempts.pop(unit, None)

    def _text_and_digest(self) -> tuple[str, str]:
        """Return the leader's file, with its digest; the history has it afterwards."""
        text = self._read()
        digest = _digest(text)
        if text and digest != self._newest:
            saved = self._history.of_shared()
            if not saved or saved[0].data != text:
                self._history.add_shared(text)
                saved = self._history.of_shared()
            # The last of equal texts counts: a text that was brought back is a new version.
            numbered = enumerate(reversed(saved), start=1)
            self._versions = {_digest(each.data): SharedVersion(number, each.timestamp) for number, each in numbered}
            self._newest = digest
        return text, digest


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
