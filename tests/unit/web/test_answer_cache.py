"""Answers that are sent again: only while nothing has changed, and only to senders with equal rights."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from inspect import signature
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from tests.unit.web.conftest import ON_BOTH_DATABASES
from tests.unit.web.security.test_access_tokens import as_program, created

from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.web.answer_cache import COSTLY_S, FOLLOWS_DATABASE, MAX_AGE_S, AnswerCache
from pioreactor.web.asgi import Message, Receive, Scope, Send
from pioreactor.web.security.identity import SCOPE_KEY, Identity


class Routes:
    """An app that counts its answers; each waits until `gate` is set."""

    def __init__(self) -> None:
        self.asked = 0
        self.body = b"1"
        self.status = 200
        self.options: dict[str, object] = dict(FOLLOWS_DATABASE)
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.work: Callable[[], None] = lambda: None
        """What an answer costs."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        self.work()
        scope["route_handler"] = SimpleNamespace(opt=self.options)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"content-type", b"x/y")]})
        await send({"type": "http.response.body", "body": self.body[:1], "more_body": True})
        await send({"type": "http.response.body", "body": self.body[1:], "more_body": False})


class Server:
    """Routes behind the cache, with a clock and a database that change when a test says so."""

    def __init__(self) -> None:
        self.routes = Routes()
        self.version: int | None = 1
        self.time_s = 0.0
        self.app = AnswerCache(self.routes, lambda: self.version, seconds=lambda: self.time_s)

    async def get(
        self, path: str = "/list", method: str = "GET", *, identity: Identity | None = None, etag: bytes = b""
    ) -> tuple[int, bytes, dict[bytes, bytes]]:
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": b"",
            "headers": [(b"if-none-match", etag)] if etag else [],
            SCOPE_KEY: identity,
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(part["body"] for part in sent[1:]), dict(sent[0]["headers"])


@pytest.fixture
def run() -> Iterator[Callable[[Any], Any]]:
    with asyncio.Runner() as runner:
        yield runner.run


def test_an_answer_is_made_once_while_nothing_changes(run: Callable[[Any], Any]) -> None:
    async def read() -> None:
        server = Server()
        first = await server.get()
        server.routes.body = b"22"
        assert await server.get() == first
        for change in ("version", "time"):
            server.version = server.version + 1 if change == "version" and server.version is not None else 2
            server.time_s += MAX_AGE_S if change == "time" else 0.0
            server.routes.body += b"3"
            assert (await server.get())[1] == server.routes.body, change
        assert server.routes.asked == 3

    run(read())


def test_a_change_through_the_server_is_read_at_once(run: Callable[[Any], Any]) -> None:
    async def read() -> None:
        server = Server()
        await server.get()
        await server.get(method="POST")
        server.routes.body = b"after"
        assert (await server.get())[1] == b"after"

    run(read())


@pytest.mark.parametrize("what", ["other route", "refusal", "unknown version", "large body"])
def test_everything_else_is_made_each_time(run: Callable[[Any], Any], what: str) -> None:
    async def read() -> None:
        server = Server()
        server.routes.options = {} if what == "other route" else server.routes.options
        server.routes.status = 403 if what == "refusal" else 200
        server.version = None if what == "unknown version" else 1
        server.routes.body = b"x" * 2_000_000 if what == "large body" else b"1"
        for _ in range(2):
            status, body, headers = await server.get()
            assert (status, body) == (server.routes.status, server.routes.body)
            assert b"etag" not in headers
        assert server.routes.asked == 2

    run(read())


def test_senders_with_other_rights_have_answers_of_their_own(run: Callable[[Any], Any]) -> None:
    async def read() -> None:
        server = Server()
        await server.get(identity=Identity("person", "ada"))
        await server.get(identity=Identity("person", "bob"))
        assert server.routes.asked == 1
        await server.get(identity=Identity("unit", "unit1", "own"))
        await server.get(identity=Identity("unit", "unit2", "own"))
        assert server.routes.asked == 3

    run(read())


