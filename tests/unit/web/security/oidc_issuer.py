"""A small OpenID Connect issuer on a real socket, with signed tokens, and mistakes to be made on demand."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

CLIENT = "leader1"


@dataclass
class SmallIssuer:
    url: str
    now_s: Callable[[], float]
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one"}))
    published: list[ECKey] = field(default_factory=list)
    person: dict[str, object] = field(default_factory=lambda: {"sub": "17", "preferred_username": "ana"})
    changed: dict[str, object] = field(default_factory=dict)
    """Claims that replace the right ones; None: omitted."""
    metadata: dict[str, object] = field(default_factory=dict)
    algorithm: str = "ES256"
    token_requests: list[tuple[dict[str, str], dict[str, str]]] = field(default_factory=list)
    """Form and headers of each."""
    _begun: dict[str, dict[str, str]] = field(default_factory=dict)

    def authorize(self, url: str) -> str:
        """Return the code for a person who signs in at this address."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        code = f"code-{len(self._begun)}"
        self._begun[code] = query
        return code

    def answer(self, method: str, path: str, form: dict[str, str], headers: dict[str, str]) -> tuple[int, object]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
                **self.metadata,
            }
        if path == "/keys":
            keys = self.published if self.published else [self.key]
            return 200, {"keys": [key.as_dict(private=False) for key in keys]}
        self.token_requests.append((form, headers))
        begun = self._begun.pop(form.get("code", ""), None)
        if begun is None:
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.token(begun["nonce"])}

    def token(self, nonce: str) -> str:
        now_s = int(self.now_s())
        right: dict[str, Any] = {"iss": self.url, "aud": CLIENT, "exp": now_s + 300, "iat": now_s, "nonce": nonce}
        claims = {name: value for name, value in {**right, **self.person, **self.changed}.items() if value is not None}
        key = self.key if self.algorithm == "ES256" else OctKey.import_key("0123456789abcdef0123456789abcdef")
        return jwt.encode({"alg": self.algorithm, "kid": self.key.kid}, claims, key, algorithms=[self.algorithm])


@contextmanager
def issuer_on_loopback(now_s: Callable[[], float]) -> Iterator[SmallIssuer]:
    """Serve an issuer until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            status, value = issuer.answer(self.command, self.path, form, dict(self.headers))
            content = msgspec.json.encode(value)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = SmallIssuer(f"http://127.0.0.1:{server.server_address[1]}", now_s)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
