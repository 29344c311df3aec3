"""A unit is saved and replaced over HTTP, by itself and through its leader; uploads are written as they arrive."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.unit.test_plugin_routes import result

from pioreactor.http.loopback import Request
from pioreactor.http.ports import Response

IMPORT = "/unit_api/import_zipped_dot_pioreactor"


@pytest.fixture
def unit(make_unit: Any) -> Any:
    return harmless(make_unit())


def harmless(unit: Any) -> Any:
    """Give a unit a command that stands in for the reboot of the machine."""
    unit.power = {"reboot": ("true",)}
    return unit


def names(content: bytes) -> set[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return set(archive.namelist())


def with_file(unit: Any, name: str, text: str) -> Path:
    path: Path = unit.paths.dot_pioreactor / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.mark.parametrize("is_form", [True, False])
def test_a_unit_is_saved_imported_and_put_back(worker: Any, unit: Any, is_form: bool) -> None:
    profile = with_file(unit, "experiment_profiles/a.yaml", "saved: 1")
    saved = worker.get("/unit_api/zipped_dot_pioreactor")
    assert saved.status_code == 200
    assert saved.headers["content-disposition"] == f'attachment; filename="{unit.name}_dot_pioreactor.zip"'
    assert {"metadata.json", "experiment_profiles/a.yaml"} <= names(saved.content)
    profile.write_text("later: 1")
    answer = (
        worker.post(IMPORT, files={"archive": ("a.zip", saved.content, "application/zip")}, data={"x": "y"})
        if is_form
        else worker.post(IMPORT, content=saved.content, headers={"Content-Type": "application/zip"})
    )
    done = result(worker, answer)["result"]
    assert (done["result"], done["restarts"]) == ("imported", unit.runtime.computer.belongs_to_reactor)
    assert profile.read_text() == "saved: 1"
    assert list((unit.paths.storage / "imports" / "received").iterdir()) == []
    assert result(worker, worker.delete(IMPORT))["result"]["result"] == "undone"
    assert profile.read_text() == "later: 1"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/zip"),
        (b"--x\r\nContent-Disposition: form-data; name=\"archive\"\r\n\r\ncut", "multipart/form-data; boundary=x"),
        (b"no form", "multipart/form-data; boundary=x"),
        (b"no form", "multipart/form-data"),
        (b"--x\r\nContent-Disposition: form-data; name=y\r\n\r\ny\r\n--x--\r\n", "multipart/form-data; boundary=x"),
    ],
)  # fmt: skip
def test_bodies_without_a_file_are_refused(worker: Any, unit: Any, content: bytes, kind: str) -> None:
    answer = worker.post(IMPORT, content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400, answer.text
    assert list((unit.paths.storage / "imports" / "received").iterdir()) == []


def test_what_is_no_archive_fails_in_the_task(worker: Any) -> None:
    answer = worker.post(IMPORT, content=b"x" * 100, headers={"Content-Type": "application/zip"})
    assert result(worker, answer)["error_code"] == "hostile_archive"


def test_a_unit_whose_files_are_closed_is_neither_saved_nor_replaced(worker: Any, unit: Any) -> None:
    (unit.paths.dot_pioreactor / "DISALLOW_UI_FILE_SYSTEM").touch()
    assert worker.get("/unit_api/zipped_dot_pioreactor").status_code == 403
    assert worker.post(IMPORT, content=b"x", headers={"Content-Type": "application/zip"}).status_code == 403


def test_the_leader_passes_archives_on(leader: Any, make_unit: Any) -> None:
    from tests.unit.web.conftest import client_of

    leader.add_workers("unit1")
    unit = harmless(make_unit("unit1"))
    with_file(unit, "experiment_profiles/a.yaml", "saved: 1")
    with client_of(unit) as client:

        def ask(request: Request) -> Response:
            content = request.json if isinstance(request.json, bytes) else None
            headers = {name: text for name, text in request.headers.items() if name.startswith("Content-")}
            found = client.request(request.method, request.path, content=content, headers=headers)
            return Response(found.status_code, found.content, dict(found.headers))

        leader.add_host("unit1", ask)
        saved = leader.client.get("/api/units/unit1/zipped_dot_pioreactor")
        assert "experiment_profiles/a.yaml" in names(saved.content)
        with_file(unit, "experiment_profiles/a.yaml", "later: 1")
        files = {"archive": ("a.zip", saved.content, "application/zip")}
        answer = leader.client.post("/api/units/unit1/import_zipped_dot_pioreactor", files=files)
        assert result(leader.client, answer)["result"]["report"]["files"] >= 1
        assert (unit.paths.experiment_profiles / "a.yaml").read_text() == "saved: 1"
    assert leader.client.get("/api/units/$broadcast/zipped_dot_pioreactor").status_code == 400
