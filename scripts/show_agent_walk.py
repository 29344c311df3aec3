"""Writes a transcript with pictures: an agent proposes a dose on a demo, and carries out what a person approves.

Run `python scripts/show_agent_walk.py`; it needs Chromium and takes about four minutes. It writes
`docs/tutorials/an-agent-proposes-a-dose.md` and its pictures.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import httpx2
import msgspec
from find_chromium import find_chromium
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import sync_playwright
from show_alarm_walk import ROOT, Lab, Transcript, demo, signed_in, until

T = TypeVar("T")
PAGE: Final = ROOT / "docs" / "tutorials" / "an-agent-proposes-a-dose.md"
AGENT: Final = "night watch"
DOSE: Final = {"unit": "worker1", "experiment": "demo", "ml": 1.5}
SETTINGS: Final = "/api/workers/worker1/jobs/settings/job_name/dosing_automation/experiments/demo"
TARGET: Final = "/api/workers/worker1/jobs/update/job_name/dosing_automation/experiments/demo"


@dataclass
class Agent:
    """A program with a token that speaks the Model Context Protocol, by its official client."""

    address: str
    token: str

    def tools(self) -> list[str]:
        """Return the names of the tools that it is offered."""

        async def names(client: Client) -> list[str]:
            listed = await client.list_tools()
            found = list(listed.tools)
            while listed.next_cursor is not None:
                listed = await client.list_tools(cursor=listed.next_cursor)
                found += listed.tools
            return [tool.name for tool in found]

        return self._with_client(names)

    def call(self, tool: str, arguments: Mapping[str, object]) -> dict[str, object]:
        """Return what a tool answers."""

        async def text(client: Client) -> str:
            answer = await client.call_tool(tool, dict(arguments))
            return "".join(part.text for part in answer.content if part.type == "text")

        return msgspec.json.decode(self._with_client(text), type=dict[str, object])

    def _with_client(self, use: Callable[[Client], Awaitable[T]]) -> T:
        async def run() -> T:
            headers = {"Authorization": f"Bearer {self.token}"}
            async with (
                httpx2.AsyncClient(headers=headers) as http,
                Client(streamable_http_client(f"{self.address}/mcp", http_client=http)) as client,
            ):
                return await use(client)

        with ThreadPoolExecutor(1) as thread:  # this thread has the event loop of the browser
            return thread.submit(asyncio.run, run()).result()


def call(tool: str, arguments: Mapping[str, object]) -> str:
    return f"{tool}({', '.join(f'{name}={json.dumps(value)}' for name, value in arguments.items())})"


def shown(tool: str, arguments: Mapping[str, object], answer: object) -> str:
    """Return a call and its answer as the transcript shows them."""
    return f"{call(tool, arguments)}\n{json.dumps(answer, ensure_ascii=False)}"


def refusal(answer: Mapping[str, object]) -> dict[str, object]:
    return {name: answer[name] for name in ("error", "status", "remediation") if name in answer}


def make_token(lab: Lab) -> Agent:
    words = ("--agent", "--role", "operator", "--units", "worker1", "--areas", "units", "--expires-in-days", "7")
    said = lab.pio("tokens", "create", AGENT, *words, "--media-ml", "5", "--acts-per-hour", "30")
    token = next(word for word in said.split() if word.startswith("pio_"))
    lab.transcript.paragraph("## A token for the agent")
    lab.transcript.paragraph("It may operate `worker1`, and use up 5 mL of medium:")
    lab.transcript.show(said.replace(token, "pio_…").replace(AGENT, f'"{AGENT}"', 1))
    return Agent(lab.address, token)


def propose(lab: Lab, agent: Agent) -> dict[str, object]:
    """Let the agent look, try what is refused, and propose a dose; return the proposal."""
    transcript = lab.transcript
    transcript.paragraph("## The proposal")
    transcript.paragraph(
        "The agent connects with the official client of the Model Context Protocol. "
        f"It is offered {len(agent.tools())} tools. "
        "What its token does not allow, or the vial does not hold, is refused at once:"
    )
    elsewhere, much = {**DOSE, "unit": "worker2"}, {**DOSE, "ml": 8.0}
    tried = [(each, refusal(agent.call("run_add_media", each))) for each in (elsewhere, much)]
    transcript.show("\n\n".join(shown("run_add_media", given, answer) for given, answer in tried))
    proposal = agent.call("run_add_media", DOSE)
    act = msgspec.convert(proposal["act"], dict[str, object])
    seen = {
        **{name: proposal[name] for name in ("id", "status", "expires_at", "rehearsal")},
        **{name: act[name] for name in ("effects", "state", "budget", "used")},
    }
    transcript.paragraph("A dose that fits is costly, so that the tool returns a proposal and does nothing:")
    text = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in seen.items())
    transcript.show(f"{call('run_add_media', DOSE)}\n{text}")
    return proposal


def rehearsed(lab: Lab, proposal: Mapping[str, object]) -> None:
    """Wait until the rehearsal of a proposal has ended; on a busy machine it may not end in time."""
    found: list[dict[str, str]] = []

    def ended() -> bool:
        found.append(lab.ask(lab.manager, "GET", f"/api/proposals/{proposal['id']}").json()["rehearsal"])
        return found[-1]["status"] != "running"

    until(ended, "the rehearsal ends")
    assert found[-1]["status"] == "done", found[-1]["text"]


def approve(lab: Lab, note: str, *, picture: str = "") -> None:
    """Approve the only open proposal in the panel."""
    manager = lab.manager
    manager.goto(f"{lab.address}/proposals")
    manager.get_by_role("button", name="Decide").click()
    dialog = manager.get_by_role("dialog")
    dialog.get_by_label("Note").fill(note)
    if picture:
        dialog.get_by_text("mL in the vial").wait_for()
        lab.transcript.picture(manager, picture, "The proposal with its rehearsal, on the page Proposals")
    dialog.get_by_role("button", name="Approve").click()
    dialog.wait_for(state="detached")


def change_meanwhile(lab: Lab, agent: Agent, proposal: Mapping[str, object]) -> None:
    """Show the rehearsal to a person who approves, and change the turbidostat's target before the agent commits."""
    transcript, commit = lab.transcript, {"id_": proposal["id"]}
    transcript.paragraph("The agent cannot carry it out by itself:")
    transcript.show(shown("commit_proposal", commit, refusal(agent.call("commit_proposal", commit))))
    rehearsed(lab, proposal)
    transcript.paragraph("## The approval")
    transcript.paragraph(
        "Meanwhile the first hour was rehearsed on a simulated reactor, from the present state of `worker1`: its jobs "
        "with their settings, its volume and its calibrations. A person reads it on the page Proposals, and approves:"
    )
    approve(lab, "culture is dense", picture="agent-proposal")
    transcript.paragraph(
        "Before the agent sees that, another person sets the target of the turbidostat from 1.0 to 1.2. The "
        "approval was for a reactor in another state:"
    )
    answer = lab.ask(lab.manager, "PATCH", TARGET, {"settings": {"target_biomass": 1.2}})
    assert answer.ok, answer.text()
    found: list[dict[str, object]] = []

    def refused() -> bool:
        is_set = "1.2" in lab.finished(lab.ask(lab.manager, "GET", SETTINGS).json())
        if is_set:
            found.append(agent.call("commit_proposal", commit))
        return is_set

    until(refused, "the target is set")
    transcript.show(shown("commit_proposal", commit, refusal(found[-1])))


