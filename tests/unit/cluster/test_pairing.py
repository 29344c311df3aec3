"""Pairing by a short code: the right code joins, and nothing else does."""

import socket
import ssl
import threading
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import msgspec
import pytest

from pioreactor.cluster.certificates import make_self_signed
from pioreactor.cluster.pairing_client import PairingClient, split_address
from pioreactor.cluster.pairing_protocol import (
    PROTOCOL,
    Confirmation,
    Confirmed,
    Invitation,
    Offer,
    Proofs,
    make_code,
    make_nonce,
    read_code,
    read_pairing_file,
)
from pioreactor.cluster.pairing_server import MAX_WRONG_PROOFS, Pairing, PairingServer, key_and_certificate
from pioreactor.exc import (
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotPermittedError,
    UnitUnreachableError,
)

INVITATION = Invitation("c1", "leader1", "worker1", "token", "password", "[mqtt]\n", "authority", "certificate", 0.0)


class Waiting:
    """A worker that waits on loopback, and what it was shown and given."""

    def __init__(self, folder: Path, code: str | None = None, protocol: int = PROTOCOL) -> None:
        self.codes: list[str] = []
        self.given: list[Invitation] = []
        key, certificate = key_and_certificate(folder, "worker1")
        self.key, self.certificate = key, certificate
        self.pairing = Pairing(
            Offer("worker1", "1.0", protocol),
            certificate,
            "request",
            unix_time_s=lambda: 1000.0,
            on_code=self.codes.append,
            accept=self.given.append,
            code=code,
        )
        self.server = PairingServer(self.pairing, certificate, key, host="127.0.0.1", port=0)
        self.address = f"127.0.0.1:{self.server.port}"


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Waiting]:
    worker = Waiting(tmp_path)
    with worker.server:
        yield worker


def test_the_right_code_joins_once(waiting: Waiting) -> None:
    client = PairingClient(waiting.address)
    assert client.offer().unit == "worker1"
    confirmed = client.confirm(waiting.codes[0].lower().replace("-", " "))
    assert (confirmed.certificate_request, confirmed.unix_time_s) == ("request", 1000.0)
    client.invite(INVITATION)
    assert waiting.pairing.joined.is_set()
    assert waiting.given == [INVITATION]
    with pytest.raises(ConflictError, match="already"):
        client.invite(INVITATION)


def test_a_wrong_code_is_refused_and_after_some_the_code_changes(waiting: Waiting) -> None:
    first = waiting.codes[0]
    for _ in range(MAX_WRONG_PROOFS):
        with pytest.raises(NotPermittedError, match="wrong"):
            PairingClient(waiting.address).confirm("AAAA-AAAA" if first != "AAAA-AAAA" else "BBBB-BBBB")
    assert len(waiting.codes) == 2
    with pytest.raises(NotPermittedError):
        PairingClient(waiting.address).confirm(first)
    PairingClient(waiting.address).confirm(waiting.codes[1])


def test_a_code_that_was_agreed_is_given_up_after_wrong_ones(tmp_path: Path) -> None:
    worker = Waiting(tmp_path, code="K7QM-2XFD")
    with worker.server:
        for _ in range(10):
            with pytest.raises(NotPermittedError):
                PairingClient(worker.address).confirm("AAAA-AAAA")
        with pytest.raises(NotPermittedError, match="too many"):
            PairingClient(worker.address).confirm("K7QM-2XFD")
    assert worker.given == []


def test_an_invitation_without_proof_is_refused(waiting: Waiting) -> None:
    client = PairingClient(waiting.address)
    with pytest.raises(NotPermittedError, match="prove"):
        client.invite(INVITATION)
    assert waiting.given == []


def test_a_machine_in_between_gets_neither_proof(tmp_path: Path, waiting: Waiting) -> None:
    """A machine that shows its own certificate relays what leader and worker say."""
    make_self_signed(tmp_path / "between.key", tmp_path / "between.pem", "worker1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "between.pem", tmp_path / "between.key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=relay, args=(listener, context, waiting.server.port))
        thread.start()
        client = PairingClient(f"127.0.0.1:{listener.getsockname()[1]}")
        client.offer()
        with pytest.raises(NotPermittedError, match="code is wrong"):
            client.confirm(waiting.codes[0])
        thread.join(10)
    assert waiting.given == []


def relay(listener: socket.socket, context: ssl.SSLContext, port: int) -> None:
    """Relay two requests."""
    for _ in range(2):
        raw, _ = listener.accept()
        with context.wrap_socket(raw, server_side=True) as near:
            inner = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            inner.check_hostname, inner.verify_mode = False, ssl.CERT_NONE
            with socket.create_connection(("127.0.0.1", port)) as far_raw, inner.wrap_socket(far_raw) as far:
                far.sendall(request_of(near))
                while part := far.recv(65536):
                    near.sendall(part)


