"""Acts of agents that a person approves: bound to the person, the values and the state, and committed once."""

import random
import sys
from dataclasses import replace
from threading import Thread
from typing import Any

import msgspec
import pytest
from tests.unit.rehearsal.test_rehearse_command import forecast
from tests.unit.web.leader.test_export_routes import until
from tests.unit.web.security.test_access_tokens import as_program, created

from pioreactor.clock.virtual import VirtualClock
from pioreactor.exc import ConflictError
from pioreactor.experiment_profiles.rehearsal_data import RehearsalResult
from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response
from pioreactor.storage.leader.repositories.proposals import (
    LIFETIME,
    MAX_PENDING,
    Agent,
    Effects,
    ProposedAct,
    RehearsedAct,
)
from pioreactor.structs.rights import Budget
from pioreactor.web.leader import in_process_requests
from pioreactor.web.leader.rehearsal_runner import RehearsalRunner

from .conftest import accepts
from .test_mcp_endpoint import Agent as McpAgent

DOSE = "/unit_api/jobs/run/job_name/add_media"


class Scene:
    """A unit with 14 mL, an agent, and the person who decides about its proposals."""

    def __init__(self, leader: Any, **limits: object) -> None:
        self.leader = leader
        self.volume_ml = 14.0
        self.jobs: dict[str, dict[str, object]] = {"stirring": {}}
        self.sent: list[Request] = []
        for unit in ("unit1", "unit2"):
            leader.add_host(unit, self._answer)
        leader.add_workers("unit1", "unit2", experiment="exp")
        self.sign_in()
        fields = {"role": "operator", "units": ["unit1"], **limits}
        self.tokens = {name: created(leader, name, is_agent=True, **fields)["token"] for name in ("a", "b")}
        self.agent = McpAgent(leader)

    def sign_in(self) -> None:
        self.leader.sign_in()
        self.leader.client.headers["Origin"] = str(self.leader.client.base_url).rstrip("/")

    def _answer(self, request: Request) -> Response:
        if request.method != "GET":
            self.sent.append(request)
            return accepts(request)
        if request.path.endswith("/jobs/running"):
            return json_response([{"job_name": name} for name in self.jobs])
        if "/jobs/settings/job_name/" in request.path:
            return json_response({"settings": self.jobs[request.path.rpartition("/")[2]]})
        if "/bioreactor/" in request.path:
            return json_response({"values": {"current_volume_ml": self.volume_ml}})
        return json_response({}) if request.path.endswith("/active_calibrations") else accepts(request)

    def call(self, tool: str, token: str = "a", **arguments: object) -> dict[str, Any]:
        as_program(self.leader, self.tokens[token])
        found: dict[str, Any] = self.agent.call(tool, **arguments)
        return found

    def propose(self, token: str = "a", ml: float = 1.0) -> dict[str, Any]:
        answer = self.call("run_add_media", token, unit="unit1", experiment="exp", ml=ml)
        assert answer["isError"] is False, answer
        found: dict[str, Any] = answer["structuredContent"]
        return found

    def decide(self, proposal: dict[str, Any], verb: str = "approve", **changed: object) -> Any:
        self.rehearsal_of(proposal)
        body = {"digest": proposal["digest"], "without_rehearsal": True, **changed}
        return self.leader.client.post(f"/api/proposals/{proposal['id']}/{verb}", json=body)

    def rehearsal_of(self, proposal: dict[str, Any]) -> dict[str, Any]:
        """Return the rehearsal once it has ended."""
        self.sign_in()

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.leader.client.get(f"/api/proposals/{proposal['id']}").json()["rehearsal"]
            return None if found["status"] == "running" else found

        return dict(until(ended))

    def commit(self, proposal: dict[str, Any], token: str = "a") -> dict[str, Any]:
        return self.call("commit_proposal", token, id_=proposal["id"])

    @property
    def doses(self) -> list[Request]:
        return [request for request in self.sent if request.path == DOSE]


