"""Routes of a unit about files of its data folder."""

from typing import Any

import pytest
from tests.unit.web.conftest import result_of


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


def test_files_are_written_by_units_only_and_never_over_what_is_protected(worker: Any, unit: Any) -> None:
    path = "/unit_api/system/path/experiment_profiles/a b.yaml"
    assert worker.put(path, content=b"x: 1").status_code == 204
    assert worker.get(path).text == "x: 1"
    assert worker.put(path, content=b"x" * 3_000_000).status_code == 204, "larger than the body of other requests"
    for wanted in ("config.ini", "unit_config.ini", "storage/a.sqlite", "storage/secrets/cluster_token", "../x"):
        assert worker.put(f"/unit_api/system/path/{wanted}", content=b"x").status_code in (403, 404), wanted
    assert worker.put("/unit_api/system/path/experiment_profiles", content=b"x").status_code == 400


def test_descriptors_are_listed_and_what_plugins_brought_is_not(worker: Any, unit: Any) -> None:
    brought = "plugins/packages/x/c.yaml"
    for path in ("plugins/ui/jobs/a.yaml", "exportable_datasets/b.yml", brought, "plugins/d.py", "e.yaml"):
        (unit.paths.dot_pioreactor / path).parent.mkdir(parents=True, exist_ok=True)
        (unit.paths.dot_pioreactor / path).write_text("x")
    found = worker.get("/unit_api/system/sent_files").json()
    assert [each["path"] for each in found] == ["exportable_datasets/b.yml", "plugins/ui/jobs/a.yaml"]


def test_people_do_not_write_files(leader: Any) -> None:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    assert leader.client.put("/unit_api/system/path/plugins/a.py", content=b"x").status_code == 403
