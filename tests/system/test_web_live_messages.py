"""The web server as a process, with a real broker: live messages for browsers, and a graceful end."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from pioreactor.cluster.certificates import TlsFiles, fingerprint, make_authority, make_request, sign, write_private
from pioreactor.http.client import StandardHttpClient
from pioreactor.messaging.accounts import Account
from pioreactor.messaging.broker import Broker
from pioreactor.messaging.mqtt import MqttBusFactory
from pioreactor_client import CertificateError, Client
from pioreactor_client.http_transport import HttpTransport
from pioreactor_client.tls import fingerprint_of

pytestmark = pytest.mark.system

CONNECT = bytes.fromhex("101200044d5154540402003c") + b"\x00\x06my-job"
SUBSCRIBE = b"\x82\x11\x00\x01\x00\x0cpioreactor/#\x00"
PUBLISH = b"\x30\x0e\x00\x0cpioreactor/x"


@dataclass
class Server:
    port: int
    password: str
    token: str
    process: subprocess.Popen[str]
    broker: Broker

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sign_in(self) -> str:
        """Return the cookie of a new session."""
        body = {"username": "pioreactor", "password": self.password}
        answer = StandardHttpClient().request("POST", f"{self.url}/auth/sign-in", json=body)
        assert answer.status == 200, answer.body
        return answer.headers["set-cookie"].split(";")[0]

    def live(self, cookie: str | None, *, origin: str | None = None) -> ClientConnection:
        headers = {"Cookie": cookie} if cookie is not None else {}
        return connect(
            f"ws://127.0.0.1:{self.port}/mqtt",
            subprotocols=["mqtt"],  # type: ignore[list-item]
            additional_headers=headers,
            origin=origin if origin is not None else self.url,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as started:
        yield started


@contextmanager
def serving(tmp_path: Path, *tls: Path) -> Iterator[Server]:
    accounts = [Account("leader1", "of-the-leader", "leader"), Account("viewer", "of-browsers", "viewer")]
    with Broker(tmp_path / "broker", accounts) as broker:
        script = str(Path(__file__).with_name("web_server_for_tests.py"))
        arguments = [str(tmp_path / "leader"), str(free_port()), str(broker.port), "of-browsers", "of-the-leader"]
        command = [sys.executable, script, *arguments, *map(str, tls)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            port, password, token = process.stdout.readline().split()
            yield Server(int(port), password, token, process, broker)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def receive_until(live: Any, wanted: bytes) -> bytes:
    received = b""
    while wanted not in received:
        data = live.recv(timeout=10)
        received += data if isinstance(data, bytes) else data.encode()
    return received


def test_a_signed_in_browser_hears_the_cluster_and_cannot_speak(server: Server) -> None:
    cookie = server.sign_in()
    with server.live(cookie) as live:
        live.send(CONNECT)
        assert live.recv(timeout=10) == b"\x20\x02\x00\x00"
        live.send(SUBSCRIBE)
        receive_until(live, b"\x90\x03\x00\x01")
        bus = MqttBusFactory(server.broker.address("leader1"), "leader1").connect("job")
        bus.publish("pioreactor/u1/exp/stirring/target_rpm", "500", retain=True)
        assert bus.flush(10)
        assert b"target_rpm500" in receive_until(live, b"target_rpm500")

        live.send(PUBLISH)
        with pytest.raises(ConnectionClosed) as closed:
            receive_until(live, b"never")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008
        bus.close()


@pytest.mark.parametrize("case", ["no cookie", "another site", "a wrong cookie"])
def test_nobody_else_is_let_in(server: Server, case: str) -> None:
    cookie = server.sign_in()
    with pytest.raises(InvalidStatus) as refused:
        match case:
            case "no cookie":
                server.live(None)
            case "another site":
                server.live(cookie, origin="http://evil.example")
            case _:
                server.live("pioreactor_session=guess")
    assert refused.value.response.status_code == 403


def test_a_broker_that_is_away_is_said(server: Server) -> None:
    server.broker.stop()
    with server.live(server.sign_in()) as live:
        with pytest.raises(ConnectionClosed) as closed:
            live.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013


def test_the_leader_asks_itself_over_its_own_server(server: Server) -> None:
    """More questions at once than there are threads: none may wait for another."""
    http, token = StandardHttpClient(), {"Authorization": f"Bearer {server.token}"}

    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = http.request(method, server.url + path, json=body, headers=token)
        assert answer.ok, answer.body
        return answer.json()

    ask("PUT", "/api/workers", {"pioreactor_unit": "leader1"})
    ask("POST", "/api/experiments", {"experiment": "exp"})
    ask("PUT", "/api/experiments/exp/workers", {"pioreactor_unit": "leader1"})
    tasks = [
        ask("PATCH", f"/api/workers/leader1/jobs/run/job_name/job{n}/experiments/exp", {"options": {}})
        for n in range(12)
    ]
    for task in tasks:
        result: Any = {"status": "pending"}
        while result["status"] in ("pending", "running"):
            result = ask("GET", task["result_url_path"])
        assert result["result"]["leader1"] == {"ok": True, "unit": "leader1", "value": "ok"}, json.dumps(result)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_server_ends_gracefully_though_browsers_listen(server: Server, number: signal.Signals) -> None:
    with server.live(server.sign_in()) as live:
        live.send(CONNECT)
        live.recv(timeout=10)
        server.process.send_signal(number)
        with pytest.raises(ConnectionClosed):
            receive_until(live, b"never")
    assert server.process.wait(15) == 0


def test_the_python_client_receives_messages_with_a_token(server: Server) -> None:
    with Client(HttpTransport(server.url, server.token)) as client:
        assert receives(client, server)


def test_the_python_client_over_https_trusts_an_authority_or_one_certificate(tmp_path: Path) -> None:
    files = TlsFiles(tmp_path / "tls")
    make_authority(files, "1234")
    write_private(files.certificate, sign(files, make_request(files.key, "leader1"), ["leader1", "127.0.0.1"]))
    with serving(tmp_path, files.folder) as server:
        url = f"https://127.0.0.1:{server.port}"
        pinned = fingerprint_of(url)
        assert bytes.fromhex(pinned) == fingerprint(files.certificate)
        with Client.connect(url, server.token, ca=files.authority) as client:
            assert receives(client, server)
        with Client.connect(url, server.token, fingerprint=pinned) as client:
            assert receives(client, server)
        for trusted in (None, "00" * 32):
            with pytest.raises(CertificateError):
                Client.connect(url, server.token, fingerprint=trusted)


def receives(client: Client, server: Server) -> bool:
    bus = MqttBusFactory(server.broker.address("leader1"), "leader1").connect("job")
    topic = "pioreactor/u1/exp/od_reading/od1"
    stop = threading.Event()

    def measure() -> None:
        while not stop.wait(0.05):
            bus.publish(topic, b'{"timestamp": "2030-01-01T00:00:00Z", "od": 0.5, "channel": "1"}')

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        messages = client.api.transport.messages([topic], timeout_s=10)
        payload = next(messages).payload
        messages.close()  # type: ignore[attr-defined]  # a generator
        return b'"od": 0.5' in payload
    finally:
        stop.set()
        thread.join()
        bus.close()
