"""An HTTP client that reaches handlers in the same process, for tests and virtual clusters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO
from urllib.parse import urlsplit

import msgspec

from pioreactor.exc import UnitUnreachableError
from pioreactor.http.ports import NO_HEADERS, OpenResponse, Response


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the server receives it."""

    method: str
    path: str
    """Path with query."""
    json: object
    headers: Mapping[str, str]


@dataclass
class LoopbackHttp:
    """Maps hosts (`name` or `name:port`) to handlers; any other host is unreachable."""

    hosts: dict[str, Callable[[Request], Response]] = field(default_factory=dict)
    asked: list[tuple[str, Request]] = field(default_factory=list)
    """Host and request, in the order sent."""

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,
    ) -> Response:
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        received = msgspec.json.decode(msgspec.json.encode(json)) if json is not None else body
        request = Request(method, path, received, dict(headers))
        self.asked.append((parts.netloc, request))
        answer = self.hosts.get(parts.netloc)
        if answer is None:
            raise UnitUnreachableError(f"{parts.netloc} cannot be reached: no response within {timeout_s:g} s")
        return answer(request)

    def open(
        self,
        method: str,
        url: str,
        *,
        body: IO[bytes] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,
    ) -> OpenResponse:
        content = body.read() if body is not None else None
        answer = self.request(method, url, body=content, headers=headers, timeout_s=timeout_s)
        return OpenResponse(answer.status, answer.headers, BytesIO(answer.body).read, lambda: None)


def json_response(value: object, status: int = 200) -> Response:
    """Return a JSON response like that of a unit's web server."""
    return Response(status, msgspec.json.encode(value), {"content-type": "application/json"})
