"""An HTTP client that reaches handlers in the same process, for tests and virtual clusters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pioreactor.exc import UnitUnreachableError
from pioreactor.http.ports import Response


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the other side sees it."""

    method: str
    path: str
    """With the query, as sent."""
    json: Any
    headers: Mapping[str, str]


@dataclass
class LoopbackHttp:
    """Hosts (`name` or `name:port`) answer by function; a host that is not there cannot be reached."""

    hosts: dict[str, Callable[[Request], Response]] = field(default_factory=dict)
    asked: list[tuple[str, Request]] = field(default_factory=list)
    """(host, request) of everything that was sent."""

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 5.0,
    ) -> Response:
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        received = msgspec.json.decode(msgspec.json.encode(json)) if json is not None else body
        request = Request(method, path, received, dict(headers if headers is not None else {}))
        self.asked.append((parts.netloc, request))
        answer = self.hosts.get(parts.netloc)
        if answer is None:
            raise UnitUnreachableError(
                f"{parts.netloc} cannot be reached: nothing answers there within {timeout_s:g} s"
            )
        return answer(request)


def json_response(value: Any, status: int = 200) -> Response:
    """Return an answer as a unit's web server gives it."""
    return Response(status, msgspec.json.encode(value), {"content-type": "application/json"})
