"""Machines join and leave over the leader's API, with a machine that really waits."""

from collections.abc import Iterator
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cluster.test_membership import NOW, Machine
from tests.unit.identity.nmcli_stand_in import Nmcli, install
from tests.unit.web.conftest import result_of

from pioreactor.cluster.certificates import make_request, names_in, write_private
from pioreactor.cluster.leader_setup import LeaderPlan, broker_files, set_up_leader
from pioreactor.cluster.pairing_protocol import Waiting
from pioreactor.identity.computer import Computer
from pioreactor.identity.unit_tokens import WorkerTokens


@pytest.fixture
def cluster(leader: Any) -> Any:
    paths, name = leader.services.unit.paths, leader.services.unit.name
    list(set_up_leader(paths, LeaderPlan(name, "10.0.0.1", 443, is_simulated=True), now=NOW))
    return leader


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "machine", "newcomer")
    with made.server:
        yield made


def set_up(cluster: Any, machine: Machine, **body: object) -> dict[str, Any]:
    address = f"127.0.0.1:{machine.server.port}"
    sent = {"name": "newcomer", "code": machine.codes[-1], "ipv4_address": address, **body}
    return result_of(cluster.client, cluster.client.post("/api/workers/setup", json=sent))


def names(cluster: Any) -> list[str]:
    return [row["pioreactor_unit"] for row in cluster.client.get("/api/workers").json()]


def test_a_machine_becomes_a_worker_of_its_own_model(cluster: Any, machine: Machine) -> None:
    done = set_up(cluster, machine)
    assert done["status"] == "succeeded", done
    assert done["step"] == "Sending them to newcomer."
    assert done["result"]["pioreactor_unit"] == "newcomer"
    assert "newcomer" in names(cluster)
    assert cluster.client.get("/api/workers/newcomer/model").json()["model_name"] == "pioreactor_20ml"


def test_a_wrong_code_is_a_failed_task_with_its_reason(cluster: Any, machine: Machine) -> None:
    wrong = "AAAA-AAAA" if machine.codes[-1] != "AAAA-AAAA" else "BBBB-BBBB"
    failed = set_up(cluster, machine, code=wrong)
    assert (failed["status"], failed["error_status"]) == ("failed", 403)
    assert "code is wrong" in failed["error"]
    assert "newcomer" not in names(cluster)


def test_an_unknown_model_adds_no_worker(cluster: Any, machine: Machine) -> None:
    assert set_up(cluster, machine, model="spaceship", version="1")["status"] == "failed"
    assert "newcomer" not in names(cluster)


def test_removing_a_worker_revokes_its_token_and_account(cluster: Any, machine: Machine) -> None:
    set_up(cluster, machine)
    paths = cluster.services.unit.paths
    assert WorkerTokens(paths.secrets).token_of("newcomer") is not None
    result_of(cluster.client, cluster.client.delete("/api/workers/newcomer"))
    assert WorkerTokens(paths.secrets).token_of("newcomer") is None
    assert "newcomer" not in broker_files(paths).accounts()


