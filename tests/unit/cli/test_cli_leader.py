"""Commands that ask the leader, or many units at once."""

import io
import json
from dataclasses import replace as changed
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.identity.nmcli_stand_in import install

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response
from pioreactor.identity.computer import Computer
from pioreactor.identity.unit_model import stored_model
from pioreactor.identity.unit_tokens import FOLDER, WorkerTokens
from pioreactor.settings.load import settings_of_text
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.encoding import to_timestamp

WORKERS = [
    {"pioreactor_unit": "w1", "is_active": 1, "model_name": "pioreactor_20ml", "model_version": "1.5"},
    {"pioreactor_unit": "w2", "is_active": 1},
    {"pioreactor_unit": "w3", "is_active": 0},
]


class Cluster:
    """A leader and two units that answer by table; everything asked is kept."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self.answers: dict[tuple[str, str, str], Response] = {
            ("localhost", "GET", "/api/workers"): json_response(WORKERS),
            ("localhost", "GET", "/api/workers/w1/experiment"): json_response({"experiment": "batch/3"}),
            ("localhost", "GET", "/api/workers/w2/experiment"): json_response({"error": "not assigned"}, 404),
        }
        for host in ("localhost", "w1.local", "w2.local"):
            desk.http.hosts[f"{host}:8080"] = lambda request, host=host: self.answer(host, request)

    def answer(self, host: str, request: Request) -> Response:
        assert request.headers["Authorization"] == "Bearer cluster-token"
        done = json_response({"status": "success"})
        return self.answers.get((host, request.method, request.path), done)

    @property
    def asked(self) -> list[tuple[str, str, str, Any]]:
        return [(host.split(":")[0], r.method, r.path, r.json) for host, r in self.desk.http.asked]


@pytest.fixture
def cluster(desk: Any) -> Cluster:
    return Cluster(desk)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("experiments create batch4 --tag a", ("POST", "/api/experiments")),
        ("experiments delete b/4 --yes", ("DELETE", "/api/experiments/b%2F4")),
        ("experiments rename b4 b5", ("POST", "/api/experiments/b4/rename")),
        ("workers add w9", ("PUT", "/api/workers")),
        ("workers remove w9 -y", ("DELETE", "/api/workers/w9")),
        ("workers assign w1 batch4", ("PUT", "/api/experiments/batch4/workers")),
        ("workers unassign w1 batch4", ("DELETE", "/api/experiments/batch4/workers/w1")),
        ("workers update-active w1 0", ("PUT", "/api/workers/w1/is_active")),
        ("workers update-model w1 -m pioreactor_40ml -v 1.5", ("PUT", "/api/workers/w1/model")),
        ("workers model set w1 pioreactor_40ml 1.5", ("PUT", "/api/workers/w1/model")),
        ("workers model get w1", ("GET", "/api/workers/w1/model")),
    ],
)
def test_changes_go_to_the_leader(cluster: Cluster, line: str, request_: tuple[str, str]) -> None:
    typed = cluster.desk.pio(*line.split())
    assert typed.status == 0, typed.err
    ((host, method, path, _),) = cluster.asked
    assert (host, method, path) == ("localhost", *request_)


def test_a_worker_is_added_with_its_model_or_without(cluster: Cluster) -> None:
    assert cluster.desk.pio("workers", "add", "w9", "-m", "pioreactor_40ml").status == 2, "name and version go together"
    assert cluster.desk.pio("workers", "add", "w9").status == 0
    assert cluster.asked[-1][3] == {"pioreactor_unit": "w9", "model_name": None, "model_version": None}
    assert cluster.desk.pio("workers", "add", "w9", "-m", "pioreactor_40ml", "-v", "1.5").status == 0
    model = {"model_name": "pioreactor_40ml", "model_version": "1.5"}
    assert [entry[1:] for entry in cluster.asked[-2:]] == [
        ("PUT", "/api/workers", {"pioreactor_unit": "w9", **model}),
        ("PUT", "/api/workers/w9/model", model),
    ]


def test_a_password_is_taken_from_standard_input_and_never_from_an_argument(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = cluster.desk.pio("workers", "add", "w9", "-p", "raspberry")
    assert refused.status == 2
    assert "give -p alone" in refused.err
    assert "raspberry" not in refused.err
    assert cluster.asked == []
    monkeypatch.setattr("sys.stdin", io.StringIO("raspberry\n"))
    cluster.answers["localhost", "POST", "/api/workers/setup"] = json_response({"pioreactor_unit": "w9"})
    assert cluster.desk.pio("workers", "add", "w9", "-a", "10.0.0.9", "-p", "--ssh-user", "pi").status == 0
    sent = cluster.asked[-1][3]
    assert isinstance(sent, dict)
    assert sent["ssh"] == {"user": "pi", "password": "raspberry", "is_simulated": False}
    assert (sent["code"], sent["ipv4_address"]) == (None, "10.0.0.9")
    assert cluster.desk.pio("workers", "add", "w9", "--ssh", "--code", "K7QM-2XFD").status == 2


def test_the_model_of_a_worker_is_printed(cluster: Cluster) -> None:
    model = {"model_name": "pioreactor_40ml", "model_version": "1.5"}
    cluster.answers["localhost", "GET", "/api/workers/w1/model"] = json_response({**model, "reactor_capacity_ml": 40})
    assert json.loads(cluster.desk.pio("workers", "model", "get", "w1").out) == model
    assert json.loads(cluster.desk.pio("workers", "model", "get", "w2").out) == dict.fromkeys(model)


def test_a_unit_sets_its_own_model_and_reports_it(cluster: Cluster) -> None:
    desk, model = cluster.desk, {"model_name": "pioreactor_40ml", "model_version": "1.5"}
    assert desk.pio("model", "set", "pioreactor_40ml", "9").status == 1
    job = desk.start_job("stirring")
    refused = desk.pio("model", "set", "pioreactor_40ml", "1.5")
    assert (refused.status, "stirring" in refused.err) == (1, True)
    assert cluster.asked == []
    desk.end_job(job)
    desk.start_job("monitor", long_running=True)
    assert json.loads(desk.pio("model", "set", "pioreactor_40ml", "1.5").out) == model
    assert cluster.asked == [("localhost", "PUT", "/api/workers/unit1/reported_model", model)]
    assert stored_model(desk.runtime.stores) == ("pioreactor_40ml", "1.5")
    desk.http.hosts.clear()
    typed = desk.pio("model", "set", "pioreactor_40ml", "1.0")
    assert (typed.status, stored_model(desk.runtime.stores)) == (0, ("pioreactor_40ml", "1.0"))
    assert "leader" in typed.err


def test_a_worker_is_switched_off(cluster: Cluster) -> None:
    assert cluster.desk.pio("workers", "update-active", "w1", "0").out == "w1 is off.\n"
    assert cluster.asked[0][3] == {"is_active": 0}
    assert cluster.desk.pio("workers", "update-active", "w1", "2").status == 2


def test_an_experiment_is_ended(cluster: Cluster) -> None:
    assert cluster.desk.pio("experiments", "end", "b 4", "--yes").out == "Ended b 4.\n"
    assert [(method, path) for _, method, path, _ in cluster.asked] == [
        ("POST", "/api/workers/$broadcast/jobs/stop/experiments/b%204"),
        ("DELETE", "/api/experiments/b%204/workers"),
    ]


def test_deleting_asks_first(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("click.confirm", lambda *words, **more: (_ for _ in ()).throw(KeyboardInterrupt))
    assert cluster.desk.pio("experiments", "delete", "batch4").status == 130
    assert cluster.asked == []


def test_the_leaders_refusal_is_told_with_its_cure(cluster: Cluster) -> None:
    refusal = {"error": "the name is taken", "status": 409, "remediation": "Choose another name."}
    cluster.answers["localhost", "POST", "/api/experiments"] = json_response(refusal, 409)
    typed = cluster.desk.pio("experiments", "create", "batch4")
    assert (typed.status, typed.err) == (1, "Error: the name is taken\n  Try: Choose another name.\n")


def test_workers_status_has_a_row_for_those_that_do_not_answer(cluster: Cluster) -> None:
    version = json_response({"version": "27.1.0"})
    cluster.answers["w1.local", "GET", "/unit_api/versions/app"] = version
    del cluster.desk.http.hosts["w2.local:8080"]
    rows = {row["unit"]: row for row in json.loads(cluster.desk.pio("workers", "status", "--json").out)}
    assert rows["w1"] == {
        "unit": "w1",
        "active": True,
        "answers": True,
        "version": "27.1.0",
        "experiment": "batch/3",
        "model": "pioreactor_20ml 1.5",
    }
    assert rows["w2"]["answers"] is False
    assert rows["w2"]["experiment"] is None
    assert rows["w3"]["active"] is False


def test_workers_status_asks_the_leader_about_units_without_a_token_here(cluster: Cluster) -> None:
    (cluster.desk.runtime.paths.secrets / FOLDER).mkdir()
    for unit, answer in (("w1", {"ok": True, "value": {"version": "27.1.0"}}), ("w2", {"ok": False})):
        cluster.answers["localhost", "GET", f"/api/units/{unit}/versions/app"] = json_response({unit: answer})
    rows = {row["unit"]: row for row in json.loads(cluster.desk.pio("workers", "status", "--json").out)}
    assert {unit: (row["answers"], row["version"]) for unit, row in rows.items()} == {
        "w1": (True, "27.1.0"),
        "w2": (False, None),
        "w3": (False, None),
    }
    assert {host for host, *_ in cluster.asked} == {"localhost"}


def test_a_worker_that_is_added_may_need_its_token(cluster: Cluster) -> None:
    assert "pio workers token w1" in cluster.desk.pio("workers", "add", "w1").out
    secrets = cluster.desk.runtime.paths.secrets
    (secrets / FOLDER).mkdir()
    WorkerTokens(secrets).ensure("w1")
    assert cluster.desk.pio("workers", "add", "w1").out == "w1 is in the inventory.\n"


def test_the_record_of_an_imported_experiment_is_shown(cluster: Cluster) -> None:
    where = ("localhost", "GET", "/api/experiments/growth%201/record")
    found = {"imported_at": "2026-03-01", "experiment": "growth 1", "files": ["config/config.ini"]}
    left_out = [{"name": "audit_trail", "reason": "it is signed there"}]
    cluster.answers[where] = json_response(found | {"software_version": "27.0", "left_out": left_out})
    typed = cluster.desk.pio("experiments", "record", "growth 1")
    assert typed.out.splitlines() == [
        "Imported at 2026-03-01 from growth 1, of version 27.0.",
        "config/config.ini",
        "Not imported: audit_trail: it is signed there",
    ]
    cluster.answers[(*where[:2], f"{where[2]}/config/config.ini")] = Response(200, b"[PWM]\n")
    assert cluster.desk.pio("experiments", "record", "growth 1", "config/config.ini").out == "[PWM]\n"
    cluster.answers[where] = json_response({})
    assert "of this cluster" in cluster.desk.pio("experiments", "record", "growth 1").out


def test_without_a_token_it_says_so(desk: Any) -> None:
    (desk.runtime.paths.secrets / "cluster_token").unlink()
    typed = desk.pio("experiments", "list")
    assert typed.status == 1
    assert "has no cluster token" in typed.err


def test_run_on_all_active_workers(cluster: Cluster) -> None:
    typed = cluster.desk.pios(
        "run",
        "stirring",
        "--target-rpm",
        "400",
        "--flag",
        "--x=1",
        "-y",
        "--config-override",
        "stirring.config",
        "pwm_hz",
        "9",
    )
    assert typed.status == 0, typed.err
    assert typed.out == "w1: done.\nw2: done.\n"
    started = [entry for entry in cluster.asked if entry[0].startswith("w")]
    assert {entry[0] for entry in started} == {"w1.local", "w2.local"}
    assert started[0][1:] == (
        "PATCH",
        "/unit_api/jobs/run/job_name/stirring",
        {
            "options": {"target_rpm": ["400"], "flag": [None], "x": ["1"]},
            "args": [],
            "env": {},
            "config_overrides": [["stirring.config", "pwm_hz", "9"]],
        },
    )


def test_one_dead_unit_hides_no_answer_and_fails_the_command(cluster: Cluster) -> None:
    del cluster.desk.http.hosts["w1.local:8080"]
    cluster.answers["w2.local", "GET", "/unit_api/jobs/running"] = json_response(
        [{"job_id": 4, "job_name": "stirring"}]
    )
    typed = cluster.desk.pios("jobs", "list", "running")
    assert typed.status == 1
    assert "stirring" in typed.out
    assert "w1: failed: w1.local:8080 cannot be reached" in typed.err
    assert "1 of 2 units failed: w1" in typed.err


def test_units_are_chosen_and_checked(cluster: Cluster) -> None:
    assert "not in the inventory: w8" in cluster.desk.pios("kill", "--all-jobs", "--units", "w8", "-y").err
    assert "no active worker" in cluster.desk.pios("kill", "--all-jobs", "--units", "w3", "-y").err
    assert cluster.desk.pios("kill", "--all-jobs", "--units", "w1", "--experiments", "e", "-y").status == 2
    assert cluster.desk.pios("kill", "--all-jobs", "--job-name", "x", "-y").status == 2
    cluster.answers["localhost", "GET", "/api/experiments/e/workers"] = json_response([{"pioreactor_unit": "w2"}])
    assert cluster.desk.pios("kill", "--job-name", "od-reading", "--experiments", "e", "-y").out == "w2: done.\n"
    assert cluster.asked[-1] == ("w2.local", "POST", "/unit_api/jobs/stop", {"job_name": "od_reading"})
    assert cluster.desk.pios("kill", "--all-jobs", "--units", "w1", "-y", "--json").status == 0
    assert cluster.asked[-1][:3] == ("w1.local", "POST", "/unit_api/jobs/stop/all")


def test_set_goes_through_the_leader_with_each_units_experiment(cluster: Cluster) -> None:
    typed = cluster.desk.pios("jobs", "set", "stirring", "target-rpm", "300", "-y")
    assert typed.status == 1
    assert "w2: failed: not assigned" in typed.err
    path = "/api/workers/w1/jobs/update/job_name/stirring/experiments/batch%2F3"
    assert ("localhost", "PATCH", path, {"settings": {"target_rpm": "300"}}) in cluster.asked


def synced(**ok: bool) -> dict[str, Any]:
    return {unit: {"ok": good, "unit": unit, "error": {"message": "no answer"}} for unit, good in ok.items()}


def test_configurations_are_synchronized(cluster: Cluster) -> None:
    route = ("localhost", "POST", "/api/config/sync")
    cluster.answers[route] = json_response({"shared": synced(w1=True, w2=True), "specific": {}})
    typed = cluster.desk.pios("sync-configs", "--shared", "-y")
    assert (typed.status, typed.out) == (0, "w1: shared configuration in step.\nw2: shared configuration in step.\n")
    body = {"units": ["w1", "w2"], "shared": True, "specific": False, "skip_save": False}
    assert cluster.asked[-1] == (*route, body)

    cluster.answers[route] = json_response({"shared": synced(w1=False), "specific": synced(w1=True)})
    typed = cluster.desk.pios("sync-configs", "--units", "w1", "--skip-save", "-y")
    assert cluster.asked[-1][3] == {"units": ["w1"], "shared": True, "specific": True, "skip_save": True}
    assert typed.status == 1
    assert "w1: shared configuration not in step: no answer" in typed.err
    assert "gets its configuration when it answers again" in typed.err
    assert cluster.desk.pios("sync-configs", "-y", "--json").status == 1


def test_a_shared_value_that_is_set_reaches_the_workers(cluster: Cluster) -> None:
    route = ("localhost", "POST", "/api/config/sync")
    cluster.answers[route] = json_response({"shared": synced(w1=True, w2=False), "specific": {}})
    typed = cluster.desk.pio("config", "set", "stirring.config", "pwm_hz", "150", "--shared")
    assert typed.status == 0
    assert cluster.asked[-1] == (*route, {})
    assert "Sent to w1." in typed.out
    assert "Not on w2 yet: it is sent when they answer again." in typed.err
    assert cluster.desk.pio("config", "set", "stirring.config", "pwm_hz", "160", "--specific").status == 0
    assert len([one for one in cluster.asked if one[:3] == route]) == 1

    del cluster.desk.http.hosts["localhost:8080"]
    typed = cluster.desk.pio("config", "set", "stirring.config", "pwm_hz", "170", "--shared")
    assert typed.status == 0, "the value is stored"
    assert "sends it when it runs again" in typed.err


def test_a_shared_volume_is_compared_with_the_vials_of_the_units(cluster: Cluster) -> None:
    model = {"model_name": "pioreactor_20ml", "model_version": "1.5"}
    worker = {"pioreactor_unit": "w1", "is_active": True, **model}
    cluster.answers["localhost", "GET", "/api/workers"] = json_response([worker])
    cluster.answers["localhost", "POST", "/api/config/sync"] = json_response({"shared": {}, "specific": {}})
    history = ("localhost", "GET", "/api/config/units/w1/specific/history")
    cluster.answers[history] = json_response([])
    line = ("config", "set", "bioreactor", "initial_volume_ml", "30", "--shared")
    typed = cluster.desk.pio(*line)
    assert typed.status == 1
    assert "w1: config.ini: [bioreactor] initial_volume_ml = 30: expected a number from 0 to 20 [mL]" in typed.err

    version = {"timestamp": "", "filename": "", "data": "[bioreactor]\ninitial_volume_ml=12\n"}
    cluster.answers[history] = json_response([version])
    assert cluster.desk.pio(*line).status == 0, "the value of the unit's own file wins"


def test_a_shared_volume_is_stored_although_the_leader_does_not_answer(cluster: Cluster) -> None:
    del cluster.desk.http.hosts["localhost:8080"]
    typed = cluster.desk.pio("config", "set", "bioreactor", "initial_volume_ml", "30", "--shared")
    assert typed.status == 0
    assert "Not compared with the models of the units" in typed.err


def test_machines_are_rebooted_the_leader_last_and_only_if_it_is_named(cluster: Cluster) -> None:
    typed = cluster.desk.pios("reboot", "-y")
    assert typed.out == "w1: done.\nw2: done.\n"
    asked = [one for one in cluster.asked if one[2] == "/unit_api/system/reboot"]
    assert {one[0] for one in asked} == {"w1.local", "w2.local"}
    assert all(one[3] == {"even_with_jobs": False} for one in asked)
    typed = cluster.desk.pios("shutdown", "--units", "unit1", "--units", "w1", "--even-with-jobs", "-y")
    asked = [one for one in cluster.asked if one[2] == "/unit_api/system/shutdown"]
    assert [one[0] for one in asked] == ["w1.local", "localhost"]
    assert all(one[3] == {"even_with_jobs": True} for one in asked)
    busy = json_response({"error": "w1 runs stirring, which a reboot ends"}, 409)
    cluster.answers["w1.local", "POST", "/unit_api/system/reboot"] = busy
    refused = cluster.desk.pios("reboot", "-y")
    assert refused.status == 1
    assert "w1 runs stirring" in refused.err
    assert cluster.desk.pios("reboot").status != 0, "the question was not answered"


def test_files_are_copied_to_units_and_removed(cluster: Cluster) -> None:
    root = cluster.desk.runtime.paths.dot_pioreactor
    source = root / "plugins" / "valve.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text("x = 1")
    assert cluster.desk.pios("cp", str(source), "-y").out == "w1: done.\nw2: done.\n"
    path = "/unit_api/system/path/plugins/valve.py"
    assert {one[0] for one in cluster.asked if one[1:3] == ("PUT", path)} == {"w1.local", "w2.local"}
    assert cluster.desk.pios("cp", "/etc/hostname", "-y").status == 1, "where to is not said"
    assert cluster.desk.pios("cp", "/etc/hostname", "a/b", "--units", "w1", "-y").status == 0
    assert cluster.desk.pios("rm", f"{root}/plugins/valve.py", "-y").status == 0
    assert cluster.asked[-1][1:] == ("POST", "/unit_api/system/remove_file", {"filepath": "plugins/valve.py"})


def test_clocks_are_shown_and_set(cluster: Cluster) -> None:
    path = "/unit_api/system/utc_clock"
    now = to_timestamp(cluster.desk.runtime.clock.now() + timedelta(seconds=90))
    right, wrong = ({"status": "success", "clock_time": now, "synchronized": it} for it in (True, False))
    cluster.answers["w1.local", "GET", path] = json_response(right)
    cluster.answers["w2.local", "GET", path] = json_response(wrong)
    typed = cluster.desk.pios("clock", "show")
    assert "90" in typed.out
    assert "No time server is followed by w2" in typed.err
    route = ("localhost", "POST", "/api/system/utc_clock")
    cluster.answers[route] = json_response(synced(w1=True))
    assert cluster.desk.pios("clock", "set", "2026-11-29T10:00:00Z", "-y").status == 0
    assert cluster.asked[-1] == (*route, {"utc_clock_time": "2026-11-29T10:00:00Z"})
    cluster.answers[route] = json_response(synced(w1=False))
    assert cluster.desk.pios("clock", "set", "-y").status == 1
    assert cluster.asked[-1][3] == {"utc_clock_time": None}
    assert cluster.desk.pios("clock", "set", "noon", "-y").status == 1


def test_the_clock_of_a_simulated_unit_is_left_alone(desk: Any) -> None:
    assert "T" in desk.pio("clock", "show").out
    assert "simulated" in desk.pio("clock", "set", "2026-11-29T10:00:00Z", "-y").err


def test_no_backup_is_restored_while_jobs_run_on_any_unit(cluster: Cluster, tmp_path: Path) -> None:
    restoring = ("backups", "restore", str(tmp_path / "x.sqlite"), "-y")
    running = ("w1.local", "GET", "/unit_api/jobs/running")
    for host in ("w1.local", "w2.local"):
        cluster.answers[host, *running[1:]] = json_response([{"job_name": "monitor"}])
    assert "x.sqlite" in cluster.desk.pio(*restoring).err, "services do not count: the file is looked at"
    cluster.desk.start_job("stirring", long_running=True)
    cluster.answers[running] = json_response([{"job_name": "monitor"}, {"job_name": "od_reading"}])
    refused = cluster.desk.pio(*restoring)
    assert refused.status == 1
    assert "jobs run: stirring on unit1, od_reading on w1" in refused.err
    assert "w3: " in refused.err
    assert "x.sqlite" in cluster.desk.pio(*restoring, "--even-with-jobs").err


def test_a_wifi_network_is_opened_and_closed(desk: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nmcli = install(monkeypatch, tmp_path / "bin")
    assert "simulated" in desk.pio("access-point", "start", "-y").err
    settings = settings_of_text("[local_access_point]\nssid=lab\npassphrase=not-for-others\n")
    desk.runtime = changed(desk.runtime, computer=Computer(), settings=settings)
    assert "No access point is open" in desk.pio("access-point", "status").out
    nmcli.answer(devices=[("wlan0", "wifi", "connected")])
    question = desk.pio("access-point", "start")
    assert (question.status, nmcli.changes()) == (1, []), "the question was not answered"
    assert "only way to reach this computer. Continue?" in question.out + question.err
    opened = desk.pio("access-point", "start", "--at-boot")
    assert "lab is open on wlan0; this leader is 10.42.0.1/24" in opened.out, opened.err
    done = nmcli.changes()
    assert desk.pio("access-point", "start", "--at-boot").status == 0
    assert nmcli.changes() == done, "it is open already"
    assert "open already" in desk.pio("access-point", "start", "-y").err
    closed = desk.pio("access-point", "stop", "--yes", "--json")
    assert json.loads(closed.out)["active"] is False
    assert "not-for-others" not in opened.out + opened.err + closed.out


def test_a_backup_is_made_listed_verified_and_found_by_its_name(cluster: Cluster) -> None:
    LeaderDatabase.open(cluster.desk.runtime.paths.database).close()
    assert "verified." in cluster.desk.pio("backups", "make", "--backup-to-workers", "0").out
    path = Path(json.loads(cluster.desk.pio("backups", "list", "--json").out)[0]["path"])
    assert " rows\n" in cluster.desk.pio("backups", "verify", path.name).out
    verify = f"/unit_api/backups/{path.name}/verify"
    cluster.answers["w1.local", "POST", verify] = json_response({"name": path.name, "rows": 12})
    assert cluster.desk.pio("backups", "verify", path.name, "--from", "w1").out == f"{path.name}: 12 rows\n"
    path.write_bytes(path.read_bytes()[:5000])
    assert "cannot be restored" in cluster.desk.pio("backups", "verify").err
