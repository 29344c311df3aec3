"""Requests that the leader's server makes of its own API for an agent: checked and recorded as any others are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from pioreactor.exc import NotFoundError
from pioreactor.web.asgi import App, Message, Scope
from pioreactor.web.problems import TooManyRequestsError
from pioreactor.web.security.identity import AGENT_KEY, SCOPE_KEY, Identity
from pioreactor.web.tasks import Accepted

_POLL_S: Final = 0.2
MAX_CALLS_PER_MINUTE: Final = 300
"""Of one token: an agent that repeats itself must not keep the leader busy."""
_MAX_WAIT_S: Final = 30.0


class Call(msgspec.Struct, frozen=True):
    """A request to the API, which a tool and its arguments make."""

    method: str
    path: str
    query: dict[str, object] = {}
    body: object = None


class ApiAnswer(NamedTuple):
    """What the API answered."""

    status: int
    body: bytes

    @property
    def is_success(self) -> bool:
        """Whether the request was carried out, or accepted."""
        return self.status < 400

    def value(self) -> object:
        """Return the body as a value; text where it is no JSON."""
        try:
            decoded: object = msgspec.json.decode(self.body) if self.body else None
        except (msgspec.DecodeError, RecursionError):
            return self.body.decode("utf-8", "replace")
        return decoded


class CallLimit:
    """Counts the calls of each agent by the minute; `seconds` is any clock that does not go back [s]."""

    def __init__(self, *, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._minute = 0
        self._counts: Counter[tuple[str, str | None]] = Counter()

    def check(self, identity: Identity) -> None:
        """Count a call; raise `TooManyRequestsError` above `MAX_CALLS_PER_MINUTE`."""
        minute = int(self._seconds() // 60)
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        self._counts[identity.name, identity.token] += 1
        if self._counts[identity.name, identity.token] > MAX_CALLS_PER_MINUTE:
            raise TooManyRequestsError(f"more than {MAX_CALLS_PER_MINUTE} calls in a minute", remedy="Wait a minute.")


class InProcessApi:
    """The leader's API without a connection: rights and the audit trail are the same, the sender is known already."""

    def __init__(self) -> None:
        self.app: App | None = None
        """Set once the application is complete."""
        self.tools: dict[str, object] | None = None
        """The tools of agents (`agent_tools.Tool`, which needs this module), from their first call on."""
        self.calls = CallLimit()

    async def ask(
        self,
        identity: Identity,
        method: str,
        path: str,
        *,
        query: Mapping[str, object],
        body: object = None,
        agent: Mapping[str, object],
    ) -> ApiAnswer:
        """Send a request in the name of `identity`; `agent` is recorded with it. Waits up to 30 s for a task."""
        answer = await self._send(identity, method, path, query, body, agent)
        if answer.status != 202:
            return answer
        try:
            accepted = msgspec.json.decode(answer.body, type=Accepted)
        except msgspec.DecodeError:
            return answer
        for _ in range(round(_MAX_WAIT_S / _POLL_S)):
            found = await self._send(identity, "GET", accepted.result_url_path, {}, None, agent)
            if found.status != 202:
                return found
            await asyncio.sleep(_POLL_S)
        return answer

    async def _send(
        self,
        identity: Identity,
        method: str,
        path: str,
        query: Mapping[str, object],
        body: object,
        agent: Mapping[str, object],
    ) -> ApiAnswer:
        if self.app is None:
            raise NotFoundError("this server is no leader")
        sent = msgspec.json.encode(body) if body is not None else b""
        collected = bytearray()
        status = 500
        pending = [{"type": "http.request", "body": sent, "more_body": False}]

        async def receive() -> Message:
            return pending.pop() if pending else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            else:
                collected.extend(message.get("body", b""))

        await self.app(_scope(identity, method, path, query, sent, agent), receive, send)
        return ApiAnswer(status, bytes(collected))


def _scope(
    identity: Identity,
    method: str,
    path: str,
    query: Mapping[str, object],
    body: bytes,
    agent: Mapping[str, object],
) -> Scope:
    headers = [
        *((b"host", b"leader"), (b"content-type", b"application/json")),
        (b"content-length", str(len(body)).encode()),
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path, safe="/$").encode(),
        "root_path": "",
        "query_string": urlencode(query).encode(),
        "headers": headers,
        "client": ("127.0.0.1", 0),
        "server": ("leader", 80),
        "extensions": {},
        "state": {},
        SCOPE_KEY: identity,
        AGENT_KEY: agent,
    }
