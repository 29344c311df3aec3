"""Routes of stills: on a unit, and through the leader."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from typing import Any

import msgspec
import pytest
from tests.unit.web.conftest import client_of, result_of

from pioreactor import topics
from pioreactor.actions.still_capture import stills_of
from pioreactor.http.ports import Response
from pioreactor.identity.unit import FixedInventory
from pioreactor.procedures.camera_focus import preview_file
from pioreactor.procedures.live_view import live_picture
from pioreactor.structs.camera_still import CameraStill, microsecond_timestamp
from pioreactor.twin.scenarios import find_scenario
from pioreactor.twin.vial_camera import SimulatedCamera
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World
from pioreactor.types import Experiment
from pioreactor.web.unit.services import UnitServices

JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
STILLS = "/unit_api/camera/experiments/exp1/stills"
LATEST = topics.setting("unit1", "exp1", "camera", "latest_still")


def add(unit: UnitServices, image_id: str, minute: int = 0) -> CameraStill:
    still = CameraStill(
        experiment="exp1",
        captured_at=microsecond_timestamp(datetime(2026, 11, 1, 12, minute, tzinfo=UTC)),
        image_id=image_id,
        capture_reason="scheduled",
    )
    stills_of(unit.runtime).add(still, JPEG)
    return still


@pytest.fixture
def filmed(unit: UnitServices) -> Iterator[Any]:
    """The server of a worker of exp1 with two stills."""
    identity = replace(unit.runtime.identity, inventory=FixedInventory(Experiment("exp1")))
    unit.runtime = replace(unit.runtime, identity=identity)
    add(unit, "b", 1)
    add(unit, "a", 0)
    with client_of(unit) as client:
        yield client


def test_stills_are_listed_oldest_first_and_fetched(filmed: Any) -> None:
    listed = filmed.get(STILLS).json()
    assert [still["image_id"] for still in listed["stills"]] == ["a", "b"]
    assert listed["stills"][0] == {
        "experiment": "exp1",
        "captured_at": "2026-11-01T12:00:00.000000Z",
        "image_id": "a",
        "capture_reason": "scheduled",
    }
    image = filmed.get(f"{STILLS}/a.jpg")
    assert (image.headers["content-type"], image.content) == ("image/jpeg", JPEG)
    assert "immutable" in image.headers["cache-control"]


def test_the_state_names_the_newest_still_and_the_missing_program(filmed: Any) -> None:
    state = filmed.get("/unit_api/camera/experiments/exp1/status").json()
    assert state["latest_still"]["image_id"] == "b"
    assert (state["runtime_available"], state["detection_status"], state["mock"]) == (False, "unknown", False)
    assert (state["auto_capture_enabled"], state["snapshot_interval_minutes"]) == (True, 1.0)
    assert filmed.patch("/unit_api/camera/settings", json={"auto_capture_enabled": False}).json() == {
        "unit": "unit1",
        "auto_capture_enabled": False,
        "lens_position": None,
        "before": {"auto_capture_enabled": True, "lens_position": None},
        "after": {"auto_capture_enabled": False, "lens_position": None},
    }
    assert filmed.get("/unit_api/camera/experiments/exp1/status").json()["auto_capture_enabled"] is False


def test_renaming_pinning_and_deleting_are_announced(filmed: Any, unit: UnitServices) -> None:
    bus: Any = unit.bus
    renamed = filmed.patch(f"{STILLS}/b.jpg", json={"new_image_id": "day-1", "pinned": True})
    assert renamed.json()["image_id"] == "day-1"
    assert renamed.json()["pinned"] is True
    assert filmed.get(f"{STILLS}/day-1.jpg").content == JPEG
    assert filmed.delete(f"{STILLS}/day-1.jpg").json()["image_id"] == "day-1"
    assert filmed.delete(STILLS).json() == {"unit": "unit1", "experiment": "exp1", "deleted_image_ids": ["a"]}
    sent = [payload for topic, payload, _, retained in bus.published if topic == LATEST and retained]
    assert [msgspec.json.decode(payload)["image_id"] for payload in sent[:-1]] == ["day-1", "a"]
    assert sent[-1] == ""


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"new_image_id": "a"}, 409),
        ({"new_image_id": "x.jpg"}, 400),
        ({"new_image_id": "../x"}, 400),
        ({"new_image_id": ""}, 400),
        ({}, 400),
        ({"new_image_id": 5}, 400),
    ],
)
def test_a_change_that_cannot_be_is_refused(filmed: Any, change: dict[str, object], status: int) -> None:
    assert filmed.patch(f"{STILLS}/b.jpg", json=change).status_code == status
    assert filmed.get(f"{STILLS}/b.jpg").status_code == 200


@pytest.mark.parametrize("name", ["c.jpg", "a", "a.png", "..%2fa.jpg", "%2e%2e.jpg", ".a.jpg", "a.jpg.jpg", "a%00.jpg"])
def test_what_is_no_still_is_not_found(filmed: Any, name: str) -> None:
    assert filmed.get(f"{STILLS}/{name}").status_code == 404
    assert filmed.get(f"/unit_api/camera/experiments/other/stills/{name}").status_code == 404


def test_stills_follow_an_experiment_that_is_renamed(filmed: Any) -> None:
    assert filmed.post("/unit_api/experiments/exp1/rename", json={"experiment": "exp2"}).status_code == 200
    assert filmed.get(STILLS).json()["stills"] == []
    assert filmed.get("/unit_api/camera/experiments/exp2/stills/a.jpg").content == JPEG


def test_an_archive_has_a_manifest_and_every_still(filmed: Any) -> None:
    answer = filmed.get(f"{STILLS}.zip")
    assert "unit1_exp1_camera_stills.zip" in answer.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["camera_stills_manifest.json", "a.jpg", "b.jpg"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        manifest = msgspec.json.decode(archive.read("camera_stills_manifest.json"))
        assert archive.read("a.jpg") == JPEG
    assert (manifest["unit"], len(manifest["stills"])) == ("unit1", 2)


def test_a_still_is_taken_by_a_task_for_the_units_experiment_only(filmed: Any, unit: UnitServices) -> None:
    def perform(action: str, payload: object) -> dict[str, object]:
        assert (action, payload) == ("camera_snapshot", {})
        return {"still": msgspec.to_builtins(add(unit, "new", 2))}

    unit.perform = perform
    assert result_of(filmed, filmed.post(STILLS))["result"]["image_id"] == "new"
    refused = filmed.post("/unit_api/camera/experiments/other/stills")
    assert refused.status_code == 409
    assert "assigned to exp1" in refused.json()["error"]


def test_the_picture_of_a_focus_session_is_served_while_there_is_one(filmed: Any, unit: UnitServices) -> None:
    session = "0b8f3a52-6a1f-4d0a-9a57-0c7a4b3f5e11"
    where = f"/unit_api/camera/focus_sessions/{session}/preview.jpg"
    assert filmed.get(where).status_code == 404
    file = preview_file(unit.runtime.paths, session)
    file.parent.mkdir(parents=True)
    file.write_bytes(JPEG)
    answer = filmed.get(where)
    assert (answer.content, answer.headers["content-type"]) == (JPEG, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    assert filmed.get("/unit_api/camera/focus_sessions/..%2fa/preview.jpg").status_code in (400, 404)


def test_the_lens_is_moved_within_its_range_and_left_to_the_camera_again(filmed: Any, unit: UnitServices) -> None:
    world = World(find_scenario("standard"), wiring("1.2", "pioreactor_20ml", "1.5"), seed=1, now_s=lambda: 0.0)
    assert filmed.patch("/unit_api/camera/settings", json={"lens_position": 3}).status_code == 400  # has no camera
    unit.runtime = replace(unit.runtime, open_camera=lambda: SimulatedCamera(world))
    for given, status, kept in ((3.5, 200, 3.5), (16, 400, 3.5), ("far", 400, 3.5), (None, 200, None)):
        assert filmed.patch("/unit_api/camera/settings", json={"lens_position": given}).status_code == status
        state = filmed.get("/unit_api/camera/experiments/exp1/status").json()
        assert (state["lens"]["max"], state["lens_position"]) == (15.0, kept)
    assert filmed.patch("/unit_api/camera/settings", json={}).status_code == 400


def test_a_live_view_is_switched_on_once_and_off(filmed: Any, unit: UnitServices) -> None:
    where = "/unit_api/camera/live_view"
    asked: list[str] = []
    release = Event()

    def perform(action: str, _: object) -> dict[str, object]:
        asked.append(action)
        release.wait(10.0)
        return {}

    unit.perform = perform
    assert filmed.get(where).json()["is_on"] is False
    assert filmed.get(f"{where}.jpg").status_code == 404
    assert [filmed.post(where).json()["is_on"] for _ in range(2)] == [True, True]  # the second who looks joins in
    live_picture(unit.paths).parent.mkdir(exist_ok=True)
    live_picture(unit.paths).write_bytes(JPEG)
    picture = filmed.get(f"{where}.jpg")
    assert (picture.content, picture.headers["cache-control"]) == (JPEG, "no-store")
    assert filmed.delete(where).json()["is_on"] is False
    release.set()
    assert asked == ["camera_live_view"]


def test_the_leader_relays_and_archives_still_by_still(leader: Any, filmed: Any) -> None:
    asked: list[str] = []

    def answer(request: Any) -> Response:
        asked.append(request.path)
        given = filmed.request(request.method, request.path, json=request.json)
        return Response(given.status_code, given.content, {k.lower(): v for k, v in given.headers.items()})

    leader.add_workers("unit1", experiment="exp1")
    leader.add_host("unit1", answer)
    below = "/api/workers/unit1/camera/experiments/exp1/stills"
    image = leader.client.get(f"{below}/a.jpg")
    assert (image.headers["content-type"], image.content) == ("image/jpeg", JPEG)
    assert "immutable" in image.headers["cache-control"]
    assert [still["image_id"] for still in leader.client.get(below).json()["stills"]] == ["a", "b"]
    states = leader.client.get("/api/experiments/exp1/cameras").json()["cameras"]
    assert states["unit1"]["value"]["latest_still"]["image_id"] == "b"
    before = len(asked)
    with zipfile.ZipFile(io.BytesIO(leader.client.get(f"{below}.zip").content)) as archive:
        assert len(archive.namelist()) == 3
    assert len(asked) - before == 3
    for path in (f"{below}/..%2fa.jpg", f"{below}/a.png"):
        assert leader.client.get(path).status_code == 404
    assert leader.client.get("/api/workers/$broadcast/camera/experiments/exp1/stills").status_code == 400
