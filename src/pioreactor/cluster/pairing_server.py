"""The side of a worker that waits to be paired: a small HTTPS server, until a leader has taken it in."""

from __future__ import annotations

import secrets
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from pioreactor.cluster.certificates import fingerprint
from pioreactor.cluster.pairing_protocol import (
    MAX_BODY_BYTES,
    PATH,
    Confirmation,
    Confirmed,
    Invitation,
    Offer,
    Proofs,
    is_equal,
    make_code,
)
from pioreactor.exc import ConflictError, InvalidRequestError, NotPermittedError, PioreactorError

MAX_WRONG_PROOFS: Final = 3
"""After so many a new code is shown: the old one may have been seen by others."""
_MAX_CONNECTIONS: Final = 8
_TIMEOUT_S: Final = 15.0

T = TypeVar("T")
Request = socket.socket | tuple[bytes, socket.socket]


class Pairing:
    """One worker that waits: its code, the proofs that it accepts, and what it was given in the end."""

    def __init__(
        self,
        offer: Offer,
        certificate: Path,
        request: str,
        *,
        unix_time_s: Callable[[], float],
        on_code: Callable[[str], None],
        accept: Callable[[Invitation], None],
        code: str | None = None,
    ) -> None:
        """`on_code` is called with each new code; `accept` takes the invitation and raises if it cannot be used.

        A `code` that was agreed beforehand stays the same, and is given up after wrong proofs.
        """
        self.offer = offer
        self.joined = threading.Event()
        self._fingerprint = fingerprint(certificate)
        self._request = request
        self._unix_time_s = unix_time_s
        self._on_code = on_code
        self._accept = accept
        self._is_fixed = code is not None
        self._lock = threading.Lock()
        self._sessions: set[str] = set()
        self._wrong = 0
        self._proofs: Proofs | None = self._with(code if code is not None else make_code())

    def _with(self, code: str) -> Proofs:
        self._on_code(code)
        return Proofs(code, self._fingerprint)

    def confirm(self, given: Confirmation) -> Confirmed:
        """Check the leader's proof and return ours; raise `NotPermittedError` for a wrong one."""
        with self._lock:
            if self._proofs is None:
                raise NotPermittedError("too many wrong codes", remedy="Start `pio cluster join` on the worker again.")
            if not is_equal(given.proof, self._proofs.of_leader(given.nonce)):
                raise NotPermittedError(self._count_wrong_proof(), remedy="Read the code that the worker shows now.")
            self._wrong = 0
            self._sessions.add(self._proofs.session(given.nonce))
            return Confirmed(self._proofs.of_worker(given.nonce), self._request, self._unix_time_s())

    def _count_wrong_proof(self) -> str:
        self._wrong += 1
        if self._wrong < MAX_WRONG_PROOFS:
            return "the code is wrong"
        self._wrong = 0
        self._proofs = None if self._is_fixed else self._with(make_code())
        return "the code is wrong, and no longer valid"

    def join(self, invitation: Invitation, session: str) -> None:
        """Take what the leader gives, once."""
        with self._lock:
            if not any(is_equal(session, known) for known in self._sessions):
                raise NotPermittedError("prove first that you know the code")
            if self.joined.is_set():
                raise ConflictError(f"{self.offer.unit} has joined a cluster already")
            self._accept(invitation)
            self.joined.set()


class PairingServer:
    """Serves one pairing on all addresses of this machine. Use as a context manager."""

    def __init__(self, pairing: Pairing, certificate: Path, key: Path, *, host: str, port: int) -> None:
        """Listen; raise `ConflictError` when the port is in use. `port` 0 takes a free one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(certificate, key)
        try:
            self._server = _Server((host, port), pairing, context)
        except OSError as error:
            raise ConflictError(
                f"cannot listen on {host}:{port}: {error.strerror}",
                remedy="Another `pio cluster join` may be waiting already; otherwise choose another --port.",
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, name="pairing", daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> PairingServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], pairing: Pairing, context: ssl.SSLContext) -> None:
        self.pairing = pairing
        self._context = context
        self._free = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Request, client_address: object) -> None:
        if isinstance(request, socket.socket) and not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Request, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def finish_request(self, request: Request, client_address: object) -> None:
        # In the connection's own thread: a client that does not complete the handshake does not keep others waiting.
        assert isinstance(request, socket.socket)
        request.settimeout(_TIMEOUT_S)
        try:
            secured = self._context.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError):
            return
        with secured:
            _Handler(secured, client_address, self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Print nothing: a connection that breaks off is no event."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.0"

    def version_string(self) -> str:
        return "pioreactor"

    def log_message(self, format: str, *arguments: object) -> None:
        """Log nothing: requests carry proofs."""

    def do_GET(self) -> None:
        if self.path == PATH:
            self._send(200, self.server.pairing.offer)
        else:
            self._refuse(404, "there is nothing here")

    def do_POST(self) -> None:
        pairing = self.server.pairing
        try:
            body = self._body()
            if self.path == f"{PATH}/confirm":
                self._send(200, pairing.confirm(_decoded(body, Confirmation)))
            elif self.path == f"{PATH}/join":
                session = self.headers.get("Authorization", "").removeprefix("Bearer ")
                pairing.join(_decoded(body, Invitation), session)
                self._send(201, {"status": "joined"})
            else:
                self._refuse(404, "there is nothing here")
        except PioreactorError as error:
            self._refuse(error.status, str(error), error.remedy)

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and len(length) < 10 and int(length) <= MAX_BODY_BYTES):
            raise InvalidRequestError("the length of the body is missing or too large")
        return self.rfile.read(int(length))

    def _refuse(self, status: int, message: str, remedy: str | None = None) -> None:
        self._send(status, {"error": message, "remedy": remedy})

    def _send(self, status: int, body: object) -> None:
        encoded = msgspec.json.encode(body)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


def _decoded(body: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidRequestError(f"the body is not as expected: {error}") from error


def key_and_certificate(folder: Path, unit: str) -> tuple[Path, Path]:
    """Make a key and a certificate for one pairing."""
    from pioreactor.cluster.certificates import make_self_signed

    key, certificate = folder / "pairing.key", folder / f"pairing-{secrets.token_hex(4)}.pem"
    make_self_signed(key, certificate, unit)
    return key, certificate
