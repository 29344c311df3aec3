"""The official client of the Model Context Protocol at `/mcp`, with and without handshake."""

import asyncio
from typing import Any

import pytest

from .test_mcp_endpoint import agent_of

mcp = pytest.importorskip("mcp", reason="the official client is not installed")


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
@pytest.mark.filterwarnings("default")
def test_the_official_client_lists_and_calls_tools(leader: Any, mode: str, version: str) -> None:
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    leader.add_workers("unit1", experiment="exp")
    agent = agent_of(leader)
    headers = {"Authorization": agent.client.headers["Authorization"]}

    async def use() -> None:
        transport = httpx2.ASGITransport(agent.client.app)
        async with httpx2.AsyncClient(transport=transport, headers=headers) as http:
            streams = streamable_http_client("http://leader/mcp", http_client=http)
            async with mcp.Client(streams, mode=mode) as client:
                assert client.session.protocol_version == version
                listed = await client.list_tools()
                names = [tool.name for tool in listed.tools]
                while listed.next_cursor is not None:
                    listed = await client.list_tools(cursor=listed.next_cursor)
                    names += [tool.name for tool in listed.tools]
                assert "start_stirring" in names
                result = await client.call_tool("workers", {})
                assert result.is_error is False
                assert '"unit1"' in result.content[0].text
                refused = await client.call_tool("blink", {"unit": "unit9"})
                assert refused.is_error is True

    asyncio.run(use())
