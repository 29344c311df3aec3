"""What is known of the delivery of a configuration to each worker, and when each is asked next."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol, TypeVar

import msgspec

from pioreactor.exc import PioreactorError
from pioreactor.http.fanout import Answered, Failed
from pioreactor.storage.ports import KeyValues
from pioreactor.structs.encoding import to_timestamp

T = TypeVar("T")

POLL_EVERY_S: Final = 5.0
MIN_RETRY_S: Final = 10.0
MAX_RETRY_S: Final = 300.0
VERIFY_EVERY_S: Final = 900.0
"""Interval at which units that have the current version are asked again: their file may have been edited."""

_RETRIED: Final = frozenset({401, 403, 404, 408, 429})
"""Statuses of a worker whose token or version is not up to date yet, or that is busy."""

DeliveryState = Literal["in_step", "waiting", "refused"]

_log = logging.getLogger("pioreactor.web")


class DeliveryStatus(msgspec.Struct):
    """What the leader knows of a configuration on one worker."""

    pioreactor_unit: str
    state: DeliveryState
    version: int | None
    """Number of the version that the worker acknowledged last; null for none."""
    newest: int
    """Number of the version that the worker is to have; 0 while there is none."""
    since: str
    """When the worker came into this state."""
    message: str | None = None
    """Why the newest version is not on the worker."""


class Saved(Protocol):
    """A version in the history."""

    @property
    def timestamp(self) -> str: ...

    @property
    def data(self) -> str: ...


class DeliveryRecord(msgspec.Struct):
    """What is stored of one worker."""

    state: DeliveryState
    digest: str | None
    """Digest of the text that the worker acknowledged last."""
    since: str = ""
    message: str | None = None


@dataclass(slots=True)
class _Attempt:
    """What was sent to a worker last (None: nothing since its return), and when it is asked next [monotonic s]."""

    digest: str | None
    next_s: float
    delay_s: float = MIN_RETRY_S
    """Delay after another failure."""


class DeliveryRecords:
    """Records of all workers, which outlive the process, and their next attempts, which do not."""

    def __init__(
        self, what: str, *, cache: KeyValues, now: Callable[[], datetime], seconds: Callable[[], float]
    ) -> None:
        """`what` names the configuration in the log.

        `now` is the time that people see, `seconds` a clock for intervals that a simulation does not speed up.
        """
        self.what = what
        self._cache = cache
        self._now = now
        self._seconds = seconds
        self._attempts: dict[str, _Attempt] = {}

    def of(self, unit: str) -> DeliveryRecord | None:
        """Return what is known of a worker; None for one that never answered, or whose record is damaged."""
        stored = self._cache.get(unit)
        if not isinstance(stored, str):
            return None
        try:
            return msgspec.json.decode(stored, type=DeliveryRecord)
        except msgspec.MsgspecError:
            return None

    def store(self, unit: str, record: DeliveryRecord) -> None:
        """Store what is known of a worker; `since` stays while state and version do."""
        before = self.of(unit)
        is_same = before is not None and (before.state, before.digest) == (record.state, record.digest)
        record.since = before.since if before is not None and is_same else to_timestamp(self._now())
        if not is_same and record.state == "refused":
            _log.warning("%s refuses %s: %s", unit, self.what, record.message)
        self._cache.set(unit, msgspec.json.encode(record).decode())

    def is_due(self, unit: str, digest: str) -> bool:
        """Return whether a worker is to be asked now about the text with this digest."""
        last = self._attempts.get(unit)
        return last is None or last.digest != digest or self._seconds() >= last.next_s

    def on_return(self, unit: str) -> None:
        """Have a worker asked at the next poll: it has started, or is connected again."""
        self._attempts[unit] = _Attempt(None, self._seconds())

    def note(self, answer: Answered[T] | Failed, digest: str) -> None:
        """Store what a worker answered to the text with this digest, and plan the next attempt."""
        self.plan(answer, digest)
        if not isinstance(answer, Failed):
            self.store(answer.unit, DeliveryRecord("in_step", digest))
            return
        before = self.of(answer.unit)
        acknowledged = before.digest if before is not None else None
        if is_refusal(answer) or acknowledged != digest:  # away with the current version: it waits for nothing
            state: DeliveryState = "refused" if is_refusal(answer) else "waiting"
            self.store(answer.unit, DeliveryRecord(state, acknowledged, message=answer.message))

    def plan(self, answer: Answered[T] | Failed, digest: str) -> None:
        """Plan the next attempt after an answer to the text with this digest."""
        now_s, last = self._seconds(), self._attempts.get(answer.unit)
        if not isinstance(answer, Failed):
            self._attempts[answer.unit] = _Attempt(digest, now_s + VERIFY_EVERY_S)
            return
        delay_s = MAX_RETRY_S if is_refusal(answer) else last.delay_s if last is not None else MIN_RETRY_S
        self._attempts[answer.unit] = _Attempt(digest, now_s + delay_s, min(2 * delay_s, MAX_RETRY_S))

    def status(self, unit: str, digest: str, versions: Mapping[str, int]) -> DeliveryStatus:
        """Return the state of a worker that is to have the text with this digest; `versions` has numbers of digests."""
        record, newest = self.of(unit), versions.get(digest, 0)
        if record is None:
            return DeliveryStatus(unit, "waiting", None, newest, to_timestamp(self._now()), "It was not asked yet.")
        is_behind = record.state == "in_step" and record.digest != digest
        version = versions.get(record.digest) if record.digest is not None else None
        state = "waiting" if is_behind else record.state
        return DeliveryStatus(unit, state, version, newest, record.since, record.message)

    def forget_others(self, known: Sequence[str]) -> None:
        """Forget units that are no longer in the inventory."""
        for unit, _ in self._cache.items():
            if isinstance(unit, str) and unit not in known:
                self._cache.pop(unit)
                self._attempts.pop(unit, None)

    def poll_until(self, poll: Callable[[], None], pause: Callable[[float], bool]) -> None:
        """Call `poll` until `pause`, which waits for a number of seconds, returns True."""
        while True:
            try:
                poll()
            except (PioreactorError, OSError) as error:
                _log.error("%s: not delivered: %s", self.what, error)
            if pause(POLL_EVERY_S):
                return


def is_refusal(failed: Failed) -> bool:
    """Return whether a worker refuses what was sent, rather than being away or busy."""
    return 400 <= failed.status_code < 500 and failed.status_code not in _RETRIED


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def numbered(saved: Sequence[Saved]) -> dict[str, int]:
    """Return the number of each text, by its digest, of a history that begins with the newest.

    The last of equal texts counts: a text that was brought back is a new version.
    """
    return {digest_of(each.data): number for number, each in enumerate(reversed(saved), start=1)}
