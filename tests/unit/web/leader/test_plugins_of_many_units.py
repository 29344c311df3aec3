"""Plugins are installed, listed and removed on several units; one that refuses or is off hides no other."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.web.conftest import AS_CLUSTER, TOKEN, client_of

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.exit_codes import run
from pioreactor.cli.pios import pios
from pioreactor.http.loopback import Request
from pioreactor.http.ports import Response
from pioreactor.plugin_management import discovery
from pioreactor.storage.paths import Paths
from pioreactor.web.unit.services import UnitServices

Typing = Callable[..., int]


def forwarded_to(client: Any) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        body = {"content": request.json} if isinstance(request.json, bytes) else {"json": request.json}
        found = client.request(request.method, request.path, headers=AS_CLUSTER, **body)
        return Response(found.status_code, found.content, dict(found.headers))

    return answer


@pytest.fixture
def units(leader: Any, make_unit: Callable[..., UnitServices]) -> Iterator[dict[str, UnitServices]]:
    """Yield the services of two units that answer; `u3` is in the inventory and off."""
    path, modules = list(sys.path), set(sys.modules)
    made = {name: make_unit(name) for name in ("u1", "u2")}
    with ExitStack() as servers:
        for name, services in made.items():
            services.launcher.environment.update(os.environ)  # type: ignore[attr-defined]
            leader.add_host(name, forwarded_to(servers.enter_context(client_of(services))))
        leader.http.hosts["localhost:80"] = forwarded_to(leader.client)
        leader.add_workers("u1", "u2", "u3")
        yield made
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if str(made["u1"].paths.plugins.parent.parent) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]
    for services in made.values():
        discovery._loaded.pop(services.paths.plugins, None)
        discovery._failures.pop(services.paths.plugins, None)


@pytest.fixture
def typed(leader: Any, units: dict[str, UnitServices], tmp_path: Path) -> Typing:
    del units  # they answer
    runtime = build_simulation(units=("leader1",), data_root=tmp_path / "typed").unit("leader1").runtime
    runtime = replace(runtime, paths=Paths.below(tmp_path / "typed"))
    runtime.paths.secrets.mkdir(parents=True)
    (runtime.paths.secrets / "cluster_token").write_text(TOKEN)

    def type_(*words: str) -> int:
        return run(pios, words, obj=CliContext({"HOSTNAME": "leader1"}, runtime=runtime, http=leader.http))

    return type_


def test_each_unit_answers_for_itself(
    leader: Any, units: dict[str, UnitServices], typed: Typing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "greets_many.py"
    plugin.write_text("__plugin_version__ = '3'\n")
    assert typed("plugins", "install", "--source", str(plugin), "-y") == 1
    said = capsys.readouterr()
    assert said.out == "u1: done.\nu2: done.\n", said.err
    assert "u3: failed: u3.local:80 cannot be reached" in said.err
    assert [(each.paths.plugins / plugin.name).is_file() for each in units.values()] == [True, True]

    (units["u2"].paths.dot_pioreactor / "DISALLOW_UI_INSTALLS").touch()
    body = {"args": ["greets_many"]}
    states = leader.result(leader.client.post("/api/units/$broadcast/plugins/disable", json=body))["result"]
    assert [(unit, states[unit]["ok"]) for unit in ("u1", "u2", "u3")] == [("u1", True), ("u2", False), ("u3", False)]
    assert "DISALLOW_UI_INSTALLS" in json.dumps(states["u2"])

    assert typed("plugins", "list", "--units", "u1", "--units", "u2") == 0
    rows = [line.split()[:4] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["u1", "greets_many.py", "3", "disabled"], ["u2", "greets_many", "3", "enabled"]]

    (units["u2"].paths.dot_pioreactor / "DISALLOW_UI_INSTALLS").unlink()
    assert typed("plugins", "uninstall", "greets_many", "--units", "u1", "--units", "u2", "-y", "--json") == 0
    assert [list(each.paths.plugins.glob("*.py")) for each in units.values()] == [[], []]


def test_a_descriptor_is_sent_to_units_and_removed_again(leader: Any, units: dict[str, UnitServices]) -> None:
    where = "/api/units/u1/system/sent_files/exportable_datasets/mine.yaml"
    assert leader.client.put(where, content=b"x: 1").json()["u1"]["ok"]
    assert (units["u1"].paths.dot_pioreactor / "exportable_datasets" / "mine.yaml").read_bytes() == b"x: 1"
    [listed] = leader.client.get("/api/units/u1/system/sent_files").json()
    assert listed == {"path": "exportable_datasets/mine.yaml", "size_bytes": 4}
    brought = "plugins/packages/a.yaml"
    wrong_paths = ("plugins/code.py", "storage/a.yaml", "config.ini", "ui/..%2f..%2fa.yaml", "ui", brought)
    for wrong in wrong_paths:
        answer = leader.client.put(f"/api/units/u1/system/sent_files/{wrong}", content=b"x")
        assert answer.status_code in (400, 404), (wrong, answer.text)
    remove = leader.client.post("/api/units/u1/system/remove_file", json={"filepath": listed["path"]})
    assert leader.result(remove)["result"]["u1"]["ok"]
    assert leader.client.get("/api/units/u1/system/sent_files").json() == []


def test_a_file_on_a_drive_of_the_leader_is_checked_then_installed(
    leader: Any, units: dict[str, UnitServices], typed: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = leader.services.unit.paths.usb / "stick"
    drive.mkdir(parents=True)
    file = drive / "from_drive.py"
    file.write_text("__plugin_version__ = '4'\n")
    found = {}
    for what in ("check", "install"):
        path = f"/api/units/u1/plugins/{what}-from-leader-usb"
        done = leader.result(leader.client.post(path, json={"filepath": str(file)}))["result"]
        found[what] = (done["u1"]["value"]["version"], (units["u1"].paths.plugins / file.name).exists())
    assert found == {"check": ("4", False), "install": ("4", True)}
    outside = {"filepath": str(units["u1"].paths.global_config)}
    assert leader.client.post("/api/units/u1/plugins/check-from-leader-usb", json=outside).status_code == 404

    assert typed("plugins", "update", "--units", "u1", "-y", "--json") == 0
    [answer] = json.loads(capsys.readouterr().out).values()
    assert answer["value"] == {"before": {}, "after": {}, "messages": [], "failed": []}, "none is of the package index"
    assert typed("plugins", "update", "absent_m", "--units", "u1", "-y") == 1
    assert "there is no plugin 'absent_m'" in capsys.readouterr().err


def test_a_file_on_a_drive_of_a_worker_is_checked_then_installed_there_only(
    leader: Any, units: dict[str, UnitServices], typed: Typing, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = units["u1"].paths.usb / "stick"
    drive.mkdir(parents=True)
    (drive / "of_worker.py").write_text("__plugin_version__ = '5'\n")
    (drive / "breaks_w.py").write_text("1/0")
    found = {}
    for what in ("check", "install"):
        path = f"/api/units/u1/plugins/{what}-from-usb"
        done = leader.result(leader.client.post(path, json={"filepath": "stick/of_worker.py"}))["result"]
        found[what] = (done["u1"]["value"]["version"], (units["u1"].paths.plugins / "of_worker.py").exists())
    assert found == {"check": ("5", False), "install": ("5", True)}
    assert not (units["u2"].paths.plugins / "of_worker.py").exists()

    install = ("plugins", "install", "--units", "u1", "-y")
    assert typed(*install, "--on-usb", "stick/breaks_w.py") == 1
    assert "ZeroDivisionError" in capsys.readouterr().err, "the checks are the same"
    assert typed(*install, "--on-usb", "../dot_pioreactor/config.ini") == 1
    assert "u1 has no file" in capsys.readouterr().err
    assert typed(*install, "a_name", "--on-usb", "stick/of_worker.py") == 2
    assert "NAME" in capsys.readouterr().err
    assert typed(*install, "--on-usb", "stick/of_worker.py") == 0