def test_a_browser_that_has_the_answer_is_told_so(run: Callable[[Any], Any]) -> None:
    async def read() -> None:
        server = Server()
        _, _, headers = await server.get()
        status, body, known = await server.get(etag=b'W/"x", ' + headers[b"etag"])
        assert (status, body, known[b"etag"]) == (304, b"", headers[b"etag"])
        assert headers[b"cache-control"] == b"private, no-cache"
        server.version, server.routes.body = 2, b"new"
        assert (await server.get(etag=headers[b"etag"]))[:2] == (200, b"new")

    run(read())


@pytest.mark.parametrize("fails", [False, True])
def test_requests_for_one_answer_wait_for_it(run: Callable[[Any], Any], fails: bool) -> None:
    async def read() -> None:
        server = Server()
        await server.get()
        server.version = 2
        server.routes.gate.clear()
        server.routes.error = OSError("disk") if fails else None
        asked = [asyncio.create_task(server.get()) for _ in range(8)]
        while server.routes.asked < 2:
            await asyncio.sleep(0)
        server.routes.gate.set()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert server.routes.asked == (9 if fails else 2)
        assert all(isinstance(answer, OSError) == fails for answer in answers)

    run(read())


def test_an_answer_that_took_long_is_sent_again_for_a_while_although_rows_arrive(run: Callable[[Any], Any]) -> None:
    async def asked_after(took_s: float, later_s: float) -> int:
        server = Server()

        def work() -> None:
            server.time_s += took_s

        server.routes.work = work
        await server.get()
        server.version = 2
        server.time_s += later_s
        await server.get()
        return server.routes.asked

    async def read() -> None:
        assert await asked_after(COSTLY_S / 2, 0.0) == 2
        assert await asked_after(COSTLY_S * 2, MAX_AGE_S / 2) == 1
        assert await asked_after(COSTLY_S * 2, MAX_AGE_S) == 2

    run(read())


def test_what_is_kept_is_bounded(run: Callable[[Any], Any]) -> None:
    async def read() -> None:
        server = Server()
        server.routes.body = b"x" * 900_000
        for number in range(20):
            await server.get(f"/{number}")
        await server.get("/19")
        assert server.routes.asked == 20
        await server.get("/0")
        assert server.routes.asked == 21

    run(read())


@ON_BOTH_DATABASES
def test_rows_of_another_process_are_read_at_once(leader: Any) -> None:
    def read() -> list[str]:
        return [row["experiment"] for row in leader.client.get("/api/experiments").json()]

    assert read() == read() == []
    with closing(LeaderDatabase.open(leader.services.database.location)) as other:
        other.experiments.create("by hand", description="", tags=[])
        assert read() == ["by hand"]
        with other.access.writing() as connection:
            connection.execute(text("DELETE FROM experiments"))
    assert read() == []


def test_a_program_reads_no_answer_that_was_made_for_a_person_who_may_do_more(leader: Any) -> None:
    leader.add_workers("unit1")
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    assert leader.client.get("/api/workers").status_code == 200
    etag = leader.client.get("/api/workers").headers["etag"]
    token = created(leader, areas=["cameras"])["token"]
    as_program(leader, token)
    answer = leader.client.get("/api/workers", headers={"If-None-Match": etag})
    assert answer.status_code == 403, answer.text


def test_a_closed_session_reads_nothing_more(leader: Any) -> None:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    cookie = leader.client.cookies["pioreactor_session"]
    assert leader.client.get("/api/experiments").status_code == 200
    assert leader.client.post("/auth/sign-out").status_code == 200
    answer = leader.client.get("/api/experiments", headers={"Cookie": f"pioreactor_session={cookie}"})
    assert answer.status_code == 401


def test_answers_that_are_kept_are_not_made_for_one_request() -> None:
    """A route that sees its request could answer one person with what another one asked for."""
    from pioreactor.web.api import build
    from pioreactor.web.leader.routes import leader_routes

    kept = 0
    for route in _handlers(build([leader_routes(())])):
        if route.opt.get("follows_database") and "GET" in route.http_methods:
            kept += 1
            assert not {"request", "scope", "connection"} & set(signature(route.fn).parameters), route.paths
    assert kept > 15


def _handlers(app: Any) -> Iterator[Any]:
    from litestar.handlers import HTTPRouteHandler

    for each in app.routes:
        for handler in getattr(each, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler):
                yield handler