def test_a_worker_leaves_by_itself_and_cannot_remove_others(cluster: Any) -> None:
    from tests.unit.web.conftest import WORKER_TOKENS

    token, identity = next((token, who) for token, who in WORKER_TOKENS.items() if who.scope == "own")
    for name in (identity.name, "another"):
        cluster.client.put("/api/workers", json={"pioreactor_unit": name})
    before = names(cluster)
    answer = cluster.client.post("/api/cluster/leave", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    assert set(before) - set(names(cluster)) == {identity.name}


def test_a_worker_has_its_own_certificate_signed_only(cluster: Any, tmp_path: Path) -> None:
    from tests.unit.web.conftest import WORKER_TOKENS

    token, identity = next((token, who) for token, who in WORKER_TOKENS.items() if who.scope == "own")
    path, own = "/api/cluster/certificate", {"Authorization": f"Bearer {token}"}
    body = {"request": make_request(tmp_path / "unit.key", "leader1")}
    cluster.client.put("/api/workers", json={"pioreactor_unit": identity.name})
    signed = cluster.client.post(path, json=body, headers=own)
    assert signed.status_code == 200, signed.text
    write_private(tmp_path / "unit.pem", signed.json()["certificate"])
    assert names_in(tmp_path / "unit.pem") == {identity.name, f"{identity.name}.local", "localhost", "127.0.0.1"}
    assert cluster.client.post(path, json={"request": "nonsense"}, headers=own).status_code == 400
    cluster.sign_in()
    assert cluster.client.post(path, json=body).status_code == 403


def test_people_and_the_leader_do_not_leave(cluster: Any) -> None:
    assert cluster.client.post("/api/cluster/leave").status_code == 409
    cluster.sign_in()
    assert cluster.client.post("/api/cluster/leave").status_code == 403


@pytest.mark.parametrize(
    ("found", "status", "said"),
    [
        ([], 404, "not found"),
        ([Waiting("newcomer", "10.0.0.8", 4998, "1"), Waiting("newcomer", "10.0.0.9", 4998, "1")], 409, "several"),
    ],
)
def test_without_an_address_there_must_be_exactly_one(
    cluster: Any, machine: Machine, found: list[Waiting], status: int, said: str
) -> None:
    cluster.services.find_waiting = lambda _: found
    failed = set_up(cluster, machine, ipv4_address=None)
    assert (failed["status"], failed["error_status"]) == ("failed", status)
    assert said in failed["error"]


def test_known_workers_are_not_offered(cluster: Any) -> None:
    known = "another"
    cluster.client.put("/api/workers", json={"pioreactor_unit": known})
    found = [Waiting(known, "10.0.0.8", 4998, "1"), Waiting("newcomer", "10.0.0.9", 4998, "1")]
    cluster.services.find_waiting = lambda _: found
    answer = cluster.client.get("/api/workers/discover").json()
    assert answer == [{"pioreactor_unit": "newcomer", "address": "10.0.0.9:4998", "version": "1"}]


def test_a_leader_that_was_set_up_by_hand_says_what_to_do(leader: Any, machine: Machine) -> None:
    failed = set_up(leader, machine)
    assert (failed["status"], failed["error_status"]) == ("failed", 404)
    assert "pio cluster init" in failed["remediation"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"name": "w", "code": "K7QM-2XFD", "ssh": {}}, "not both"),
        ({"ipv4_address": "10.0.0.9"}, "name"),
        ({"name": "w", "ssh": {"user": "-oProxyCommand=x"}}, "user"),
        ({"name": "w", "ssh": {"password": "a\nb"}}, "password"),
    ],
)
def test_a_login_that_cannot_be_meant_is_refused(cluster: Any, body: dict[str, object], said: str) -> None:
    answer = cluster.client.post("/api/workers/setup", json=body)
    assert answer.status_code == 400
    assert said in answer.text


@pytest.fixture
def nmcli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Nmcli:
    return install(monkeypatch, tmp_path / "bin")


def configure_network(leader: Any, text: str) -> None:
    leader.services.unit.paths.global_config.write_text(f"[local_access_point]\nssid=lab\n{text}\n")


def test_the_network_of_the_leader_is_opened_and_closed_over_the_api(leader: Any, nmcli: Nmcli) -> None:
    configure_network(leader, "passphrase=not-for-others")
    nmcli.answer(devices=[("wlan0", "wifi", "connected")])
    where = "/api/local_access_point"
    assert "only way" in leader.client.get(where).json()["consequence"]
    refused = result_of(leader.client, leader.client.post(f"{where}/start"))
    assert (refused["error_status"], nmcli.changes()) == (409, [])
    meant = {"even_if_disconnected": True}
    opened = result_of(leader.client, leader.client.post(f"{where}/start", json=meant))
    assert (opened["result"]["active"], opened["result"]["ssid"]) == (True, "lab")
    assert leader.client.get(where).json()["active"] is True
    closed = result_of(leader.client, leader.client.post(f"{where}/stop", json=meant))
    assert closed["result"]["active"] is False
    entries = leader.client.get("/api/audit").text
    assert "start_access_point" in entries
    assert "stop_access_point" in entries
    assert "not-for-others" not in f"{entries}{opened}{refused}{leader.client.get(where).text}"


def test_a_network_without_passphrase_is_refused_at_once(leader: Any, nmcli: Nmcli) -> None:
    configure_network(leader, "")
    refused = leader.client.post("/api/local_access_point/start")
    assert refused.status_code >= 400
    assert "passphrase is missing" in refused.json()["error"]
    assert nmcli.calls() == []


def test_the_network_of_a_computer_that_simulates_is_left_alone(leader: Any, nmcli: Nmcli) -> None:
    leader.services.unit.runtime = changed(leader.services.unit.runtime, computer=Computer(belongs_to_reactor=False))
    for change in ("start", "stop"):
        assert leader.client.post(f"/api/local_access_point/{change}").status_code == 409
    assert nmcli.calls() == []
