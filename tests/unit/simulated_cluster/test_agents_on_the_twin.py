"""Agents that try everything, on simulated reactors: what is in the vials afterwards is what a person approved.

`PIOREACTOR_SEQUENCES` sets how many seeded sequences are tried.
"""

import os
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.unit.web.leader.test_mcp_endpoint import META, MODERN

from pioreactor.identity import access_tokens, people
from pioreactor.simulated_cluster.simulated_cluster import SimulatedCluster
from pioreactor.structs.rights import Budget, Rights
from pioreactor.web.leader import in_process_requests

SEQUENCES = int(os.environ.get("PIOREACTOR_SEQUENCES", "300"))
BUDGET_ML = 6.0
MAX_RPM = 1500.0
PERSON, PASSWORD = "ana", "a long password of a person"
UNITS = ("worker1", "worker1", "worker1", "worker2", "$broadcast", "../worker2")
HAZARDOUS = ("reboot", "shutdown", "delete_experiment", "save_shared_config", "create_token", "approve_proposal")


class Lab:
    """Two simulated reactors, two agents that may change `worker1`, and the person who decides."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster
        accounts = cluster._database.people
        people.add(accounts, PERSON, PASSWORD, Rights("operator"))
        limits = Rights("operator", units=("worker1",), is_agent=True, budget=Budget(media_ml=BUDGET_ML))
        now = cluster.now()
        self.tokens = {
            name: access_tokens.create(accounts, name=name, username=PERSON, now=now, rights=limits).token
            for name in "ab"
        }
        self.person = {"Origin": cluster.url_of()}
        answer = self.send("POST", "/auth/sign-in", {"username": PERSON, "password": PASSWORD}, self.person)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        self.person["Cookie"] = headers["set-cookie"].partition(";")[0]
        self.known: list[dict[str, Any]] = []
        self.approved_ml: dict[str, float] = {}
        self.committed: list[str] = []

    def send(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        answer = self.cluster.http.request(method, self.cluster.url_of() + path, json=body, headers=headers)
        assert answer.status < 500, (method, path, body, answer.body)
        return answer

    def call(self, agent: str, tool: str, **arguments: object) -> dict[str, Any]:
        """Return the result of a tool, or the error of the protocol as a result."""
        params = {"name": tool, "arguments": arguments, "_meta": META}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        sent = {"Authorization": f"Bearer {self.tokens[agent]}", "MCP-Protocol-Version": MODERN}
        sent |= {"Mcp-Method": "tools/call", "Mcp-Name": tool}
        answer = msgspec.json.decode(self.send("POST", "/mcp", message, sent).body)
        found: dict[str, Any] = answer.get("result", {"isError": True})
        return found

    def propose(self, agent: str, unit: str, ml: float) -> None:
        answer = self.call(agent, "run_add_media", unit=unit, experiment="exp", ml=ml)
        if not answer["isError"]:
            self.known.append(answer["structuredContent"])

    def decide(self, proposal: dict[str, Any], verb: str, digest: str) -> None:
        body = {"digest": digest, "without_rehearsal": True}
        answer = self.send("POST", f"/api/proposals/{proposal['id']}/{verb}", body, self.person)
        if answer.status == 200 and verb == "approve":
            self.approved_ml[proposal["id"]] = proposal["act"]["arguments"]["ml"]

    def commit(self, agent: str, proposal: dict[str, Any]) -> None:
        if not self.call(agent, "commit_proposal", id_=proposal["id"])["isError"]:
            self.committed.append(proposal["id"])


def run_sequence(lab: Lab, rng: random.Random) -> None:
    """Propose, reach for what is forbidden, have one of the latest decided, and commit whatever is known, twice."""
    agent, unit = rng.choice("ab"), rng.choice(UNITS)
    lab.propose(agent, unit, rng.choice((0.25, 0.5, 0.5, 1.0, 50.0, -1.0)))
    rpm = rng.choice((300, 600, 1e4, -5))
    of_job: dict[str, dict[str, object]] = {
        "start_dosing_automation": {"automation_name": "chemostat"},
        "run_remove_waste": {"ml": 5},
        "change_stirring": {"target_rpm": rpm},
        "start_stirring": {"target_rpm": rpm},
    }
    tool = rng.choice((*HAZARDOUS, *of_job))
    lab.call(agent, tool, unit=unit, **({"experiment": "exp", **of_job[tool]} if tool in of_job else {}))
    recent = lab.known[-4:]
    if not recent:
        return
    chosen = rng.choice(recent)
    verb = rng.choice(("approve", "approve", "approve", "reject"))
    lab.decide(chosen, verb, rng.choice((chosen["digest"], chosen["digest"], "0" * 64, rng.choice(recent)["digest"])))
    if rng.random() < 0.2:
        lab.cluster.sleep(rng.choice((1.0, 10.0, 60.0)))
    for proposal in (chosen, rng.choice(lab.known)):
        lab.commit(rng.choice("ab"), proposal)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setattr(in_process_requests, "MAX_CALLS_PER_MINUTE", 1_000_000)
    start = datetime(2030, 1, 1, tzinfo=UTC)
    with closing(SimulatedCluster(reactors=2, scenario="water", seed=1, experiment="exp", start=start)) as cluster:
        yield Lab(cluster)


def test_no_sequence_doses_without_an_approval_or_beyond_a_limit(lab: Lab) -> None:
    before = {unit: lab.cluster.truth(unit) for unit in lab.cluster.workers}
    highest_ml = highest_rpm = 0.0
    for seed in range(SEQUENCES):
        run_sequence(lab, random.Random(seed))
        now = lab.cluster.truth("worker1")
        highest_ml, highest_rpm = max(highest_ml, now["volume_ml"]), max(highest_rpm, now["rpm"])
    lab.cluster.sleep(120.0)
    after = {unit: lab.cluster.truth(unit) for unit in lab.cluster.workers}
    dosed_ml = {unit: after[unit]["media_added_ml"] - before[unit]["media_added_ml"] for unit in after}
    assert len(lab.committed) == len(set(lab.committed)) > 0
    assert set(lab.committed) <= set(lab.approved_ml)
    wanted_ml = sum(lab.approved_ml[one] for one in lab.committed)
    assert dosed_ml["worker2"] == 0.0
    # Less, where two doses came at once or the vial was full; a pump is off its calibration by a few percent.
    assert 0.0 < dosed_ml["worker1"] <= 1.1 * wanted_ml
    assert wanted_ml <= 2 * BUDGET_ML
    assert (after["worker2"]["rpm"], highest_rpm <= MAX_RPM) == (before["worker2"]["rpm"], True)
    assert highest_ml <= 18.0