def test_a_dose_is_proposed_approved_and_committed_once(leader: Any) -> None:
    scene = Scene(leader)
    proposal = scene.propose()
    assert (proposal["status"], scene.sent) == ("proposed", [])
    assert proposal["act"]["effects"]["volume_ml"] == 15.0
    assert scene.commit(proposal)["isError"] is True
    assert scene.decide(proposal, without_rehearsal=False).status_code == 409
    approved = scene.decide(proposal, note="go")
    assert approved.status_code == 200, approved.text
    assert approved.json()["decided_by"] == "pioreactor"
    assert scene.commit(proposal)["isError"] is False
    assert "is committed" in scene.commit(proposal)["content"][0]["text"]
    assert len(scene.doses) == 1
    actions = [entry.change.action for entry in leader.services.database.audit.all()]
    assert {"propose", "approve_proposal", "commit_proposal", "run_on_units"} <= set(actions)


def test_a_proposal_shows_what_its_rehearsal_found(leader: Any) -> None:
    scene = Scene(leader)
    found = msgspec.structs.replace(forecast(), notes=["a note"])
    line = msgspec.json.encode(RehearsalResult(None, found)).decode()
    command = (sys.executable, "-c", f"import sys; assert '--from-now' in sys.argv; print({line!r})")
    leader.services.act_rehearsals = RehearsalRunner(command, {}, leader.services.unit.tasks.pause)
    proposal = scene.propose()
    assert proposal["rehearsal"]["status"] == "running"
    rehearsal = scene.rehearsal_of(proposal)
    assert rehearsal["status"] == "done", rehearsal
    assert "15 mL in the vial (14 before)" in rehearsal["text"]
    assert rehearsal["text"].endswith("No hazards. a note")
    assert rehearsal["points"][-1]["hours"] == 2.0
    assert scene.decide(proposal, without_rehearsal=False).status_code == 200


def test_a_rehearsal_that_cannot_be_made_is_said(leader: Any) -> None:
    scene = Scene(leader)
    rehearsal = scene.rehearsal_of(scene.propose())
    assert (rehearsal["status"], "could not be started" in rehearsal["text"]) == ("failed", True)


def test_what_has_changed_is_not_carried_out(leader: Any) -> None:
    scene = Scene(leader)
    first, second = scene.propose(), scene.propose(ml=2.0)
    assert scene.decide(first, digest=second["digest"]).status_code == 409
    scene.decide(first)
    scene.volume_ml = 16.0
    assert "volume_ml" in scene.commit(first)["content"][0]["text"]
    assert "volume_ml" in scene.decide(second).text
    assert scene.decide(second, "reject").status_code == 200
    assert scene.decide(second).status_code == 409
    assert scene.doses == []


TURBIDOSTAT: dict[str, object] = {"automation_name": "turbidostat", "target_biomass": 1.0, "exchange_volume_ml": 1.0}
SPEED: dict[str, object] = {"target_rpm": 500.0, "duty_cycle": 30.1, "measured_rpm": 499.0}


@pytest.mark.parametrize(
    ("job", "settings", "said"),
    [
        ("dosing_automation", {**TURBIDOSTAT, "target_biomass": 0.1}, "dosing_automation target_biomass"),
        ("dosing_automation", {**TURBIDOSTAT, "automation_name": "silent"}, "dosing_automation automation_name"),
        ("stirring", {**SPEED, "target_rpm": 0.0}, "changed: stirring target_rpm"),
        ("led_automation", {"automation_name": "silent"}, "changed: led_automation"),
        ("stirring", {**SPEED, "duty_cycle": 31.0, "measured_rpm": 501.0}, None),
    ],
)
def test_an_approval_is_bound_to_what_people_set_and_not_to_what_jobs_measure(
    leader: Any, job: str, settings: dict[str, object], said: str | None
) -> None:
    scene = Scene(leader)
    scene.jobs = {"stirring": SPEED, "dosing_automation": TURBIDOSTAT}
    proposal = scene.propose()
    scene.decide(proposal)
    scene.jobs = {**scene.jobs, job: settings}
    answer = scene.commit(proposal)
    assert answer["isError"] is (said is not None)
    assert said is None or said in answer["content"][0]["text"]
    assert len(scene.doses) == (0 if said else 1)


