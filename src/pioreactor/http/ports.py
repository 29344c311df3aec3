"""The port of an HTTP client."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import IO, Final, Protocol

import msgspec

from pioreactor.exc import UnitUnreachableError

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Response:
    """A response of any status."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> object:
        """Return the decoded body; raise `UnitUnreachableError` when it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError):
            raise UnitUnreachableError(
                f"the response (status {self.status}) is not JSON", remedy="Check address and port of the unit."
            ) from None


@dataclass(frozen=True, slots=True)
class OpenResponse:
    """A response whose body is read in parts; `close` it in any case."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    read: Callable[[int], bytes]
    """Returns at most so many bytes, empty at the end; raises `UnitUnreachableError` when the connection breaks."""
    close: Callable[[], None]


class HttpClient(Protocol):
    """Sends requests and waits for responses; thread-safe."""

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
        """Return the response, whatever its status; raise `UnitUnreachableError` when there is none in time.

        `json` is encoded, with its content type; `body` is sent unchanged. At most one of them may be given.
        """
        ...

    def open(
        self,
        method: str,
        url: str,
        *,
        body: IO[bytes] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,
    ) -> OpenResponse:
        """Send a request and return its response unread, of whatever size; raise `UnitUnreachableError`.

        `body` is a file, sent in parts; `headers` must have its `Content-Length`. `timeout_s` bounds each step.
        """
        ...
