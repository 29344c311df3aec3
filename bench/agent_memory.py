"""Measures what agents cost a leader: the memory of its web process before and after one has used `/mcp`.

Run `python -m bench.agent_memory`. Memory is proportional (PSS), after equal requests over the API; the goal is at most
6 MB more.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.http_requests import serve_leader
from bench.jobs import pss_mb
from pioreactor.http.client import StandardHttpClient
from pioreactor.structs.rights import Rights

GOAL_MB = 6.0
ROUNDS = 100
MODERN = "2026-07-28"
_PREFIX = "io.modelcontextprotocol/"
META = {
    f"{_PREFIX}protocolVersion": MODERN,
    f"{_PREFIX}clientCapabilities": {},
    f"{_PREFIX}clientInfo": {"name": "bench"},
}
READS = ("workers", "experiments", "all_assignments", "alarm_rules", "config_keys")


@contextmanager
def leader() -> Iterator[tuple[int, str, str, str]]:
    """Run a leader's web process; give its pid, its URL and the two tokens."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.agent_memory", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            try:
                port, person, agent = process.stdout.readline().split()
                yield process.pid, f"http://127.0.0.1:{port}", person, agent
            finally:
                process.terminate()


class Agent:
    """A client of `/mcp`."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "MCP-Protocol-Version": MODERN}

    def send(self, method: str, **params: object) -> Any:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
        named = {"Mcp-Name": str(params["name"])} if "name" in params else {}
        headers = {**self._headers, "Mcp-Method": method, **named}
        answer = StandardHttpClient().request("POST", f"{self._url}/mcp", json=message, headers=headers, timeout_s=30.0)
        return msgspec.json.decode(answer.body)["result"]


def main() -> None:
    """Print the memory before and after."""
    with leader() as (pid, url, person, token):
        headers = {"Authorization": f"Bearer {person}"}
        for number in range(ROUNDS):
            where = ("workers", "experiments", "alarms/rules", "config/keys")[number % 4]
            StandardHttpClient().request("GET", f"{url}/api/{where}", headers=headers, timeout_s=30.0)
        before_mb = pss_mb(pid)
        agent = Agent(url, token)
        began_s = time.perf_counter()
        tools = agent.send("tools/list")["tools"]
        listed_s = time.perf_counter() - began_s
        for number in range(ROUNDS):
            answer = agent.send("tools/call", name=READS[number % len(READS)], arguments={})
            assert answer["isError"] is False, answer
        after_mb = pss_mb(pid)
    print(f"{len(tools)} tools, listed for the first time in {listed_s:.2f} s; then {ROUNDS} calls")
    print(f"web process of a leader: PSS {before_mb:.1f} MB, with agents {after_mb:.1f} MB")
    print(f"agents: {after_mb - before_mb:.1f} MB more, goal {GOAL_MB:g} MB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve_leader(Path(sys.argv[1]), (None, Rights("manager", is_agent=True)))
    else:
        main()
