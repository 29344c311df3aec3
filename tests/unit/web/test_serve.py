"""The listening socket of the web server."""

import asyncio
import socket

from pioreactor.web.serve import _listen


def test_accepted_connections_have_tcp_nodelay() -> None:
    """Nagle's algorithm would hold back the second part of each response on a kept-alive connection."""

    async def no_delay_of_a_connection() -> int:
        accepted: asyncio.Future[socket.socket] = asyncio.get_running_loop().create_future()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.set_result(writer.get_extra_info("socket"))
            writer.close()

        with _listen("127.0.0.1", 0) as listener:
            server = await asyncio.start_server(accept, sock=listener)
            async with server:
                _, writer = await asyncio.open_connection(*listener.getsockname())
                connection = await accepted
                found = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                writer.close()
        return found

    assert asyncio.run(no_delay_of_a_connection()) == 1
