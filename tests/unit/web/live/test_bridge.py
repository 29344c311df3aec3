"""Limits of the bridge between browsers and the broker."""

import asyncio
from dataclasses import dataclass, field

from pioreactor.web.asgi import Message, Scope
from pioreactor.web.live import bridge
from pioreactor.web.live.bridge import MqttBridge
from pioreactor.web.security.identity import SCOPE_KEY, Identity


@dataclass
class Browser:
    """A WebSocket that stays open until `leave`."""

    user: str
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    incoming: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    close_code: int | None = None
    updates: list[bytes] = field(default_factory=list)

    async def connect(self, to: MqttBridge) -> None:
        self.incoming.put_nowait({"type": "websocket.connect"})
        scope: Scope = {"type": "websocket", "subprotocols": ["mqtt"], SCOPE_KEY: Identity("person", self.user)}
        self.task = asyncio.create_task(to(scope, self.incoming.get, self.send))
        await self.opened.wait()

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.close" and self.close_code is None:
            self.close_code = message["code"]
        if message["type"] == "websocket.send":
            self.updates.append(message["bytes"])
        self.opened.set()

    async def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect"})
        await self.task


def test_one_person_cannot_use_up_all_connections() -> None:
    closed = asyncio.Semaphore(0)

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        closed.release()

    async def test() -> None:
        broker = await asyncio.start_server(read, "127.0.0.1", 0)
        async with broker:
            host, port = broker.sockets[0].getsockname()
            to = MqttBridge(host, port, credentials=None)
            of_anna = [Browser("anna") for _ in range(bridge._MAX_CONNECTIONS_PER_PERSON + 1)]
            ben = Browser("ben")
            for browser in (*of_anna, ben):
                await browser.connect(to)
            assert [browser.close_code for browser in of_anna[:-1]] == [None] * (len(of_anna) - 1)
            assert of_anna[-1].close_code == 1013
            assert ben.close_code is None

            await of_anna[0].leave()
            again = Browser("anna")
            await again.connect(to)
            assert again.close_code is None
            for browser in (*of_anna[1:-1], ben, again):
                await browser.leave()
            for _ in range(len(of_anna) + 1):
                await closed.acquire()

    asyncio.run(asyncio.wait_for(test(), 30.0))


def test_many_small_messages_come_in_few_updates() -> None:
    sent = [b"%03d" % number for number in range(60)]

    async def publish(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for each in sent:
            writer.write(each)
            await asyncio.sleep(bridge._UPDATE_INTERVAL_S / 20)
        writer.close()

    async def test() -> None:
        broker = await asyncio.start_server(publish, "127.0.0.1", 0)
        async with broker:
            browser = Browser("anna")
            began_s = asyncio.get_running_loop().time()
            await browser.connect(MqttBridge(*broker.sockets[0].getsockname(), credentials=None))
            await browser.task
            took_s = asyncio.get_running_loop().time() - began_s
        assert b"".join(browser.updates) == b"".join(sent)
        assert browser.updates[0] == sent[0], "the first does not wait"
        # A busy machine publishes more slowly: the rate is what is bounded.
        assert len(browser.updates) <= took_s / bridge._UPDATE_INTERVAL_S + 3
        assert len(browser.updates) < len(sent)

    asyncio.run(asyncio.wait_for(test(), 30.0))
