"""Concurrent requests to many units, each with its own result or error."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from pioreactor.exc import PioreactorError

T = TypeVar("T")

RETRYABLE = frozenset({408, 429, 502, 503, 504})
_MAX_CONCURRENT = 16


UnitReport = dict[str, object]
"""What a unit answered, as JSON: `{ok: true, unit, value}` or `{ok: false, unit, error, status_code, retryable}`."""


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """The answer of a unit."""

    unit: str
    value: T

    def report(self) -> UnitReport:
        return {"ok": True, "unit": self.unit, "value": self.value}


@dataclass(frozen=True, slots=True)
class Failed:
    """The error of a unit, or of the connection to it."""

    unit: str
    kind: str
    """One of http_error, connection_error, decode_error, task_failed, task_timeout, or an error's own code."""
    message: str
    status_code: int
    cause: str | None = None
    remediation: str | None = None

    def report(self) -> UnitReport:
        error = {"kind": self.kind, "message": self.message, "cause": self.cause, "remediation": self.remediation}
        return {
            "ok": False,
            "unit": self.unit,
            "error": {name: text for name, text in error.items() if text is not None},
            "status_code": self.status_code,
            "retryable": self.status_code in RETRYABLE,
        }


class UnitRefusedError(PioreactorError):
    """A unit answered with an error status."""

    code = "http_error"

    def __init__(self, message: str, *, kind: str, status: int, cause: str | None, remedy: str | None) -> None:
        super().__init__(message, remedy=remedy)
        self.kind = kind
        self.answered_status = status
        self.relayed_status = status if 400 <= status < 500 and status not in (401, 403) else 502
        """Status for the leader's own client: 401 and 403 of a unit are failures of the cluster, not of the client."""
        self.cause = cause


def ask_each(units: Iterable[str], question: Callable[[str], T]) -> list[Answered[T] | Failed]:
    """Call `question` for all units concurrently; return the results in the order of the units."""

    def ask(unit: str) -> Answered[T] | Failed:
        try:
            return Answered(unit, question(unit))
        except UnitRefusedError as error:
            return Failed(unit, error.kind, str(error), error.answered_status, error.cause, error.remedy)
        except PioreactorError as error:
            kind = "connection_error" if error.code == "unit_unreachable" else error.code
            return Failed(unit, kind, str(error), error.status, None, error.remedy)

    asked = list(units)
    if not asked:
        return []
    with ThreadPoolExecutor(min(len(asked), _MAX_CONCURRENT), thread_name_prefix="fanout") as pool:
        return list(pool.map(ask, asked))


def report(answers: Sequence[Answered[T] | Failed]) -> dict[str, UnitReport]:
    """Return the report of each unit by its name."""
    return {answer.unit: answer.report() for answer in answers}
