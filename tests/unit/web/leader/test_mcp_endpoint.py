"""Agents at `/mcp`: both eras of the protocol, and what a token decides."""

from typing import Any

import pytest
from tests.unit.web.security.test_access_tokens import as_program, created

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "test-agent", "version": "1"},
}


class Agent:
    """A client of `/mcp` with an agent's token."""

    def __init__(self, leader: Any) -> None:
        self.leader = leader
        self.client = leader.client

    def send(self, method: str, params: dict[str, Any] | None = None, **headers: str) -> Any:
        """Send one message as the revision without handshake asks for it."""
        given = {**(params if params is not None else {}), "_meta": META}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": given}
        sent = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        if method == "tools/call":
            sent["Mcp-Name"] = given["name"]
        return self.client.post("/mcp", json=message, headers={**sent, **headers})

    def call(self, tool: str, **arguments: object) -> Any:
        answer = self.send("tools/call", {"name": tool, "arguments": arguments}).json()
        return answer["result"] if "result" in answer else answer["error"]

    def tools(self) -> dict[str, Any]:
        return {tool["name"]: tool for tool in self.send("tools/list").json()["result"]["tools"]}


def agent_of(leader: Any, **limits: object) -> Agent:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    token = created(leader, "agent", is_agent=True, **limits)["token"]
    as_program(leader, token)
    return Agent(leader)


@pytest.fixture
def agent(leader: Any) -> Agent:
    leader.add_workers("unit1", experiment="exp")
    return agent_of(leader)


def test_a_client_without_handshake_discovers_and_calls(agent: Agent) -> None:
    found = agent.send("server/discover").json()["result"]
    assert found["supportedVersions"] == [MODERN]
    assert found["resultType"] == "complete"
    assert found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"] == "pioreactor_mcp"
    result = agent.call("workers")
    assert '"pioreactor_unit":"unit1"' in result["content"][0]["text"]
    assert result["isError"] is False


def test_a_client_with_handshake_is_served_too(agent: Agent) -> None:
    def ask(method: str, params: dict[str, Any]) -> Any:
        message = {"jsonrpc": "2.0", "id": "a", "method": method, "params": params}
        return agent.client.post("/mcp", json=message, headers={"MCP-Protocol-Version": "2025-06-18"}).json()

    begun = ask("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "old"}})
    assert begun["result"]["protocolVersion"] == "2025-06-18"
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert agent.client.post("/mcp", json=note).status_code == 202
    assert ask("ping", {})["result"] == {}
    assert "blink" in {tool["name"] for tool in ask("tools/list", {})["result"]["tools"]}
    assert '"unit1"' in ask("tools/call", {"name": "workers", "arguments": {}})["result"]["content"][0]["text"]
    assert agent.client.get("/mcp").status_code == 405


REFUSED: list[tuple[str, dict[str, Any], dict[str, str], int, int]] = [
    ("initialize", {}, {}, -32601, 404),
    ("tools/list", {}, {"Mcp-Method": "tools/call"}, -32020, 400),
    ("tools/call", {"name": "workers"}, {"Mcp-Name": "units"}, -32020, 400),
    ("tools/list", {}, {"MCP-Protocol-Version": "2027-01-01"}, -32020, 400),
    ("tools/call", {"name": "no_such_tool"}, {}, -32602, 200),
]


NOT_JSON_RPC = (
    *(b"", b"{", b"[]", b"1", b"[" * 5000, b'{"jsonrpc":"1.0","id":1,"method":"x"}'),
    b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":[]}}',
)


def test_what_does_not_fit_the_protocol_is_refused(agent: Agent) -> None:
    for method, params, headers, code, status in REFUSED:
        answer = agent.send(method, params, **headers)
        assert (answer.json()["error"]["code"], answer.status_code) == (code, status)
    for body in NOT_JSON_RPC:
        answer = agent.client.post("/mcp", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, "error" in answer.json()) == (400, True)


def test_every_tool_says_what_it_is_and_takes(agent: Agent) -> None:
    tools = agent.tools()
    assert tools["workers"]["annotations"]["readOnlyHint"] is True
    assert tools["start_stirring"]["_meta"]["pioreactor/class"] == "reversible"
    target = tools["start_stirring"]["inputSchema"]["properties"]["target_rpm"]
    assert (target["unit"], target["minimum"], target["maximum"]) == ("RPM", 0, 1500)
    assert {tool["_meta"]["pioreactor/class"] for tool in tools.values()} == {
        *("read", "reversible", "costly", "hazardous")
    }


def test_what_takes_any_job_or_is_about_people_is_no_tool(agent: Agent) -> None:
    for name in ("run_on_units", "update_on_units", "create_token", "approve_proposal", "propose"):
        assert agent.call(name, unit="unit1", experiment="exp")["code"] == -32602


def test_the_scope_of_a_token_decides_which_tools_there_are(leader: Any) -> None:
    agent = agent_of(leader, role="viewer", areas=["units"])
    tools = agent.tools()
    assert {tool["_meta"]["pioreactor/class"] for tool in tools.values()} == {"read"}
    assert {tool["_meta"]["pioreactor/area"] for tool in tools.values()} <= {"units", None}
    assert agent.call("workers")["code"] == -32602


def test_strangers_people_and_other_programs_have_no_tools(leader: Any) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    assert leader.client.post("/mcp", json=message).status_code == 403
    plain = created(leader, "plots")["token"]
    as_program(leader, plain)
    assert leader.client.post("/mcp", json=message).status_code == 403
    as_program(leader, "pio_" + "x" * 43)
    assert leader.client.post("/mcp", json=message).status_code == 401


def test_an_agent_has_no_other_way_in(agent: Agent) -> None:
    path = "/api/workers/unit1/jobs/run/job_name/stirring/experiments/exp"
    assert agent.client.post(path, json={"options": {}}).status_code == 403
    assert agent.client.get("/api/workers").status_code == 403
    assert agent.client.get("/auth/tokens").status_code == 403


def test_what_an_agent_changes_is_recorded_with_its_names(agent: Agent) -> None:
    assert agent.call("create_experiment", body={"experiment": "by agent"})["isError"] is False
    entry = list(agent.leader.services.database.audit.all())[-1].change
    assert (entry.actor_kind, entry.actor, entry.token, entry.action) == (
        "token",
        "pioreactor",
        "agent",
        "create_experiment",
    )
    assert '"agent":"test-agent"' in entry.details


def test_limits_to_units_hold(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", experiment="exp")
    agent = agent_of(leader, role="operator", units=["unit1"])
    assert agent.call("blink", unit="unit1")["isError"] is False
    assert "limited to the units unit1" in agent.call("blink", unit="unit2")["content"][0]["text"]
    assert "limited to the units unit1" in agent.call("blink", unit="$broadcast")["content"][0]["text"]
