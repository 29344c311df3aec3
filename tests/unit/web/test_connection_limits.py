"""Connections that wait for their client do not keep others out. Real sockets on the loopback interface."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager

import pytest

from pioreactor.web.asgi import Receive, Scope, Send
from pioreactor.web.serve import Limits, _listen, make_server

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
LARGE = 50_000_000


class Application:
    """Answers with the client's address; a request for /busy is answered once `release` is set."""

    def __init__(self) -> None:
        self.release = asyncio.Event()
        self.busy = asyncio.Semaphore(0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        if scope["path"] == "/busy":
            self.busy.release()
            await self.release.wait()
        message = await receive()
        while message["type"] == "http.request" and message.get("more_body"):
            message = await receive()
        body = str(scope["client"][0]).encode() if scope["path"] != "/large" else bytes(LARGE)
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


class Server:
    def __init__(self, port: int, app: Application) -> None:
        self.port, self.app = port, app
        self._writers: list[asyncio.StreamWriter] = []

    async def open(self, address: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
        self._writers.append(writer)
        return reader, writer

    async def get(self, address: str = "127.0.0.1", request: bytes = GET) -> bytes:
        reader, writer = await self.open(address)
        writer.write(request)
        return await response(reader)

    def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def response(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length"))
    return head.split(b"\r\n")[0] + b" " + await reader.readexactly(length)


@asynccontextmanager
async def serving(limits: Limits | None = None, proxies: Sequence[str] = ()) -> AsyncIterator[Server]:
    app, ready = Application(), asyncio.Event()
    with _listen("127.0.0.1", 0) as listener:
        server = make_server(app, ready.set, proxies, limits)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await ready.wait()
        client = Server(listener.getsockname()[1], app)
        try:
            yield client
        finally:
            client.close()
            app.release.set()
            server.should_exit = True
            await running


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60.0))


@pytest.mark.parametrize("sent", [b"", GET[:10], POST])
def test_idle_connections_do_not_stop_the_server(sent: bytes) -> None:
    async def test() -> None:
        async with serving() as server:
            for number in range(450):
                _, writer = await server.open(f"127.0.0.{2 + number % 3}")
                writer.write(sent)
            assert await server.get() == b"HTTP/1.1 200 OK 127.0.0.1"
            assert await server.get("127.0.0.2") == b"HTTP/1.1 200 OK 127.0.0.2"

    run(test)


@pytest.mark.parametrize("sent", [b"", GET[:10], POST, POST + b"12345", GET + GET[:10]])
def test_a_connection_that_waits_for_its_client_is_closed_after_a_time(sent: bytes) -> None:
    async def test() -> None:
        async with serving(Limits(head_timeout_s=0.05, body_timeout_s=0.05)) as server:
            reader, writer = await server.open()
            writer.write(sent)
            received = bytearray()
            try:
                while data := await reader.read(1000):
                    received += data
            except ConnectionResetError:
                pass
            assert received.count(b"200 OK") == sent.count(GET)

    run(test)


def test_a_kept_alive_connection_serves_several_requests() -> None:
    async def test() -> None:
        async with serving() as server:
            reader, writer = await server.open()
            for _ in range(3):
                writer.write(GET)
                assert (await response(reader)).startswith(b"HTTP/1.1 200")
            writer.write(POST + b"12345")
            writer.write(b"67890")
            assert (await response(reader)).startswith(b"HTTP/1.1 200")

    run(test)


def test_requests_in_progress_keep_their_place_and_are_limited_per_address() -> None:
    busy = GET.replace(b"/ ", b"/busy ", 1)

    async def test() -> None:
        async with serving(Limits(max_per_address=2, max_connections=3)) as server:
            readers = []
            for _ in range(2):
                reader, writer = await server.open()
                writer.write(busy)
                readers.append(reader)
                await server.app.busy.acquire()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await server.get()
            assert (await server.get("127.0.0.2")).startswith(b"HTTP/1.1 200")
            server.app.release.set()
            for reader in readers:
                assert (await response(reader)).startswith(b"HTTP/1.1 200")

    run(test)


def test_forwarded_headers_count_only_from_configured_proxies() -> None:
    forwarded = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 10.1.2.3\r\n\r\n")

    async def test() -> None:
        async with serving() as server:
            assert await server.get(request=forwarded) == b"HTTP/1.1 200 OK 127.0.0.1"
        async with serving(proxies=["127.0.0.1"]) as server:
            assert await server.get(request=forwarded) == b"HTTP/1.1 200 OK 10.1.2.3"
            assert await server.get("127.0.0.2", forwarded) == b"HTTP/1.1 200 OK 127.0.0.2"

    run(test)


def test_thirty_browsers_may_share_an_address() -> None:
    """A browser opens six connections and keeps them."""

    async def test() -> None:
        async with serving() as server:
            connections = [await server.open() for _ in range(30 * 6)]
            for _ in range(2):
                for _, writer in connections:
                    writer.write(GET)
                for reader, _ in connections:
                    assert (await response(reader)).startswith(b"HTTP/1.1 200")

    run(test)


def test_a_connection_in_use_stays_when_another_has_been_idle_for_longer() -> None:
    async def test() -> None:
        async with serving(Limits(max_per_address=3)) as server:
            connections = [await server.open() for _ in range(3)]
            for number in (1, 2, 0):
                reader, writer = connections[number]
                writer.write(GET)
                await response(reader)
            await server.get()
            assert await connections[1][0].read() == b""
            for number in (0, 2):
                reader, writer = connections[number]
                writer.write(GET)
                assert (await response(reader)).startswith(b"HTTP/1.1 200")

    run(test)


def test_a_slow_body_may_take_longer_than_the_time_limit_while_it_arrives() -> None:
    async def test() -> None:
        async with serving(Limits(body_timeout_s=0.4, min_progress_bytes=2)) as server:
            reader, writer = await server.open()
            writer.write(POST)
            for _ in range(10):
                await asyncio.sleep(0.1)
                writer.write(b"x")
            assert (await response(reader)).startswith(b"HTTP/1.1 200")

    run(test)


def test_a_slow_reader_is_served_while_it_reads_and_closed_when_it_stops() -> None:
    async def test() -> None:
        async with serving(Limits(write_timeout_s=0.5, min_progress_bytes=1000)) as server:
            reader, writer = await server.open()
            writer.write(GET.replace(b"/ ", b"/large ", 1))
            received = 0
            for _ in range(10):
                await asyncio.sleep(0.1)
                received += len(await reader.readexactly(1_000_000))
            await asyncio.sleep(2.0)
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(LARGE - received)

    run(test)