def test_a_rehearsal_that_a_restart_interrupted_is_said_and_can_be_repeated(leader: Any) -> None:
    scene = Scene(leader)
    scene.leader.services.act_rehearsals = RehearsalRunner((sys.executable, "-c", "0"), {}, lambda _: True)
    proposal = scene.propose()
    assert scene.rehearsal_of(proposal)["status"] == "interrupted"
    leader.services.database.proposals.rehearsed(proposal["id"], RehearsedAct("running"))
    leader.services.end_interrupted()
    assert "restarted" in scene.rehearsal_of(proposal)["text"]
    assert scene.decide(proposal, without_rehearsal=False).status_code == 409
    line = msgspec.json.encode(RehearsalResult(None, forecast())).decode()
    command = (sys.executable, "-c", f"print({line!r})")
    leader.services.act_rehearsals = RehearsalRunner(command, {}, leader.services.unit.tasks.pause)
    where = f"/api/proposals/{proposal['id']}/rehearse"
    again = leader.client.post(where)
    assert (again.status_code, again.json()["rehearsal"]["status"]) == (200, "running"), again.text
    assert scene.rehearsal_of(proposal)["status"] == "done"
    assert "the rehearsal is done" in leader.client.post(where).text
    assert scene.decide(proposal, without_rehearsal=False).status_code == 200


