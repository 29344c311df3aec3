"""Routes of a unit about its plugins."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.unit.plugin_management.wheels import write_wheel

from pioreactor.plugin_management import discovery


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: Any) -> Iterator[Path]:
    """Yield the folder that is the package index; modules of a test do not outlive it."""
    folder, path, modules = tmp_path / "index", list(sys.path), set(sys.modules)
    folder.mkdir()
    unit.launcher.environment |= {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}
    yield folder
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    discovery._loaded.pop(unit.paths.plugins, None)
    discovery._failures.pop(unit.paths.plugins, None)


def result(worker: Any, answer: Any) -> Any:
    assert answer.status_code == 202, answer.text
    url = answer.json()["result_url_path"]
    while (found := worker.get(url)).status_code == 202:
        pass
    return found.json()


def installed(worker: Any) -> dict[str, Any]:
    return {row["key"]: row for row in worker.get("/unit_api/plugins/installed").json()}


def test_plugins(worker: Any, unit: Any) -> None:
    unit.paths.plugins.mkdir()
    (unit.paths.plugins / "hello.py").write_text("__plugin_version__ = '1.2'\n")
    [row] = [row for row in worker.get("/unit_api/plugins/installed").json() if row["name"] == "hello"]
    assert row["version"] == "1.2"
    assert "1.2" in worker.get("/unit_api/plugins/installed/hello.py").text
    assert worker.get("/unit_api/plugins/installed/..%2fconfig.ini").status_code in (400, 404)


def test_a_package_is_checked_installed_disabled_and_removed(worker: Any, index: Path) -> None:
    write_wheel(index, "valve_r", {"__init__.py": "", "additional_config.ini": "[valve_r.config]\nx=1\n"})
    body = {"args": ["valve_r"], "options": {"version": "1.0"}}
    shown = result(worker, worker.post("/unit_api/plugins/check", json=body))["result"]
    assert shown["configuration"] == ["[valve_r.config] x"]
    assert installed(worker) == {}
    done = result(worker, worker.post("/unit_api/plugins/install", json=body))["result"]
    assert (done["key"], done["version"], done["status"]) == ("valve-r", "1.0", "installed")
    assert installed(worker)["valve-r"]["state"] == "enabled"
    result(worker, worker.post("/unit_api/plugins/disable", json={"args": ["valve_r"]}))
    assert installed(worker)["valve-r"]["state"] == "disabled"
    result(worker, worker.post("/unit_api/plugins/enable", json={"args": ["valve_r"]}))
    result(worker, worker.patch("/unit_api/plugins/uninstall", json={"args": ["valve_r"]}))
    assert installed(worker) == {}


@pytest.mark.parametrize("body", [
    {"args": ["--index-url=http://evil"]}, {"args": ["a", "b"]}, {"args": []}, {},
    {"args": ["x"], "options": {"source": "https://evil/x.whl"}}, {"args": [], "options": {"source": "/etc/x.py"}},
    {"args": [], "options": {"source": "x.py", "version": "1"}}, {"args": ["x"], "options": {"upgrade": True}},
    {"args": ["x"], "options": {"version": "--pre"}}, {"args": ["pioreactor"]},
])  # fmt: skip
@pytest.mark.parametrize("route", ["install", "check"])
def test_what_is_no_name_is_refused_before_anything_starts(worker: Any, body: dict[str, Any], route: str) -> None:
    assert worker.post(f"/unit_api/plugins/{route}", json=body).status_code == 400
    if route == "install":
        assert worker.patch("/unit_api/plugins/install", json=body).status_code == 400


def test_a_file_is_sent_and_installed(worker: Any, unit: Any) -> None:
    text = b"__plugin_version__ = '7'\n"
    assert worker.put("/unit_api/plugins/received/sent_r.py", content=text).status_code == 204
    answer = worker.post("/unit_api/plugins/install-python-file-from-leader-copy", json={"filename": "sent_r.py"})
    assert result(worker, answer)["status"] == "succeeded"
    assert (unit.paths.plugins / "sent_r.py").read_bytes() == text
    assert installed(worker)["sent_r.py"]["origin"] == "sent_r.py"
    missing = worker.post("/unit_api/plugins/install", json={"options": {"source": "other.py"}})
    assert missing.status_code == 404


@pytest.mark.parametrize("name", ["x.txt", "..%2Fx.py", "-x.py", "x.whl", "a%00.py"])
def test_files_that_are_no_plugins_are_not_taken(worker: Any, name: str) -> None:
    assert worker.put(f"/unit_api/plugins/received/{name}", content=b"x").status_code in (400, 404)


def test_a_file_on_a_usb_drive_is_installed_and_no_other(worker: Any, unit: Any, tmp_path: Path) -> None:
    drive = unit.paths.usb / "stick"
    drive.mkdir(parents=True)
    (drive / "usb_r.py").write_text("x = 1")
    (tmp_path / "outside.py").write_text("x = 1")
    (drive / "link.py").symlink_to(tmp_path / "outside.py")
    install = "/unit_api/plugins/install-from-usb"
    checked = result(worker, worker.post("/unit_api/plugins/check-from-usb", json={"filepath": "stick/usb_r.py"}))
    assert (checked["result"]["problems"], "usb_r.py" in installed(worker)) == ([], False)
    assert result(worker, worker.post(install, json={"filepath": str(drive / "usb_r.py")}))["status"] == "succeeded"
    assert "usb_r.py" in installed(worker)
    for path in ("stick/link.py", "../../outside.py", str(tmp_path / "outside.py"), "stick", "\0"):
        assert worker.post(install, json={"filepath": path}).status_code in (400, 404)


def test_one_that_breaks_is_refused_with_the_reason(worker: Any) -> None:
    worker.put("/unit_api/plugins/received/breaks_r.py", content=b"1/0")
    found = result(worker, worker.post("/unit_api/plugins/install", json={"options": {"source": "breaks_r.py"}}))
    assert (found["status"], found["error_status"], found["error_code"]) == ("failed", 409, "plugin_refused")
    assert "ZeroDivisionError" in found["error"]


def test_nothing_is_installed_where_it_is_not_allowed(worker: Any, unit: Any) -> None:
    (unit.paths.dot_pioreactor / "DISALLOW_UI_INSTALLS").touch()
    for path, body in {"install": {"args": ["x"]}, "uninstall": {"args": ["x"]}, "enable": {"args": ["x"]}}.items():
        assert worker.post(f"/unit_api/plugins/{path}", json=body).status_code == 403
    assert worker.put("/unit_api/plugins/received/x.py", content=b"x").status_code == 403
