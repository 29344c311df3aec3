"""HTTP client on the standard library: no pool, no redirects, bounded responses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from pioreactor.exc import InvalidRequestError, UnitUnreachableError
from pioreactor.http.ports import NO_HEADERS, OpenResponse, Response

if TYPE_CHECKING:
    from ssl import SSLContext

_MAX_RESPONSE_BYTES = 256 * 1024 * 1024
"""The largest responses are archives of a unit."""


class StandardHttpClient:
    """Opens one connection per request: at a few requests a minute, a pool would hold mostly dead connections.

    Over HTTPS only certificates of the cluster's `authority` are accepted, those of public authorities without one.
    """

    def __init__(self, authority: Path | None = None) -> None:
        self._authority = authority
        self._context: SSLContext | None = None

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
        sent = {"Accept": "application/json", "Connection": "close", **headers}
        if json is not None:
            body = msgspec.json.encode(json)
            sent["Content-Type"] = "application/json"
        answer = self._send(method, url, body, sent, timeout_s)
        try:
            content = answer.read(_MAX_RESPONSE_BYTES + 1)
        finally:
            answer.close()
        if len(content) > _MAX_RESPONSE_BYTES:
            raise UnitUnreachableError(f"the response of {url} is larger than {_MAX_RESPONSE_BYTES} bytes")
        return Response(answer.status, content, answer.headers)

    def open(
        self,
        method: str,
        url: str,
        *,
        body: IO[bytes] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,
    ) -> OpenResponse:
        return self._send(method, url, body, {"Connection": "close", **headers}, timeout_s)

    def _send(
        self, method: str, url: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str], timeout_s: float
    ) -> OpenResponse:
        from http.client import HTTPConnection, HTTPException, HTTPSConnection

        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequestError(f"{url!r} is not an HTTP URL")
        target = (parts.path if parts.path else "/") + (f"?{parts.query}" if parts.query else "")
        connection = (
            HTTPSConnection(parts.hostname, parts.port, timeout=timeout_s, context=self._tls())
            if parts.scheme == "https"
            else HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
        )
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
        except (OSError, HTTPException, UnicodeError) as error:
            connection.close()
            raise _unreachable(parts.netloc, timeout_s, error) from error

        def read(most: int) -> bytes:
            try:
                return answer.read(most)
            except (OSError, HTTPException) as error:
                raise _unreachable(parts.netloc, timeout_s, error) from error

        def close() -> None:
            answer.close()
            connection.close()

        return OpenResponse(answer.status, {name.lower(): value for name, value in answer.getheaders()}, read, close)

    def _tls(self) -> SSLContext:
        if self._context is None:
            import ssl

            own = self._authority if self._authority is not None and self._authority.exists() else None
            self._context = ssl.create_default_context(cafile=own)
        return self._context


def _unreachable(address: str, timeout_s: float, error: Exception) -> UnitUnreachableError:
    if isinstance(error, TimeoutError):
        reason = f"no response within {timeout_s:g} s"
    elif isinstance(error, ConnectionRefusedError):
        reason = "the connection was refused"
    else:
        reason = str(error) if str(error) else type(error).__name__
    return UnitUnreachableError(
        f"{address} cannot be reached: {reason}",
        remedy="Check that the unit is on, in the network, and that its web server runs. "
        "If its name does not resolve, add it to [cluster.addresses].",
    )
