"""Routes about the version of the software, on units whose software is not installed in versions."""

from __future__ import annotations

from typing import Any


def result(worker: Any, answer: Any) -> Any:
    assert answer.status_code == 202, answer.text
    url = answer.json()["result_url_path"]
    while (found := worker.get(url)).status_code == 202:
        pass
    return found.json()


def test_the_state_says_that_versions_are_not_side_by_side(worker: Any) -> None:
    state = worker.get("/unit_api/system/update").json()
    assert (state["is_versioned"], state["installed"], state["archives"]) == (False, [], [])


def test_an_update_is_refused_where_it_could_not_be_undone(worker: Any) -> None:
    for path in ("/unit_api/system/update", "/unit_api/system/update/app"):
        for method in ("POST", "PATCH"):
            answer = worker.request(method, path, json={"options": {}, "args": [], "env": {}})
            assert answer.status_code == 409, answer.text
            assert "as root" in answer.json()["remediation"]
    assert worker.post("/unit_api/system/update/firmware9", json={}).status_code in (400, 404)


def test_only_archives_of_this_unit_are_installed(worker: Any) -> None:
    for source in ("/etc/passwd", "../../etc/passwd", "release_9.zip"):
        answer = worker.post("/unit_api/system/update", json={"options": {"source": source}})
        assert answer.status_code in (400, 404), answer.text


def test_an_archive_that_is_not_genuine_is_not_kept(worker: Any, unit: Any) -> None:
    path = "/unit_api/system/update/received/release_9.0.zip"
    assert worker.put(f"{path}/parts/0", content=b"PK no archive").status_code == 204
    assert worker.put(f"{path}/parts/99", content=b"a gap").status_code == 400
    assert result(worker, worker.post(f"{path}/finish", json={}))["status"] == "failed"
    assert list((unit.paths.storage / "releases").iterdir()) == []
    assert worker.put("/unit_api/system/update/received/evil.sh/parts/0", content=b"x").status_code == 400
