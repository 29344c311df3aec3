"""The HTTP client, addresses of units, and concurrent requests to many."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pioreactor.exc import InvalidRequestError, UnitUnreachableError
from pioreactor.http.addresses import base_url
from pioreactor.http.client import StandardHttpClient
from pioreactor.http.fanout import Answered, Failed, ask_each, report
from pioreactor.http.loopback import LoopbackHttp, Request, json_response
from pioreactor.http.ports import Response
from pioreactor.http.units import Units


class Echo(BaseHTTPRequestHandler):
    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(418)
        self.send_header("X-Path", self.path)
        self.send_header("X-Type", self.headers.get("Content-Type", ""))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture
def echo() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_requests_are_sent_unchanged_and_any_status_is_returned(echo: str) -> None:
    answer = StandardHttpClient().request("PATCH", f"{echo}/a?b=1", json={"x": [1, None]})
    assert answer.status == 418
    assert not answer.ok
    assert answer.json() == {"x": [1, None]}
    assert (answer.headers["x-path"], answer.headers["x-type"]) == ("/a?b=1", "application/json")


def test_redirects_are_not_followed(echo: str) -> None:
    """The request carries the cluster's token, which belongs to the unit that was asked."""
    assert StandardHttpClient().request("GET", echo).status == 302


def test_connection_errors_name_their_reason() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with pytest.raises(UnitUnreachableError, match="refused"):
            StandardHttpClient().request("GET", f"http://127.0.0.1:{port}")
        silent.listen()
        with pytest.raises(UnitUnreachableError, match=r"no response within 0\.05 s"):
            StandardHttpClient().request("GET", f"http://127.0.0.1:{port}", timeout_s=0.05)
    with pytest.raises(InvalidRequestError):
        StandardHttpClient().request("GET", "file:///etc/passwd")


def test_a_response_that_is_not_json_is_an_error() -> None:
    with pytest.raises(UnitUnreachableError, match="not JSON"):
        Response(200, b"<html>").json()


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        (None, "http://unit1.local:4999"),
        ("", "http://unit1.local:4999"),
        ("10.0.0.3", "http://10.0.0.3:4999"),
        ("10.0.0.3:81", "http://10.0.0.3:81"),
        (" bench.example ", "http://bench.example:4999"),
        ("[fe80::1]", "http://[fe80::1]:4999"),
        ("[fe80::1]:81", "http://[fe80::1]:81"),
    ],
)
def test_base_url_of_a_unit(configured: str | None, expected: str) -> None:
    assert base_url("unit1", {"unit1": configured}, port=4999) == expected


def test_results_are_per_unit_and_in_order() -> None:
    def question(unit: str) -> str:
        if unit == "dead":
            raise UnitUnreachableError("no", remedy="plug it in")
        return unit.upper()

    answers = ask_each(["b", "dead", "a"], question)

    assert answers == [
        Answered("b", "B"),
        Failed("dead", "connection_error", "no", 502, None, "plug it in"),
        Answered("a", "A"),
    ]
    assert report(answers)["dead"] == {
        "ok": False,
        "unit": "dead",
        "error": {"kind": "connection_error", "message": "no", "remediation": "plug it in"},
        "status_code": 502,
        "retryable": True,
    }
    assert ask_each([], question) == []


def test_waiting_for_a_task_times_out() -> None:
    waited: list[float] = []

    def slow(request: Request) -> Response:
        if not request.path.startswith("/unit_api/task_results/"):
            return json_response({"task_id": "1", "result_url_path": "/unit_api/task_results/1"}, 202)
        done = len(waited) >= 3
        return json_response(
            {"status": "succeeded", "result": 7} if done else {"status": "running"}, 200 if done else 202
        )

    def pause(duration_s: float) -> bool:
        waited.append(duration_s)
        return False

    units = Units(LoopbackHttp({"u": slow}), lambda unit: f"http://{unit}", token_for=lambda _: "t", pause=pause)
    assert units.ask("u", "PATCH", "/x") == 7

    waited.clear()
    stuck = LoopbackHttp(
        {"u": lambda request: json_response({"status": "running", "result_url_path": "/unit_api/task_results/1"}, 202)}
    )
    [answer] = ask_each(
        ["u"],
        lambda unit: Units(stuck, lambda name: f"http://{name}", token_for=lambda _: "t", pause=pause).ask(
            unit, "GET", "/x", timeout_s=1.0
        ),
    )
    assert isinstance(answer, Failed)
    assert answer.kind == "task_timeout"
    assert sum(waited) == pytest.approx(1.0)
