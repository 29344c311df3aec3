"""Paths, queries and bodies that are made to break the server are answered with a status below 500, on every route."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest

from pioreactor.exc import InvalidRequestError
from pioreactor.http.loopback import Request
from pioreactor.http.ports import Response
from pioreactor.web.api import openapi_document
from pioreactor.web.app import with_absolute_paths
from pioreactor.web.asgi import Message, Receive, Scope, Send
from pioreactor.web.request_bodies import experiment_name

DOCUMENT = json.loads(openapi_document())
ROUTES = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
HUGE = 10**30
TEXTS = ["..", "%2E%2E", "%2e%2e%2f%2e%2e", "a" * 300, "a" * 5000, "%00", "%FF%FE", "a%0Ab", "a%2Fb", "%F0%9F%A6%A0"]
TEXTS += [
    str(HUGE),
    str(-HUGE),
    str(2**63),
    "-1",
    "%D9%A3",
    "1_0",
    "1e9",
    "nan",
    "$broadcast",
    "$experiment",
    "%25s",
    "'",
]
VALUES: list[object] = [None, True, -1, 2**63, HUGE, -HUGE, 1e308, "", "..", "a" * 5000, "\0", "\ud800", "٣", [], {}]
VALUES += [[HUGE], ["\0"], {"a": HUGE}, {"\0": "\0"}, {"a" * 5000: "\ud800"}]


def url_of(path: str, value: str) -> str:
    return re.sub(r"\{\w+\}", lambda _: value, path)


def schema_of(operation: dict[str, Any]) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    return resolved(content.get("schema", {}))


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return resolved(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    for one in schema.get("oneOf", []):
        if (found := resolved(one)).get("properties"):
            return found
    return schema


def usual(schema: dict[str, Any]) -> object:
    """Return a value that the schema allows, more or less."""
    schema = resolved(schema)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0]
    if "properties" in schema:
        return {name: usual(schema["properties"][name]) for name in schema.get("required", [])}
    return {"string": "x" * max(1, schema.get("minLength", 1)), "integer": 1, "number": 1.0, "boolean": True}.get(
        str(kind), [] if kind == "array" else {}
    )


def bodies_of(operation: dict[str, Any]) -> Iterator[object]:
    schema = schema_of(operation)
    if not operation.get("requestBody"):
        return
    yield from VALUES
    whole = usual(schema)
    for name in schema.get("properties", {}):
        for value in VALUES:
            yield {**(whole if isinstance(whole, dict) else {}), name: value}


class Asker:
    """Sends requests as a unit, or as a signed-in person where units are refused; collects those that fail.

    There are thousands: they go to the application itself, since a client's own work would take most of the time.
    """

    def __init__(self, leader: Any) -> None:
        self._client = leader.client
        self._token = leader.client.headers["Authorization"]
        self.failed: list[str] = []

    def __call__(self, method: str, url: str, *, body: object = None, has_body: bool = False) -> int:
        content = json.dumps(body).encode() if has_body else b""
        status: int = self._client.blocking_portal.call(self._send, method, url, content)
        if status == 500:
            self.failed.append(f"{method} {url[:200]} {content[:200]!r}")
        return status

    async def _send(self, method: str, url: str, content: bytes) -> int:
        path, _, query = url.partition("?")
        statuses: list[int] = []
        ended = asyncio.Event()
        sent = False

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            elif not message.get("more_body", False):
                ended.set()

        async def receive() -> Message:
            nonlocal sent
            if sent:
                await ended.wait()
                return {"type": "http.disconnect"}
            sent = True
            return {"type": "http.request", "body": content, "more_body": False}

        origin = str(self._client.base_url).rstrip("/")
        cookies = "; ".join(f"{name}={value}" for name, value in self._client.cookies.items())
        person = [(b"origin", origin.encode()), (b"cookie", cookies.encode())]
        headers = [
            (b"host", origin.partition("//")[2].encode()),
            *(person if url.startswith("/auth/") else [(b"authorization", self._token.encode())]),
            *([(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))] if content else []),
        ]
        scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": headers,
            "client": ("testclient", 50000),
            "server": ("testserver.local", 80),
            "extensions": {},
        }
        await self._client.app(scope, receive, send)
        return statuses[0]


@pytest.fixture
def ask(leader: Any) -> Asker:
    leader.add_workers("x", experiment="x")
    asker = Asker(leader)
    leader.sign_in()
    return asker


SAFE = [route for route in ROUTES if route[1] != "/auth/sign-out"]


def test_hostile_paths(ask: Asker) -> None:
    for method, path, _ in SAFE:
        for value in TEXTS if "{" in path else ():
            ask(method, url_of(path, value))
    assert ask.failed == []


def test_hostile_queries(ask: Asker) -> None:
    for method, path, operation in SAFE:
        names = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
        for name in names:
            for value in TEXTS:
                ask(method, f"{url_of(path, 'x')}?{name}={value}")
    assert ask.failed == []


def test_hostile_bodies(ask: Asker) -> None:
    for method, path, operation in SAFE:
        for body in bodies_of(operation):
            ask(method, url_of(path, "x"), body=body, has_body=True)
    assert ask.failed == []


def test_numbers_in_paths_are_ascii_digits(ask: Asker) -> None:
    numeric = [
        (method, re.sub(r"\{(\w+)\}", lambda match: "NUMBER" if match[1] in names else "x", path))
        for method, path, operation in SAFE
        if (names := {p["name"] for p in operation.get("parameters", []) if p["schema"].get("type") == "integer"})
        and any(f"{{{name}}}" in path for name in names)
    ]
    assert len(numeric) >= 4
    for number in ("%D9%A3", "%EF%BC%91", "1_0", "+1", "%201", str(2**63), "-1"):
        for method, url in numeric:
            assert ask(method, url.replace("NUMBER", number)) in (400, 404), (method, url, number)


def test_what_is_no_path_is_refused() -> None:
    """The target of a request is whatever a client sends: `GET *` for example."""

    async def test() -> list[int]:
        statuses = []

        async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
            raise AssertionError("the request was let through")

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def receive() -> Message:
            return {"type": "http.request"}

        for path in ("*", "", "http://example.org/api/health", "example.org:443"):
            await with_absolute_paths(app)({"type": "http", "method": "GET", "path": path}, receive, send)
        return statuses

    assert asyncio.run(test()) == [400] * 4


def test_an_experiment_is_not_named_like_a_folder(leader: Any) -> None:
    for name in ("..", ".", " .. "):
        assert leader.client.post("/api/experiments", json={"experiment": name}).status_code == 400
        with pytest.raises(InvalidRequestError):
            experiment_name(name)


def test_a_setting_of_a_job_that_does_not_exist_is_not_accepted(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="x")
    running = {"plugin_job"}

    def answer(request: Request) -> Response:
        job = request.path.rsplit("/", 1)[1]
        return Response(200, json.dumps([{"job_name": job}] if job in running else []).encode(), {})

    leader.add_host("unit1", answer)
    for unit in ("unit1", "unit2", "$broadcast"):
        for setting in ("target_rpm", "$state"):
            path = f"/api/workers/{unit}/jobs/update/job_name/no_such_job/experiments/x"
            assert leader.client.patch(path, json={"settings": {setting: 1}}).status_code == 404
    assert not [topic for topic, *_ in leader.bus.published if "no_such_job" in topic]
    for unit, status in (("unit1", 202), ("$broadcast", 202), ("unit2", 404)):
        path = f"/api/workers/{unit}/jobs/update/job_name/plugin_job/experiments/x"
        assert leader.client.patch(path, json={"settings": {"speed": 1}}).status_code == status


ENVIRONMENTS: list[dict[str, str]] = [
    *({name: "1"} for name in ("TESTING", "HARDWARE", "FIRMWARE", "HAT_PRESENT", "LD_PRELOAD", "PATH", "PYTHONPATH")),
    *({name: "1"} for name in ("DOT_PIOREACTOR", "HOSTNAME", "ACTIVE", "MODEL_NAME", "MODEL_VERSION")),
    {"EXPERIMENT": "a\0b"},
]


def test_nobody_chooses_another_unit_or_model_through_the_leader(leader: Any) -> None:
    leader.add_workers("x", experiment="x")
    for prefix in ("/api/workers/x", "/api/units/x", "/api/workers/$broadcast"):
        for environment in ENVIRONMENTS:
            path = f"{prefix}/jobs/run/job_name/stirring/experiments/x"
            assert leader.client.patch(path, json={"env": environment}).status_code == 400, (path, environment)


def test_a_unit_accepts_less_of_a_person_than_of_the_leader(leader: Any) -> None:
    of_the_leader = {"ACTIVE", "MODEL_NAME", "MODEL_VERSION"}
    for number, environment in enumerate(ENVIRONMENTS):
        path = f"/unit_api/jobs/run/job_name/job{number}"
        status = leader.client.patch(path, json={"env": environment}).status_code
        assert status == (202 if set(environment) & of_the_leader else 400), environment
    own = {"HOSTNAME": "leader1", "TESTING": "", "MODEL_NAME": None, "EXPERIMENT": "x", "JOB_SOURCE": "user"}
    leader.sign_in()
    headers = {"Origin": str(leader.client.base_url).rstrip("/")}
    for environment in ENVIRONMENTS:
        answer = leader.client.patch("/unit_api/jobs/run/job_name/x", json={"env": environment}, headers=headers)
        assert answer.status_code == 400, environment
    assert leader.client.patch("/unit_api/jobs/run/job_name/x", json={"env": own}, headers=headers).status_code == 202