def carry_out(lab: Lab, agent: Agent) -> None:
    """Let the agent propose anew, and commit what a person approves."""
    transcript = lab.transcript
    transcript.paragraph("## The dose")
    transcript.paragraph(
        "The agent proposes the dose anew. It is rehearsed from the state of now, and a person approves it. The agent "
        "sees the decision (`one_proposal`) and carries it out, which it can do once:"
    )
    proposal = agent.call("run_add_media", DOSE)
    commit = {"id_": proposal["id"]}
    rehearsed(lab, proposal)
    approve(lab, "with the new target")
    seen = agent.call("one_proposal", commit)
    decided = {name: seen[name] for name in ("status", "decided_by", "decided_at", "note")}
    once, again = agent.call("commit_proposal", commit), agent.call("commit_proposal", commit)
    calls = [("one_proposal", decided), ("commit_proposal", once), ("commit_proposal", refusal(again))]
    transcript.show("\n\n".join(shown(tool, commit, answer) for tool, answer in calls))
    until(lambda: "pioreactor, carried out" in lab.manager.get_by_role("main").inner_text(), "the page shows it")
    transcript.picture(lab.manager, "agent-proposal-done", "The page Proposals with what was carried out")


def show_audit(lab: Lab) -> None:
    transcript, manager = lab.transcript, lab.manager
    transcript.paragraph("## The audit trail")
    transcript.paragraph("Each step is there, with the person, the token, and what the client calls itself:")
    manager.goto(f"{lab.address}/audit")
    manager.get_by_role("heading", name="Audit trail").wait_for()
    transcript.picture(
        manager, "agent-audit-trail", "The page Audit trail with the proposal, its approval and the dose"
    )
    said = lab.pio("audit", "list").splitlines()
    transcript.show("\n".join(line for line in said if "$" in line or "outcome" in line or is_of_agent(line)))
    transcript.show(lab.pio("proposals", "list"))
    transcript.show(lab.pio("audit", "verify"))


def is_of_agent(line: str) -> bool:
    return any(word in line for word in (AGENT, "proposal", "propose", "token", "add_media", "target_biomass 1.2"))


def main() -> None:
    transcript = Transcript()
    transcript.paragraph("# An agent proposes a dose")
    transcript.paragraph(
        "What happened on a demo of two simulated reactors: written, with its pictures, by "
        "`python scripts/show_agent_walk.py`. How to set it up: "
        "[Let an agent work safely](../how-to/let-an-agent-work-safely.md)."
    )
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        with demo(folder, "--scenario", "days") as (address, username, password):
            lab = Lab(folder / "data", address, signed_in(browser, address, username, password), transcript)
            agent = make_token(lab)
            change_meanwhile(lab, agent, propose(lab, agent))
            carry_out(lab, agent)
            show_audit(lab)
            browser.close()
    PAGE.write_text("\n".join(transcript.lines))
    print(f"Written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
