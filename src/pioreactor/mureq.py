"""HTTP requests with the interface of mureq, which plugins import."""

from __future__ import annotations

import base64
import time
from typing import Any

from pioreactor.exc import UnitUnreachableError
from pioreactor.http.deadline import send_with_deadline
from pioreactor.http.ports import Response as _Response

HTTPException = UnitUnreachableError


class HTTPErrorStatus(UnitUnreachableError):
    """The response has an error status."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"HTTP status {status_code}")
        self.status_code = status_code


class Response:
    """A response of any status."""

    def __init__(self, url: str, response: _Response) -> None:
        self.url, self._response = url, response
        self.status_code, self.ok = response.status, response.ok
        self.body = self.content = response.body
        self.headers = response.headers

    def json(self) -> Any:
        return self._response.json()

    def raise_for_status(self) -> None:
        if not self.ok:
            raise HTTPErrorStatus(self.status_code)


def basic_auth(username: str, password: str) -> str:
    """Return the value of an `Authorization` header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def request(
    method: str, url: str, *, json: object = None, body: bytes | None = None, headers: Any = None,
    timeout: float = 10.0, has_deadline: bool = False, **_ignored: object,
) -> Response:  # fmt: skip
    """Send a request; raise `HTTPException` when there is no response within `timeout` [s].

    With `has_deadline` a unit that gets to a change only after `timeout` does not make it.
    """
    from pioreactor.bootstrap.process import http_client

    given: dict[str, str] = dict(headers if headers is not None else {})

    def send(deadline: dict[str, str]) -> _Response:
        return http_client().request(method, url, json=json, body=body, headers=given | deadline, timeout_s=timeout)

    if has_deadline and timeout:
        return Response(url, send_with_deadline(send, method, timeout_s=timeout, now_s=time.time))
    return Response(url, send({}))


def get(url: str, **options: Any) -> Response:
    return request("GET", url, **options)


def post(url: str, **options: Any) -> Response:
    return request("POST", url, **options)


def put(url: str, **options: Any) -> Response:
    return request("PUT", url, **options)


def patch(url: str, **options: Any) -> Response:
    return request("PATCH", url, **options)


def delete(url: str, **options: Any) -> Response:
    return request("DELETE", url, **options)