def virtual_time(leader: Any, monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    """Return the clock that proposals follow from now on."""
    proposals = leader.services.database.proposals
    clock = VirtualClock(start=proposals._access.now())
    monkeypatch.setattr(proposals, "_access", replace(proposals._access, now=clock.now))
    return clock


def test_what_no_one_decides_or_commits_in_time_expires(leader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, clock = Scene(leader), virtual_time(leader, monkeypatch)
    waiting, approved, forgotten = scene.propose(), scene.propose(), scene.propose(ml=2.0)
    clock.sleep(LIFETIME.total_seconds() - 60.0)
    assert scene.decide(approved).status_code == 200
    assert scene.decide(forgotten).status_code == 200
    assert scene.commit(approved)["isError"] is False
    clock.sleep(61.0)
    assert "has expired" in scene.decide(waiting).text
    assert "has expired" in scene.decide(waiting, "reject").text
    assert "has expired" in scene.commit(forgotten)["content"][0]["text"]
    assert len(scene.doses) == 1
    assert leader.services.database.proposals.get(waiting["id"]).status == "proposed"


def test_expired_proposals_make_room_for_new_ones(leader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, clock = Scene(leader), virtual_time(leader, monkeypatch)
    for _ in range(MAX_PENDING):
        scene.propose()
    refused = scene.call("run_add_media", unit="unit1", experiment="exp", ml=1.0)
    assert "until they expire" in refused["content"][0]["text"]
    clock.sleep(LIFETIME.total_seconds() + 1.0)
    assert scene.propose()["status"] == "proposed"


@pytest.mark.parametrize("ml", [0, -1, 50, 1e308, "5", True])
def test_amounts_that_no_vial_takes_are_refused_with_bounds(leader: Any, ml: object) -> None:
    answer = Scene(leader).call("run_add_media", unit="unit1", experiment="exp", ml=ml)
    assert answer["isError"] is True
    assert "at most" in answer["content"][0]["text"]


def test_only_a_person_with_the_right_decides(leader: Any) -> None:
    scene = Scene(leader)
    proposal = scene.propose()
    scene.sign_in()
    program = created(leader, "script")["token"]
    body = {"digest": proposal["digest"], "without_rehearsal": True}
    as_program(leader, program)
    assert leader.client.post(f"/api/proposals/{proposal['id']}/approve", json=body).status_code == 403
    as_program(leader, scene.tokens["a"])
    assert leader.client.post(f"/api/proposals/{proposal['id']}/approve", json=body).status_code == 403
    assert not {"approve_proposal", "reject_proposal", "propose"} & set(scene.agent.tools())
    scene.decide(proposal)
    assert "another agent" in scene.commit(proposal, "b")["content"][0]["text"]
    assert scene.doses == []


def test_two_requests_at_once_cannot_use_up_more_than_the_budget(leader: Any) -> None:
    leader.sign_in()
    repository = leader.services.database.proposals
    agent = Agent("pioreactor", "a", Budget(media_ml=5.0))
    act = ProposedAct(*("t", "costly", "t", None, None, {}, Effects(media_ml=2.0), {}), access="operate", area="units")
    made = [repository.add(agent, act, RehearsedAct("done")) for _ in range(4)]
    for one in made:
        repository.decide(one, "approved", by="pioreactor", note="")
    outcomes: list[bool] = []

    def commit(number: int) -> None:
        try:
            repository.commit(made[number], agent)
            outcomes.append(True)
        except ConflictError:
            outcomes.append(False)

    threads = [Thread(target=commit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, True, True]
    assert repository.used(agent).media_ml == 4.0


def test_a_budget_refuses_what_has_no_bound(leader: Any) -> None:
    scene = Scene(leader, budget={"media_ml": 3.0, "acts_per_hour": 1})
    circulated = scene.call("run_circulate_media", unit="unit1", experiment="exp", duration=5)
    assert "no bound" in circulated["content"][0]["text"]
    assert scene.call("blink", unit="unit1")["isError"] is False
    assert "acts in an hour" in scene.call("blink", unit="unit1")["content"][0]["text"]


def run_sequences(scene: Scene, count: int, *, seed: int) -> tuple[float, int]:
    """Let two agents try everything `count` times; return the approved volume and how many acts were approved."""
    rng = random.Random(seed)
    known: list[dict[str, Any]] = []
    approved: dict[str, float] = {}
    for _ in range(count):
        token, ml = rng.choice("ab"), rng.choice((0.5, 1.0, 2.0, 50.0, -1.0))
        unit = rng.choice(("unit1", "unit1", "unit1", "unit2", "$broadcast", "../unit2"))
        answer = scene.call("run_add_media", token, unit=unit, experiment="exp", ml=ml)
        if "structuredContent" in answer and not answer["isError"]:
            known.append(answer["structuredContent"])
        scene.call(rng.choice(("reboot", "delete_experiment", "start_dosing_automation")), token, unit=unit)
        if not known:
            continue
        chosen = rng.choice(known)
        if rng.random() < 0.4:
            bound = rng.choice((chosen["digest"], "0" * 64, rng.choice(known)["digest"]))
            if scene.decide(chosen, digest=bound).status_code == 200:
                approved[chosen["id"]] = chosen["act"]["arguments"]["ml"]
        elif rng.random() < 0.2:
            scene.decide(chosen, "reject")
        scene.volume_ml = rng.choice((14.0, 14.0, 14.0, 14.0, 12.0))
        for _again in range(2):
            scene.commit(rng.choice(known), rng.choice("ab"))
    return sum(approved.values()), len(approved)


@pytest.mark.parametrize("count", [12])
def test_no_sequence_doses_without_an_approval_or_beyond_the_budget(
    leader: Any, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(in_process_requests, "MAX_CALLS_PER_MINUTE", 1_000_000)
    scene = Scene(leader, budget={"media_ml": 20.0})
    volume_ml, acts = run_sequences(scene, count, seed=20261130)
    assert {request.path for request in scene.sent} <= {DOSE}
    assert {request.headers["X-Pioreactor-Target"] for request in scene.sent} <= {"unit1"}
    assert len(scene.doses) <= acts
    used = [leader.services.database.proposals.used(Agent("pioreactor", token, None)).media_ml for token in "ab"]
    assert sum(used) <= volume_ml
    assert max(used) <= 20.0
