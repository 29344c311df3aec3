"""Requests of the API by path, with their answers as values; waits for what a server does in the background."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar
from urllib.parse import quote, urlencode

import msgspec

from pioreactor_client import answers
from pioreactor_client.answer_checks import converted, decoded
from pioreactor_client.errors import IncompatibleServerError, TimedOutError, of_problem
from pioreactor_client.transport import Transport

T = TypeVar("T")
Scalar = str | int | float | bool | None
_RESULTS = "/unit_api/task_results/"
_FIRST_PAUSE_S = 0.02
_LONGEST_PAUSE_S = 0.5


class _UnitError(msgspec.Struct):
    message: str = "the unit failed"
    kind: str | None = None
    cause: str | None = None
    remediation: str | None = None


class _UnitReport(msgspec.Struct):
    """What one unit answered."""

    ok: bool
    value: object = None
    error: _UnitError | None = None
    status_code: int = 500


class Api:
    """The API of one cluster."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def get(self, kind: type[T], *levels: str, **query: Scalar | Sequence[str]) -> T:
        """Return the answer to a GET of `/level/level…`."""
        answer = self.transport.request("GET", path_of(*levels, **query))
        return decoded(answer, kind)

    def change(self, kind: type[T], method: str, body: object, *levels: str) -> T:
        """Return the answer to a request that changes something."""
        encoded = msgspec.json.encode(body) if body is not None else None
        return decoded(self.transport.request(method, path_of(*levels), body=encoded), kind)

    def ask_unit(self, unit: str, method: str, body: object, *levels: str, timeout_s: float) -> object:
        """Return what one unit answered to a request that the leader carried to it; raise what it refused with."""
        encoded = msgspec.json.encode(body) if body is not None else None
        answer = self.transport.request(method, path_of(*levels), body=encoded)
        if answer.status != 202:
            return decoded(answer, object)
        result = self._result_of(decoded(answer, answers.Accepted), timeout_s)
        reports = converted(result, dict[str, _UnitReport])
        if unit not in reports:
            raise IncompatibleServerError(f"the answer has nothing of {unit}")
        report = reports[unit]
        if not report.ok:
            error = report.error if report.error is not None else _UnitError()
            raise of_problem(
                report.status_code, error.message, cause=error.cause, remedy=error.remediation, code=error.kind
            )
        return report.value

    def _result_of(self, accepted: answers.Accepted, timeout_s: float) -> object:
        path = accepted.result_url_path
        if not path.startswith(_RESULTS):
            raise IncompatibleServerError("the result is somewhere else than expected")
        until_s, pause_s = time.monotonic() + timeout_s, _FIRST_PAUSE_S
        while time.monotonic() < until_s:
            task = decoded(self.transport.request("GET", path), answers.TaskResult)
            if task.status == "succeeded":
                return task.result
            if task.status == "failed":
                status = task.error_status if task.error_status is not None else 500
                message = task.error if task.error is not None else "the request failed"
                raise of_problem(status, message, cause=task.cause, remedy=task.remediation, code=task.error_code)
            self.transport.pause(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        raise TimedOutError(
            f"no result within {timeout_s:g} s", remedy="It may still be done; look before you repeat it."
        )

    def stream(self, *levels: str, **query: Scalar | Sequence[str]) -> AbstractContextManager[Iterator[bytes]]:
        """Return the body of an answer in parts."""
        return self.transport.stream(path_of(*levels, **query))


def path_of(*levels: str, **query: Scalar | Sequence[str]) -> str:
    """Return `/a/b?c=d`, quoted, without the parameters that are None."""
    path = "".join(f"/{quote(level, safe='$')}" for level in levels)
    given: Mapping[str, object] = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path
