"""The official client of the Model Context Protocol at `/mcp`, with and without handshake."""

import asyncio
import textwrap
from pathlib import Path
from typing import Any

import httpx2
import mcp
import pytest
from mcp.client.streamable_http import streamable_http_client

from .test_mcp_endpoint import agent_of

PAGE = Path(__file__).parents[4] / "docs" / "how-to" / "let-an-agent-work-safely.md"


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
@pytest.mark.filterwarnings("default")
def test_the_official_client_lists_and_calls_tools(leader: Any, mode: str, version: str) -> None:
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
                assert '"unit1"' in str(result.content[0])
                refused = await client.call_tool("blink", {"unit": "unit9"})
                assert refused.is_error is True

    asyncio.run(use())


@pytest.mark.filterwarnings("default")
def test_the_script_of_the_documentation_works(
    leader: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    leader.add_workers("worker1", experiment="exp")
    agent = agent_of(leader)
    made = httpx2.AsyncClient
    transport = httpx2.ASGITransport(agent.client.app)
    monkeypatch.setattr(httpx2, "AsyncClient", lambda headers: made(transport=transport, headers=headers))
    names: dict[str, Any] = {}
    code = PAGE.read_text("utf-8").partition("```python\n")[2].partition("   ```")[0]
    exec(textwrap.dedent(code), names)
    token = agent.client.headers["Authorization"].removeprefix("Bearer ")
    asyncio.run(names["main"](token))
    assert "start_stirring" in capsys.readouterr().out
