"""The side of the leader that pairs with a worker that waits."""

from __future__ import annotations

import hashlib
import re
import ssl
from http.client import HTTPException, HTTPSConnection
from typing import Final, TypeVar

import msgspec

from pioreactor.cluster.pairing_protocol import (
    MAX_BODY_BYTES,
    PATH,
    PORT,
    PROTOCOL,
    Confirmation,
    Confirmed,
    Invitation,
    Offer,
    Proofs,
    is_equal,
    make_nonce,
)
from pioreactor.exc import ConflictError, InvalidRequestError, NotPermittedError, PioreactorError, UnitUnreachableError

_TIMEOUT_S: Final = 20.0
_ADDRESS: Final = re.compile(
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]{1,253}))(?::(?P<port>[0-9]{1,5}))?"
)

T = TypeVar("T")


class Refusal(msgspec.Struct):
    """What a worker answers when it refuses."""

    error: str
    remedy: str | None = None


class PairingClient:
    """Talks to one worker. Every connection must show the certificate that the first one showed."""

    def __init__(self, address: str, *, timeout_s: float = _TIMEOUT_S) -> None:
        """`address`: host, or host:port."""
        self.host, self.port = split_address(address)
        self._timeout_s = timeout_s
        self._fingerprint: bytes | None = None
        self._session: str | None = None

    def offer(self) -> Offer:
        """Return what the worker says of itself; raise `ConflictError` if it speaks another protocol."""
        offer = self._request("GET", PATH, None, Offer)
        if offer.protocol != PROTOCOL:
            raise ConflictError(
                f"{offer.unit} runs version {offer.version}, which pairs by protocol {offer.protocol}, not {PROTOCOL}",
                remedy="Update the older of the two machines first.",
            )
        return offer

    def confirm(self, code: str) -> Confirmed:
        """Prove that we know the code, and check the worker's proof; raise `NotPermittedError` otherwise."""
        if self._fingerprint is None:
            self.offer()
        assert self._fingerprint is not None
        proofs, nonce = Proofs(code, self._fingerprint), make_nonce()
        answer = self._request("POST", f"{PATH}/confirm", Confirmation(nonce, proofs.of_leader(nonce)), Confirmed)
        if not is_equal(answer.proof, proofs.of_worker(nonce)):
            raise NotPermittedError(
                f"{self.host} does not know the code: it is not the machine that showed it",
                remedy="Find out which machine answers at this address.",
            )
        self._session = proofs.session(nonce)
        return answer

    def invite(self, invitation: Invitation) -> None:
        """Send what makes the unit a worker of this cluster."""
        self._request("POST", f"{PATH}/join", invitation, dict)

    def _request(self, method: str, path: str, body: object, type_: type[T]) -> T:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # the proofs bind the certificate; no authority knows this machine yet
        connection = HTTPSConnection(self.host, self.port, timeout=self._timeout_s, context=context)
        headers = {"Content-Type": "application/json"}
        if self._session is not None:
            headers["Authorization"] = f"Bearer {self._session}"
        try:
            connection.connect()
            self._check_certificate(connection)
            encoded = msgspec.json.encode(body) if body is not None else None
            connection.request(method, path, body=encoded, headers=headers)
            answer = connection.getresponse()
            content = answer.read(MAX_BODY_BYTES)
        except (OSError, HTTPException) as error:
            raise UnitUnreachableError(
                f"no worker waits at {self.host}:{self.port}: {error}",
                remedy="Run `pio cluster join` on the worker; it prints its address.",
            ) from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise _refusal(self.host, answer.status, content)
        return _decode(content, type_)

    def _check_certificate(self, connection: HTTPSConnection) -> None:
        assert isinstance(connection.sock, ssl.SSLSocket)
        certificate = connection.sock.getpeercert(binary_form=True)
        seen = hashlib.sha256(certificate if certificate is not None else b"").digest()
        if self._fingerprint is None:
            self._fingerprint = seen
        elif seen != self._fingerprint:
            raise NotPermittedError(
                f"another machine answers at {self.host} than a moment ago",
                remedy="Check that no two machines share the address, then try again.",
            )


def split_address(address: str, *, default_port: int = PORT) -> tuple[str, int]:
    """Return host and port of `host`, `host:port`, `[IPv6]` or `[IPv6]:port`."""
    found = _ADDRESS.fullmatch(address.strip())
    port = int(found["port"]) if found is not None and found["port"] else default_port
    if found is None or not 1 <= port <= 65535:
        raise InvalidRequestError(f"{address!r} is no address", remedy="Give a host name or an IP address.")
    return found["v6"] or found["host"], port


def _decode(content: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UnitUnreachableError(f"what answers is no worker that waits to join: {error}") from error


def _refusal(host: str, status: int, content: bytes) -> PioreactorError:
    try:
        refusal = msgspec.json.decode(content, type=Refusal)
    except msgspec.MsgspecError:
        refusal = Refusal(f"status {status}")
    kind = {403: NotPermittedError, 409: ConflictError}.get(status, InvalidRequestError)
    return kind(f"{host} refuses: {refusal.error}", remedy=refusal.remedy)
