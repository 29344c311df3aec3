"""Requests to units of the cluster by name, with waiting for their background tasks."""

import math
import time
from collections.abc import Callable, Mapping
from typing import IO, TypeVar

import msgspec

from pioreactor.http.deadline import send_with_deadline
from pioreactor.http.fanout import UnitRefusedError
from pioreactor.http.ports import NO_HEADERS, HttpClient, OpenResponse, Response
from pioreactor.version import __version__

T = TypeVar("T")

TARGET_HEADER = "X-Pioreactor-Target"
"""Names the unit that a request is meant for: its address may have gone to another one."""
VERSION_HEADER = "X-Pioreactor-Version"
"""Version of the software that asks; a unit starts no job for one that is too far from its own."""

_MAX_REFUSAL_BYTES = 100_000
_POLL_INTERVAL_S = 0.1
_RESULTS = "/unit_api/task_results/"
"""The only path a result is fetched from, because the request carries the unit's token."""


class Units:
    """Client of the units of a cluster.

    `base_url` returns `http://host:port` of a unit, `token_for` the token that is sent to it. `pause` waits for a
    number of seconds between two polls of a task and returns True when waiting must end because the server is shutting
    down. `now_s` returns the Unix time [s].
    """

    def __init__(
        self,
        http: HttpClient,
        base_url: Callable[[str], str],
        *,
        token_for: Callable[[str], str],
        pause: Callable[[float], bool],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._token_for = token_for
        self._pause = pause
        self._now_s = now_s

    def fetch(
        self,
        unit: str,
        method: str,
        path: str,
        *,
        json: object = None,
        body: bytes | None = None,
        timeout_s: float = 5.0,
    ) -> Response:
        """Return a unit's response unchanged; raise `UnitRefusedError` for a status of 400 or more.

        A unit that gets to a change only after `timeout_s` does not make it.
        """
        url = self._base_url(unit) + path
        own = {"Authorization": f"Bearer {self._token_for(unit)}", TARGET_HEADER: unit, VERSION_HEADER: __version__}

        def send(headers: dict[str, str]) -> Response:
            return self._http.request(method, url, json=json, body=body, headers=own | headers, timeout_s=timeout_s)

        answer = send_with_deadline(send, method, timeout_s=timeout_s, now_s=self._now_s)
        if answer.status >= 400:
            raise _refusal(unit, answer)
        return answer

    def fetch_bytes(
        self,
        unit: str,
        method: str,
        path: str,
        *,
        json: object = None,
        body: bytes | None = None,
        timeout_s: float = 60.0,
    ) -> bytes:
        """Return the body of a unit's response, a file or a part of one; raise as `fetch` does."""
        return self.fetch(unit, method, path, json=json, body=body, timeout_s=timeout_s).body

    def open(
        self,
        unit: str,
        method: str,
        path: str,
        *,
        body: IO[bytes] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 60.0,
    ) -> OpenResponse:
        """Return a unit's response unread, to be passed on in parts; raise `UnitRefusedError` as `fetch` does.

        `body` is a file from its beginning to its end. A change has no deadline: the transfer may take long.
        """
        own = {"Authorization": f"Bearer {self._token_for(unit)}", TARGET_HEADER: unit, VERSION_HEADER: __version__}
        sent = own | dict(headers)
        answer = self._http.open(method, self._base_url(unit) + path, body=body, headers=sent, timeout_s=timeout_s)
        if answer.status < 400:
            return answer
        try:
            raise _refusal(unit, Response(answer.status, answer.read(_MAX_REFUSAL_BYTES), answer.headers))
        finally:
            answer.close()

    def result_of(self, unit: str, accepted: OpenResponse, *, timeout_s: float) -> object:
        """Return the result of the task that a unit started for a request; it is waited for."""
        try:
            answer = Response(accepted.status, accepted.read(_MAX_REFUSAL_BYTES), accepted.headers)
        finally:
            accepted.close()
        return self._result_of(unit, str(_fields_of(answer).get("result_url_path")), timeout_s=timeout_s)

    def ask(self, unit: str, method: str, path: str, *, json: object = None, timeout_s: float = 5.0) -> object:
        """Return the decoded response, or the result of the task that the unit started.

        `timeout_s` bounds each request, and again the whole wait for a task.
        """
        answer = self.fetch(unit, method, path, json=json, timeout_s=timeout_s)
        value = answer.json()
        if answer.status == 202 and isinstance(value, dict) and value.get("result_url_path"):
            return self._result_of(unit, str(value["result_url_path"]), timeout_s=timeout_s)
        return value

    def _result_of(self, unit: str, path: str, *, timeout_s: float) -> object:
        if not path.startswith(_RESULTS):
            raise UnitRefusedError(
                f"invalid path of a result from {unit}: {path!r}",
                kind="invalid_response",
                status=502,
                cause=None,
                remedy=None,
            )
        for _ in range(max(1, math.ceil(timeout_s / _POLL_INTERVAL_S))):
            task = _fields_of(self.fetch(unit, "GET", path, timeout_s=timeout_s))
            match task.get("status"):
                case "succeeded":
                    return task.get("result")
                case "failed":
                    raise UnitRefusedError(
                        str(task.get("error")),
                        kind="task_failed",
                        status=status if isinstance(status := task.get("error_status"), int) else 500,
                        cause=_text(task.get("cause")),
                        remedy=_text(task.get("remediation")),
                    )
            if self._pause(_POLL_INTERVAL_S):
                break
        raise UnitRefusedError(
            f"{unit} is still busy after {timeout_s:g} s",
            kind="task_timeout",
            status=504,
            cause=None,
            remedy="The task may still finish; check the unit before retrying.",
        )


def _fields_of(answer: Response) -> dict[str, object]:
    fields = answer.json()
    return fields if isinstance(fields, dict) else {}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def decoded(answer: object, as_type: type[T]) -> T:
    """Return a JSON answer as a value of a type; raise `UnitRefusedError` for an answer of another shape."""
    try:
        return msgspec.convert(answer, as_type)
    except msgspec.ValidationError as error:
        raise UnitRefusedError(
            f"unexpected answer: {error}", kind="invalid_response", status=502, cause=None, remedy=None
        ) from error


def _refusal(unit: str, answer: Response) -> UnitRefusedError:
    is_json = answer.headers.get("content-type", "").startswith("application/json")
    fields = _fields_of(answer) if is_json else {}
    return UnitRefusedError(
        str(fields.get("error", f"{unit} answered with status {answer.status}")),
        kind="http_error",
        status=answer.status,
        cause=_text(fields.get("cause")),
        remedy=_text(fields.get("remediation")),
    )
