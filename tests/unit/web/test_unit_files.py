"""Routes of a unit about files, calibrations, plugins and power."""

import zipfile
from io import BytesIO
from typing import Any

import pytest

from .conftest import result_of

CALIBRATION = """\
calibration_type: simple_peristaltic_pump
calibration_name: first
calibrated_on_pioreactor_unit: unit1
created_at: 2026-01-01T00:00:00Z
curve_data_:
  type: poly
  coefficients: [0.05, 0.0]
x: Duration
y: Volume
recorded_data: {x: [], y: []}
hz: 150.0
dc: 60.0
voltage: 12.0
"""


@pytest.fixture
def data(unit: Any) -> Any:
    root = unit.paths.dot_pioreactor
    unit.paths.secrets.mkdir(parents=True)
    (unit.paths.secrets / "cluster_token").write_text("secret")
    (unit.paths.storage / "pioreactor.sqlite-wal").write_text("secret")
    (root / "config.ini").write_text("[a]\n")
    (root / "notes.txt").write_text("hello")
    (root.parent / "outside.txt").write_text("secret")
    (root / "way_out").symlink_to(root.parent)
    (root / "token").symlink_to(unit.paths.secrets / "cluster_token")
    return root


def test_secrets_databases_and_files_outside_are_not_accessible(worker: Any, data: Any) -> None:
    assert worker.get("/unit_api/system/path/").json()["files"] == ["config.ini", "notes.txt"]
    assert worker.get("/unit_api/system/path/storage").json() == {"current": "storage", "dirs": [], "files": []}
    assert worker.get("/unit_api/system/path/notes.txt").text == "hello"
    for path in (
        "storage/secrets",
        "storage/secrets/cluster_token",
        "storage/pioreactor.sqlite-wal",
        "way_out/outside.txt",
        "token",
        "%2e%2e/outside.txt",
        "/etc/passwd/../../etc/passwd",
    ):
        answer = worker.get(f"/unit_api/system/path/{path}")
        assert answer.status_code in (403, 404), path
        assert "secret" not in answer.text.replace(path, ""), path
    (data / "DISALLOW_UI_FILE_SYSTEM").touch()
    assert worker.get("/unit_api/system/path/notes.txt").status_code == 403


def test_protected_files_are_not_removed(worker: Any, data: Any) -> None:
    remove = "/unit_api/system/remove_file"
    for path in ("config.ini", "storage/secrets/cluster_token", "storage/pioreactor.sqlite-wal", "way_out/outside.txt"):
        assert worker.post(remove, json={"filepath": path}).status_code == 403, path
    assert worker.post(remove, json={"filepath": "nothing.txt"}).status_code == 404
    assert result_of(worker, worker.post(remove, json={"filepath": str(data / "notes.txt")}))["result"] == "ok"
    assert not (data / "notes.txt").exists()
    assert (data.parent / "outside.txt").exists()


def test_calibrations_from_upload_to_deletion(worker: Any) -> None:
    path = "/unit_api/calibrations/media_pump"
    body = {"calibration_data": CALIBRATION, "set_as_active": True}
    made = worker.post(path, json=body)
    assert made.status_code == 201, made.text
    assert worker.post(path, json={"calibration_data": "x: ["}).status_code == 400
    assert worker.post("/unit_api/calibrations/od90", json=body).status_code == 409
    assert worker.post("/unit_api/calibrations/..", json=body).status_code in (400, 404, 405)

    [listed] = worker.get("/unit_api/calibrations").json()["media_pump"]
    assert (listed["calibration_name"], listed["is_active"], listed["pioreactor_unit"]) == ("first", True, "unit1")
    assert list(worker.get("/unit_api/active_calibrations").json()) == ["media_pump"]
    archive = zipfile.ZipFile(BytesIO(worker.get("/unit_api/zipped_calibrations").content))
    assert archive.namelist() == ["media_pump/first.yaml"]

    assert worker.delete("/unit_api/active_calibrations/media_pump").status_code == 200
    assert worker.get(f"{path}/first").json()["is_active"] is False
    assert worker.patch("/unit_api/active_calibrations/media_pump/second").status_code == 404
    assert worker.patch("/unit_api/active_calibrations/media_pump/first").status_code == 200
    assert worker.delete(f"{path}/first").status_code == 200
    assert worker.get("/unit_api/active_calibrations").json() == {}
    assert worker.get(f"{path}/first").status_code == 404


def test_plugins(worker: Any, unit: Any) -> None:
    unit.paths.plugins.mkdir()
    (unit.paths.plugins / "hello.py").write_text("__plugin_version__ = '1.2'\n")
    [row] = [row for row in worker.get("/unit_api/plugins/installed").json() if row["name"] == "hello"]
    assert row["version"] == "1.2"
    assert "1.2" in worker.get("/unit_api/plugins/installed/hello.py").text
    assert worker.get("/unit_api/plugins/installed/..%2fconfig.ini").status_code in (400, 404)


def test_reboot_is_debounced(worker: Any, unit: Any) -> None:
    unit.power = {"reboot": ("true",), "shutdown": ("sh", "-c", "echo no >&2; exit 1")}
    assert result_of(worker, worker.post("/unit_api/system/reboot"))["result"] == "ok"
    assert worker.post("/unit_api/system/shutdown").status_code == 429
    unit.launcher._started_at.clear()
    failed = result_of(worker, worker.patch("/unit_api/system/shutdown"))
    assert failed["error"] == "shutdown was refused: no"


