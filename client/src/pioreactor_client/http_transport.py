"""Reaches a cluster over HTTP: one kept connection, no redirects, live messages by one WebSocket."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pioreactor_client.answer_checks import raise_for_status
from pioreactor_client.errors import CertificateError, ClientError, TimedOutError, UnreachableError
from pioreactor_client.ssl_on_demand import ssl_on_demand
from pioreactor_client.transport import Answer, LiveMessage

with ssl_on_demand():
    import http.client

if TYPE_CHECKING:
    import ssl

_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_MAX_REFUSAL_BYTES = 100_000
_PART_BYTES = 64 * 1024
_MAX_MESSAGES_WAITING = 10_000
_Waiting = queue.Queue[LiveMessage | ClientError]
_SAFE = ("GET", "HEAD")
_CHECK = "Check that the leader is on and in this network, and the address."


class HttpTransport:
    """The leader at a URL. Thread-safe: one request at a time; streams have connections of their own."""

    def __init__(self, url: str, token: str, *, ca: str | Path | None = None, fingerprint: str | None = None) -> None:
        """`ca` is the certificate of the cluster's authority, `fingerprint` the SHA-256 of the leader's own."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ClientError(f"{parts.hostname or 'this'} is not the URL of a leader", remedy="As http://leader.local")
        if parts.username or parts.password or parts.query:
            raise ClientError("the URL holds credentials", remedy="Pass the token as `token`.")
        self._is_https = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._netloc = parts.netloc
        self._prefix = parts.path.rstrip("/")
        self._token = token
        self._tls = _tls_context(url, ca, fingerprint) if self._is_https else None
        self._lock = threading.Lock()
        self._kept: http.client.HTTPConnection | None = None

    def __repr__(self) -> str:
        return f"HttpTransport({self.address!r})"

    @property
    def address(self) -> str:
        return f"{'https' if self._is_https else 'http'}://{self._netloc}{self._prefix}"

    def request(self, method: str, path: str, *, body: bytes | None = None, timeout_s: float = 10.0) -> Answer:
        with self._lock:
            try:
                return self._ask(method, path, body, timeout_s)
            except UnreachableError:
                self._drop()
                raise
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                raise self._failure(error, timeout_s) from error

    def _ask(self, method: str, path: str, body: bytes | None, timeout_s: float) -> Answer:
        """Ask on the kept connection; one that the server has closed meanwhile is opened again for a question."""
        is_kept = self._kept is not None
        try:
            return self._ask_once(method, path, body, timeout_s)
        except (ConnectionError, http.client.HTTPException):
            if not is_kept or method not in _SAFE:
                raise
            self._drop()
            return self._ask_once(method, path, body, timeout_s)

    def _ask_once(self, method: str, path: str, body: bytes | None, timeout_s: float) -> Answer:
        if method not in _SAFE:
            # A change is not sent on a connection that may have been closed: whether it arrived would not be known.
            self._drop()
        connection = self._kept if self._kept is not None else self._connect(timeout_s)
        self._kept = connection
        if connection.sock is not None:
            connection.sock.settimeout(timeout_s)
        connection.request(method, self._prefix + path, body=body, headers=self._headers(body))
        answer = connection.getresponse()
        content = answer.read(_MAX_ANSWER_BYTES + 1)
        if len(content) > _MAX_ANSWER_BYTES:
            raise UnreachableError(f"the answer is larger than {_MAX_ANSWER_BYTES} bytes", remedy="Read a history.")
        return Answer(answer.status, content)

    @contextmanager
    def stream(self, path: str, *, timeout_s: float = 60.0) -> Iterator[Iterator[bytes]]:
        connection = self._connect(timeout_s)
        try:
            connection.request("GET", self._prefix + path, headers=self._headers(None))
            with connection.getresponse() as answer:
                if answer.status >= 300:
                    raise_for_status(Answer(answer.status, answer.read(_MAX_REFUSAL_BYTES)))
                yield iter(lambda: answer.read(_PART_BYTES), b"")
        except (OSError, http.client.HTTPException) as error:
            raise self._failure(error, timeout_s) from error
        finally:
            connection.close()

    def messages(self, topic_filters: Sequence[str], *, timeout_s: float) -> Iterator[LiveMessage]:
        with self._subscribed(topic_filters, timeout_s) as waiting:
            while True:
                try:
                    found = waiting.get(timeout=timeout_s)
                except queue.Empty:
                    return
                if isinstance(found, ClientError):
                    raise found
                yield found

    @contextmanager
    def _subscribed(self, topic_filters: Sequence[str], timeout_s: float) -> Iterator[_Waiting]:
        """Open the WebSocket; what arrives is in the queue, of which the oldest goes when nobody reads."""
        from paho.mqtt.client import Client as MqttClient
        from paho.mqtt.client import MQTTMessage
        from paho.mqtt.enums import CallbackAPIVersion

        waiting: _Waiting = queue.Queue(_MAX_MESSAGES_WAITING)

        def on_connect(client: MqttClient, *rest: object) -> None:
            if str(rest[2]) != "Success":
                waiting.put(UnreachableError(f"live messages are refused: {rest[2]}"))
                return
            client.subscribe([(topic_filter, 1) for topic_filter in topic_filters])

        def on_message(_client: MqttClient, _userdata: object, message: MQTTMessage) -> None:
            if message.retain:
                return
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait(LiveMessage(message.topic, bytes(message.payload)))

        client = MqttClient(CallbackAPIVersion.VERSION2, transport="websockets")
        client.ws_set_options(path=f"{self._prefix}/mqtt", headers=self._live_headers)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.on_connect, client.on_message = on_connect, on_message
        port = self._port if self._port is not None else (443 if self._is_https else 80)
        try:
            client.connect(self._host, port)
        except (OSError, ValueError) as error:
            raise self._failure(error, timeout_s) from error
        client.loop_start()
        try:
            yield waiting
        finally:
            client.disconnect()
            client.loop_stop()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, duration_s: float) -> None:
        time.sleep(duration_s)

    def pause(self, duration_s: float) -> None:
        time.sleep(duration_s)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _live_headers(self, usual: Mapping[str, str]) -> dict[str, str]:
        return {**usual, "Authorization": f"Bearer {self._token}", "Origin": self.address}

    def _headers(self, body: bytes | None) -> dict[str, str]:
        sent = {"Accept": "application/json", "Authorization": f"Bearer {self._token}"}
        return sent if body is None else {**sent, "Content-Type": "application/json"}

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._tls)

    def _drop(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _failure(self, error: Exception, timeout_s: float) -> ClientError:
        untrusted = getattr(error, "verify_message", None)  # only `ssl.SSLCertVerificationError` has it
        if untrusted is not None:
            return CertificateError(
                f"the certificate of {self._netloc} is not trusted: {untrusted}",
                remedy="Pass the certificate of the cluster's authority as `ca`, or the leader's as `fingerprint`.",
            )
        if isinstance(error, TimeoutError):
            return TimedOutError(f"{self._netloc} did not answer within {timeout_s:g} s", remedy=_CHECK)
        return UnreachableError(
            f"{self._netloc} cannot be reached: {str(error) or type(error).__name__}", remedy=_CHECK
        )


def _tls_context(url: str, ca: str | Path | None, fingerprint: str | None) -> ssl.SSLContext:
    from pioreactor_client import tls

    return tls.context(url, ca, fingerprint)
