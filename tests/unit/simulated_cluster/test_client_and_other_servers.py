"""The client against servers of other versions, and against what goes wrong on the way; no cluster is needed."""

import ast
import http.server
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from pioreactor_client import (
    CertificateError,
    Client,
    ClientError,
    CredentialsError,
    IncompatibleServerError,
    NotAuthenticatedError,
    RefusedError,
    ServerError,
    TimedOutError,
    UnreachableError,
    __version__,
    answers,
    save_token,
)
from pioreactor_client.credentials import find_token, token_file
from pioreactor_client.http_transport import HttpTransport

OPENAPI = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"  # written from the API, and checked
FIRST_CLIENT = json.loads(Path(__file__).with_name("client_27_0.json").read_text("utf-8"))
TOKEN = "pio_secret-of-a-script"
WORKER = {"pioreactor_unit": "worker1", "added_at": "2030-01-01T00:00:00Z", "is_active": 1}


class Recorded(http.server.BaseHTTPRequestHandler):
    """Answers every question with what the server holds."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Recording)
        server.asked.append((self.path, dict(self.headers.items())))
        server.may_answer.wait(10)
        body = msgspec.json.encode(server.value)
        self.send_response(server.status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return None


class Recording(http.server.ThreadingHTTPServer):
    daemon_threads = False  # so that closing the server waits for them
    status = 200
    value: object = None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Recorded)
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, str] = {}
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def answering(value: object, status: int = 200) -> Iterator[Recording]:
    server = Recording()
    server.value, server.status = value, status
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.may_answer.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_fields_that_a_newer_server_adds_are_ignored() -> None:
    newer = {**WORKER, "shaker": {"rpm": 3}, "tags": ["a"]}
    with answering([newer]) as server, Client.connect(server.url, TOKEN) as client:
        assert [reactor.name for reactor in client.reactors] == ["worker1"]


def test_a_field_that_a_newer_server_lacks_is_named_with_the_cure() -> None:
    with answering([{"name": "worker1"}]) as server, pytest.raises(IncompatibleServerError) as raised:
        Client.connect(server.url, TOKEN)
    assert "missing required field" in str(raised.value)
    assert "pioreactor-client" in str(raised.value.remedy)


@pytest.mark.parametrize("distance", [-2, 2])
def test_a_leader_of_a_distant_version_is_refused_with_the_versions_that_are_not(distance: int) -> None:
    own = int(__version__.partition(".")[0])
    with (
        answering({"version": f"{own + distance}.3.1"}) as server,
        pytest.raises(IncompatibleServerError) as raised,
    ):
        Client.connect(server.url, TOKEN)
    said = f"the leader has version {own + distance}.3.1; this client ({__version__}) works with {own - 1} to {own + 1}"
    assert raised.value.message == said
    assert "pioreactor-client" in str(raised.value.remedy)


@pytest.mark.parametrize("said", [{"version": f"{int(__version__.partition('.')[0]) + 1}.0"}, {"version": "x"}, 7, {}])
def test_a_leader_of_the_next_version_or_of_none_is_tried(said: object) -> None:
    with answering(said) as server, pytest.raises(IncompatibleServerError, match="does not understand"):
        Client.connect(server.url, TOKEN)


def test_tls_is_loaded_when_it_is_used() -> None:
    """In a process of its own, because another test may have loaded it."""
    program = (
        "import sys; import pioreactor_client.http_transport as transport; assert 'ssl' not in sys.modules; "
        "import ssl; assert isinstance(ssl, type(sys)) and ssl.SSLContext; "
        "transport.HttpTransport('https://leader', 'token'); assert transport.http.client.ssl.SSLError is ssl.SSLError"
    )
    installed = {"PYTHONPATH": str(Path(str(answers.__file__)).parents[1])}
    ended = subprocess.run([sys.executable, "-c", program], env=installed, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_field_that_may_be_missing_is_not_missed() -> None:
    """`WORKER` has no model and no address."""
    with answering([WORKER]) as server, Client.connect(server.url, TOKEN) as client:
        assert len(client.reactors) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(401, NotAuthenticatedError), (409, RefusedError), (504, TimedOutError), (500, ServerError)]
)
def test_an_error_keeps_the_servers_cause_and_remedy(status: int, kind: type[ClientError]) -> None:
    problem = {"error": "no", "cause": "the pump", "remediation": "Prime it.", "code": "dry", "status": status, "x": 1}
    with answering(problem, status) as server, pytest.raises(kind) as raised:
        Client.connect(server.url, TOKEN)
    error = raised.value
    assert (error.message, error.cause, error.remedy, error.code) == ("no", "the pump", "Prime it.", "dry")
    assert str(error) == "no (the pump)\n  Try: Prime it."


def test_an_error_without_a_body_of_ours_is_one_too() -> None:
    with answering("<html>", 502) as server, pytest.raises(ServerError, match="502"):
        Client.connect(server.url, TOKEN)


def test_a_redirect_does_not_carry_the_token_elsewhere() -> None:
    with answering([]) as elsewhere, answering([], 302) as server:
        server.headers = {"Location": elsewhere.url}
        with pytest.raises(ClientError, match="302"):
            Client.connect(server.url, TOKEN)
        assert elsewhere.asked == []


def test_a_server_that_is_off_or_silent_is_told_apart() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(UnreachableError, match="refused"):
        Client.connect(url, TOKEN)
    with answering([]) as server:
        server.may_answer.clear()
        transport = HttpTransport(server.url, TOKEN)
        with pytest.raises(TimedOutError, match="did not answer within"):
            transport.request("GET", "/api/workers", timeout_s=0.05)
        transport.close()


def test_the_token_is_sent_and_shown_nowhere() -> None:
    with answering([WORKER]) as server, Client.connect(server.url, TOKEN) as client:
        shown = [repr(client), repr(client.api.transport), repr(client.reactors), client.api.transport.address]
        assert server.asked[0][1]["Authorization"] == f"Bearer {TOKEN}"
        assert TOKEN not in server.asked[0][0]
    assert TOKEN not in "".join(shown)


@pytest.mark.parametrize("url", ["ftp://leader", "leader", "http://ana:secret@leader", "http://leader?token=secret"])
def test_a_url_that_is_none_is_refused_without_repeating_secrets(url: str) -> None:
    with pytest.raises(ClientError) as raised:
        HttpTransport(url, TOKEN)
    assert "secret" not in str(raised.value)


def test_a_certificate_file_that_is_not_there_is_named() -> None:
    with pytest.raises(CertificateError, match=r"no-such\.pem"):
        HttpTransport("https://leader", TOKEN, ca="no-such.pem")


def test_the_token_comes_from_argument_environment_or_file(tmp_path: Path) -> None:
    url, files = "http://leader.local:4999", {"XDG_CONFIG_HOME": str(tmp_path)}
    with pytest.raises(CredentialsError, match="no token"):
        find_token(url, None, files)
    path = save_token(url, "from-file", files)
    assert path == token_file(url, files)
    assert path.stat().st_mode & 0o777 == 0o600
    assert find_token(url, None, files) == "from-file"
    assert find_token(url, None, {**files, "PIOREACTOR_TOKEN": "from-environment"}) == "from-environment"
    assert find_token(url, "given", {**files, "PIOREACTOR_TOKEN": "from-environment"}) == "given"
    path.chmod(0o644)
    with pytest.raises(CredentialsError, match="others can read") as raised:
        find_token(url, None, files)
    assert "chmod 600" in str(raised.value)
    assert "from-file" not in str(raised.value)


def test_a_client_of_27_0_still_finds_its_routes() -> None:
    served = {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}"
        for path, methods in json.loads(OPENAPI.read_text("utf-8"))["paths"].items()
        for method in methods
    }
    assert set(FIRST_CLIENT["routes"]) - served == set()


def test_a_client_of_27_0_still_understands_the_answers() -> None:
    """`answers` is generated from the API; what it has in its answers must be among what the older client accepts."""
    present = fields_of(Path(str(answers.__file__)).read_text("utf-8"))
    broken = [
        f"{struct}.{name}: {wanted}, now {present[struct].get(name, 'missing')}"
        for struct, fields in FIRST_CLIENT["answers"].items()
        for name, wanted in fields.items()
        if not is_accepted(present[struct].get(name), wanted)
    ]
    assert broken == []


@pytest.mark.parametrize(
    ("now", "wanted", "is_fine"),
    [
        ("str", "str | None", True),
        ("str | None", "str", False),
        (None, "str", False),
        (None, "str | None = None", True),
    ],
)
def test_a_value_that_an_older_client_does_not_accept_is_found(now: str | None, wanted: str, is_fine: bool) -> None:
    assert is_accepted(now, wanted) == is_fine


def is_accepted(now: str | None, wanted: str) -> bool:
    """Tell whether a client that wants a field of this type reads what a leader sends now."""
    may_be_missing, kinds = wanted.endswith(" = None"), wanted.removesuffix(" = None").split(" | ")
    if now is None or (now.endswith(" = None") and not may_be_missing):
        return may_be_missing
    return "object" in kinds or set(now.removesuffix(" = None").split(" | ")) <= set(kinds)


def fields_of(source: str) -> dict[str, dict[str, str]]:
    """Return the fields of each struct in a module, with type and default."""
    return {
        node.name: {
            ast.unparse(field.target): ast.unparse(field.annotation) + (" = None" if field.value is not None else "")
            for field in node.body
            if isinstance(field, ast.AnnAssign)
        }
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef)
    }


def test_only_one_module_imports_the_software_itself() -> None:
    folder = Path(__file__).parents[3] / "client" / "src" / "pioreactor_client"
    importing = {path.name for path in folder.glob("*.py") if "from pioreactor." in path.read_text("utf-8")}
    assert importing == {"simulated_transport.py"}