def test_people(leader: Any) -> None:
    client = leader.client
    assert client.patch("/auth/password", json={"present": "x", "new": "a-longer-one"}).status_code == 403
    leader.sign_in()
    client.headers["Origin"] = str(client.base_url).rstrip("/")
    assert client.patch("/auth/password", json={"present": "wrong", "new": "a-longer-one"}).status_code == 403
    assert client.patch("/auth/password", json={"present": leader.password, "new": "short"}).status_code == 400
    assert client.patch("/auth/password", json={"present": leader.password, "new": "a-longer-one"}).status_code == 200
    assert client.get("/auth/me").status_code == 200

    assert client.put("/auth/people", json={"username": "mia", "password": "0123456789"}).status_code == 201
    assert client.put("/auth/people", json={"username": "mia", "password": "0123456789"}).status_code == 409
    assert client.get("/auth/people").json() == [{"username": "mia"}, {"username": "pioreactor"}]
    assert client.delete("/auth/people/pioreactor").status_code == 200
    assert client.get("/auth/me").status_code == 401
    assert client.post("/auth/sign-in", json={"username": "mia", "password": "0123456789"}).status_code == 200
    assert client.delete("/auth/people/mia").status_code == 409


def test_a_new_password_closes_other_sessions(leader: Any) -> None:
    leader.sign_in()
    other = dict(leader.client.cookies)
    leader.client.cookies.clear()
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    change = {"present": leader.password, "new": "a-longer-one"}
    assert leader.client.patch("/auth/password", json=change).status_code == 200
    assert leader.client.get("/auth/me").status_code == 200
    leader.client.cookies.clear()
    leader.client.cookies.update(other)
    assert leader.client.get("/auth/me").status_code == 401


def test_profiles(leader: Any) -> None:
    client = leader.client
    good = 'version: "1.0"\nexperiment_profile_name: demo\n'
    assert client.post("/api/experiment_profiles", json={"filename": "a.yaml", "body": good}).status_code == 200
    assert client.post("/api/experiment_profiles", json={"filename": "a.yaml", "body": good}).status_code == 409
    for name in ("../a.yaml", "a.txt", ".a.yaml", "a/b.yaml"):
        assert client.post("/api/experiment_profiles", json={"filename": name, "body": good}).status_code == 400, name
    assert client.post("/api/experiment_profiles", json={"filename": "b.yaml", "body": "[1"}).status_code == 400
    assert client.patch("/api/experiment_profiles/a.yaml", json={"body": good + "metadata: {}\n"}).status_code == 200
    assert client.get("/api/experiment_profiles/a.yaml").text.endswith("metadata: {}\n")
    [row] = client.get("/api/experiment_profiles").json()
    assert (row["file"], row["experimentProfile"]["experiment_profile_name"]) == ("a.yaml", "demo")
    assert client.get("/api/experiments/exp/experiment_profiles/running").json() == []
    assert client.get("/api/experiments/exp/experiment_profiles/recent").json() == []
    assert client.delete("/api/experiment_profiles/a.yaml").status_code == 200
    assert client.get("/api/experiment_profiles/a.yaml").status_code == 404


def test_a_profile_is_verified_before_it_is_stored(leader: Any) -> None:
    client = leader.client
    body = (
        'version: "1.0"\nexperiment_profile_name: demo\ncommon: {jobs: {stirring: {actions: ['
        "{type: stop, t: 2h}, {type: start, t: 0, options: {target_rpm: 400}}%s]}}}\n"
    )
    preview = client.post("/api/experiment_profiles/verify", json={"body": body % ""}).json()
    assert preview["ok"] and preview["diagnostics"] == []
    assert [(step["at_s"], step["words"]) for step in preview["steps"]] == [
        (0.0, "start stirring target_rpm 400"),
        (7200.0, "stop stirring"),
    ]
    bad = body % ", {type: update, t: soon}"
    preview = client.post("/api/experiment_profiles/verify", json={"body": bad}).json()
    assert (preview["ok"], preview["steps"]) == (False, [])
    refused = client.post("/api/experiment_profiles", json={"filename": "a.yaml", "body": bad})
    assert refused.status_code == 400
    [found] = refused.json()["diagnostics"]
    assert (found["code"], found["path"]) == ("time.invalid", "common.jobs.stirring.actions[2].t")
    assert client.get("/api/experiment_profiles").json() == []


def test_calibrations_of_all_workers_are_one_archive(leader: Any) -> None:
    from pioreactor.http.ports import Response

    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("media_pump/first.yaml", "x")
    leader.add_host("unit1", lambda request: Response(200, buffer.getvalue(), {"content-type": "application/zip"}))
    leader.add_workers("unit1", "unit2")
    answer = leader.client.get("/api/workers/$broadcast/zipped_calibrations")
    archive = zipfile.ZipFile(BytesIO(answer.content))
    assert archive.namelist() == ["unit1/media_pump/first.yaml", "missing.txt"]
    assert b"unit2" in archive.read("missing.txt")