def request_of(connection: ssl.SSLSocket) -> bytes:
    """Read one request with its body."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def test_a_machine_that_does_not_know_the_code_is_refused(tmp_path: Path) -> None:
    """It may accept every proof of the leader; its own it cannot make."""

    class Liar(Pairing):
        def confirm(self, given: object) -> object:  # type: ignore[override]
            return {"proof": "0" * 64, "certificate_request": "request", "unix_time_s": 0.0}

    worker = Waiting(tmp_path)
    worker.pairing.__class__ = Liar
    with worker.server, pytest.raises(NotPermittedError, match="does not know the code"):
        PairingClient(worker.address).confirm("AAAA-AAAA")


def test_another_certificate_in_the_middle_of_a_pairing_is_noticed(tmp_path: Path) -> None:
    first = Waiting(tmp_path)
    client = PairingClient(first.address)
    with first.server:
        client.offer()
    second = Waiting(tmp_path / "..")
    client.port = second.server.port
    with second.server, pytest.raises(NotPermittedError, match="another machine"):
        client.confirm(second.codes[0])


def test_another_protocol_is_named_with_both_versions(tmp_path: Path) -> None:
    worker = Waiting(tmp_path, protocol=PROTOCOL + 1)
    with worker.server, pytest.raises(ConflictError, match="protocol"):
        PairingClient(worker.address).offer()


@pytest.mark.parametrize("struct", [Offer, Confirmation, Confirmed, Invitation])
def test_what_a_later_version_adds_is_ignored_and_what_it_leaves_out_is_named(struct: type[msgspec.Struct]) -> None:
    """An older machine must understand a newer one until the number of the protocol says otherwise."""
    given = {
        Offer: Offer("worker1", "27.0.0", PROTOCOL),
        Confirmation: Confirmation("n" * 32, "p" * 64),
        Confirmed: Confirmed("p" * 64, "request", 0.0),
        Invitation: INVITATION,
    }[struct]
    fields = msgspec.to_builtins(given)
    assert msgspec.convert({**fields, "added_later": {"a": 1}}, struct) == given
    for field in msgspec.structs.fields(struct):
        without = {name: value for name, value in fields.items() if name != field.name}
        if field.required:
            with pytest.raises(msgspec.ValidationError, match=field.name):
                msgspec.convert(without, struct)
        else:
            msgspec.convert(without, struct)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", b"", 404),
        ("POST", "/pairing", b"{}", 404),
        ("POST", "/pairing/confirm", b"", 400),
        ("POST", "/pairing/confirm", b"[" * 50_000, 400),
        ("POST", "/pairing/confirm", b'{"nonce": 1}', 400),
        ("POST", "/pairing/join", b"\xff\xfe", 400),
        ("PUT", "/pairing", b"", 501),
    ],
)
def test_hostile_requests_get_an_error_and_the_server_goes_on(
    waiting: Waiting, method: str, path: str, body: bytes, status: int
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection("127.0.0.1", waiting.server.port, context=context, timeout=10)
    connection.request(method, path, body=body)
    assert connection.getresponse().status == status
    connection.close()
    assert PairingClient(waiting.address).offer().unit == "worker1"


def test_idle_connections_do_not_keep_the_leader_out_for_good(waiting: Waiting) -> None:
    idle = [socket.create_connection(("127.0.0.1", waiting.server.port)) for _ in range(30)]
    for connection in idle:
        connection.close()
    assert PairingClient(waiting.address).offer().unit == "worker1"


def test_what_is_no_worker_is_said_to_be_none(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnitUnreachableError, match="no worker waits"):
        PairingClient(f"127.0.0.1:{port}", timeout_s=2.0).offer()


def test_codes_are_read_as_people_type_them() -> None:
    code = make_code()
    assert read_code(code) == code.replace("-", "")
    assert read_code("o1il-2222") == "01112222"
    for wrong in ("", "AAAA", "AAAA-AAAAA", "AAAA-AAA!", "UUUU-UUUU"):
        with pytest.raises(InvalidRequestError):
            read_code(wrong)
    assert len({make_code() for _ in range(100)}) == 100


def test_proofs_differ_by_side_nonce_code_and_certificate() -> None:
    nonce = make_nonce()
    proofs = Proofs("K7QM-2XFD", b"a")
    others = (Proofs("K7QM-2XFE", b"a"), Proofs("K7QM-2XFD", b"b"))
    made = [proofs.of_leader(nonce), proofs.of_worker(nonce), proofs.session(nonce), proofs.of_leader(make_nonce())]
    assert len({*made, *(other.of_leader(nonce) for other in others)}) == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5", ("10.0.0.5", 4998)),
        ("worker1.local:81", ("worker1.local", 81)),
        ("[fe80::1]", ("fe80::1", 4998)),
        ("[fe80::1]:81", ("fe80::1", 81)),
    ],
)
def test_addresses_are_read(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize("text", ["", ":80", "a b", "host:x", "host:0", "host:70000", "a/b", "u@h", "host:٣"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        split_address(text)


def test_a_file_on_the_boot_partition_gives_the_code(tmp_path: Path) -> None:
    path = tmp_path / "pioreactor-join.toml"
    path.write_text('code = "K7QM-2XFD"\n')
    assert (read_pairing_file(path).code, read_pairing_file(path).port) == ("K7QM-2XFD", 4998)


@pytest.mark.parametrize("text", ["", "code = 1", 'code = "short"', "[[[", 'code = "K7QM-2XFD"\nx = 1', "# " * 10_000])
def test_a_bad_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pioreactor-join.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=path.name):
        read_pairing_file(path)


def test_an_invitation_survives_its_encoding() -> None:
    assert msgspec.json.decode(msgspec.json.encode(INVITATION), type=Invitation) == INVITATION
