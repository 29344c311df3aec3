"""Servers on this machine that receive what notifiers send."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class WebhookServer:
    """Answers with `status`, and keeps the requests that it accepts."""

    port: int = 0
    status: int = 200
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    attempts: int = 0

    @property
    def received(self) -> list[str]:
        return [body.decode() for _, _, body in self.requests]

    def refuse(self) -> None:
        self.status = 403

    def fail(self) -> None:
        self.status = 500


@contextmanager
def webhook_server() -> Iterator[WebhookServer]:
    state = WebhookServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.attempts += 1
            if state.status < 300:
                state.requests.append((self.path, dict(self.headers.items()), body))
            self.send_response(state.status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    state.port = server.server_address[1]
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class MailServer:
    """A mail server; `refuse` and `fail` are answers to a recipient."""

    port: int = 0
    messages: list[tuple[list[str], bytes]] = field(default_factory=list)
    answer: str = "250 OK"

    @property
    def received(self) -> list[str]:
        texts = []
        for _, content in self.messages:
            message = email.message_from_bytes(content, policy=email.policy.default)
            body = message.get_body()
            assert body is not None
            texts.append(f"{message['Subject']}\n{body.get_content()}".replace("\r\n", "\n"))
        return texts

    def refuse(self) -> None:
        self.answer = "550 no one of that name"

    def fail(self) -> None:
        self.answer = "451 try later"


class _Mailbox:
    def __init__(self, state: MailServer) -> None:
        self._state = state

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        del server, session, rcpt_options
        if self._state.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self._state.answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        del server, session
        content = envelope.content
        self._state.messages.append((list(envelope.rcpt_tos), content if isinstance(content, bytes) else b""))
        return "250 OK"


@contextmanager
def mail_server(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, password: str | None = None
) -> Iterator[MailServer]:
    """Serve mail; a context makes encryption necessary, a password signing in as `lab`."""
    state = MailServer()

    def authenticate(*arguments: object) -> AuthResult:
        expected = LoginPassword(b"lab", f"{password}".encode())
        is_right = arguments[-1] == expected
        return AuthResult(success=is_right, handled=is_right)

    controller = Controller(
        _Mailbox(state),
        hostname="127.0.0.1",
        port=_free_port(),
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        authenticator=authenticate,
        # Over a connection that is encrypted from its beginning the library takes a requirement for a mistake.
        auth_required=password is not None and tls is None,
        auth_require_tls=tls is None,
    )
    controller.start()
    state.port = controller.port
    try:
        yield state
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def silent_server(*, greeting: bytes = b"", drips: bool = False) -> Iterator[int]:
    """Serve a port that accepts connections and then says nothing, or a byte now and then."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.02)
    held: list[socket.socket] = []

    def serve() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                pass
            else:
                held.append(connection)
                connection.sendall(greeting)
            for connection in held if drips else []:
                try:
                    connection.sendall(b"2")
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        ended.set()
        thread.join()
        for connection in held:
            connection.close()
        listener.close()
