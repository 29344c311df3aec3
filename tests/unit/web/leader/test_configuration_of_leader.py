"""Routes of the leader about configuration files."""

import io
import json
import zipfile
from typing import Any

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response


def test_the_shared_configuration_is_saved_and_sent_to_reachable_workers(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    leader.add_host("unit1", lambda request: json_response({"status": "success"}))
    code = "[cluster.topology]\nleader_hostname=leader1\nleader_address=10.0.0.1\n[mqtt]\nusername=x\n"

    saved = leader.client.patch("/api/config/shared", json={"code": code})
    assert saved.status_code == 200
    units = saved.json()["units"]
    assert (units["unit1"]["ok"], units["unit2"]["ok"]) == (True, False)
    assert leader.client.get("/api/config/shared").text == code
    assert [row["data"] for row in leader.client.get("/api/config/shared/history").json()] == [code]

    refused = leader.client.patch("/api/config/shared", json={"code": "[mqtt]\n"})
    assert refused.status_code == 400
    assert leader.client.get("/api/config/shared").text == code


SHARED = "[cluster.topology]\nleader_hostname=leader1\nleader_address=10.0.0.1\n[mqtt]\nusername=x\n"


def test_put_saves_as_patch_does(leader: Any) -> None:
    leader.add_workers("unit1")
    leader.add_host("unit1", lambda request: json_response({"status": "success"}))
    for method in ("PUT", "PATCH"):
        for path in ("shared", "units/unit1/specific"):
            answer = leader.client.request(method, f"/api/config/{path}", json={"code": SHARED})
            assert answer.status_code == 200, (method, path, answer.text)


def test_a_shared_configuration_must_name_this_leader(leader: Any) -> None:
    refused = leader.client.put("/api/config/shared", json={"code": "[cluster.topology]\nleader_address=\n"})
    assert refused.status_code == 400
    for missing in ("leader_hostname", "leader_address", "[mqtt]"):
        assert missing in refused.text, "all that is missing is named"
    other = leader.client.put("/api/config/shared", json={"code": SHARED.replace("leader1", "leader2")})
    assert other.status_code == 400
    assert "must be leader1" in other.json()["error"]


def test_what_a_unit_of_the_cluster_does_not_hold_is_not_shared(leader: Any) -> None:
    leader.add_workers("unit1")
    leader.add_host("unit1", lambda request: json_response({"status": "success"}))
    leader.client.put("/api/workers/unit1/model", json={"model_name": "pioreactor_20ml", "model_version": "1.5"})
    code = SHARED + "[bioreactor]\ninitial_volume_ml=30\n"
    refused = leader.client.put("/api/config/shared", json={"code": code})
    assert refused.status_code == 400
    assert "unit1" in refused.json()["error"]
    assert "0 to 20 [mL]" in refused.json()["error"]

    own = "[bioreactor]\ninitial_volume_ml=12\n"
    assert leader.client.put("/api/config/units/unit1/specific", json={"code": own}).status_code == 200
    assert leader.client.put("/api/config/shared", json={"code": code}).status_code == 200, "its own value wins"


def test_every_key_is_described(leader: Any) -> None:
    sections = {one["section"]: one for one in leader.client.get("/api/config/keys").json()}
    keys = {one["key"]: one for one in sections["stirring.config"]["keys"]}
    assert keys["pwm_hz"]["default"] == "200"
    assert all(key["description"] and key["takes"] for one in sections.values() for key in one["keys"])
    assert sections["ui.overview.cards"]["description"]


def test_configurations_of_some_units(leader: Any) -> None:
    leader.add_workers("unit1", "unit2", "unit3")
    for unit in ("unit1", "unit2", "unit3"):
        leader.add_host(unit, lambda request: json_response({"stirring.config": {"pwm_hz": "200"}}))
    path = "/api/config/units/$broadcast"
    assert {"unit1", "unit2", "unit3"} <= set(leader.client.get(path).json()["configs"])
    some = leader.client.get(f"{path}?unit=unit3&unit=unit1&unit=unit1").json()
    assert sorted(some["configs"]) == ["unit1", "unit3"]
    assert leader.client.get(f"{path}?unit=unit1&unit=unit9").status_code == 400
    assert list(leader.client.get("/api/config/units/unit2").json()["configs"]) == ["unit2"]


def test_a_units_own_configuration_is_saved_by_the_unit(leader: Any) -> None:
    leader.add_workers("unit1")

    def unit(request: Request) -> Response:
        if request.method == "GET":
            return Response(200, b"[stirring.config]\n", {"content-type": "text/plain"})
        if request.json == {"code": "bad"}:
            return json_response({"error": "bad file", "status": 400}, 400)
        return json_response({"status": "success"})

    leader.add_host("unit1", unit)
    client = leader.client
    assert client.get("/api/config/units/unit1/specific").text == "[stirring.config]\n"
    assert client.patch("/api/config/units/unit1/specific", json={"code": "[a]\n"}).status_code == 200
    assert [row["data"] for row in client.get("/api/config/units/unit1/specific/history").json()] == ["[a]\n"]
    refused = client.patch("/api/config/units/unit1/specific", json={"code": "bad"})
    assert refused.status_code == 400
    assert refused.json()["error"] == "bad file"


class OwnFile:
    """A unit that keeps its own file."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, request: Request) -> Response:
        if request.method == "GET":
            return Response(200, self.text.encode(), {"content-type": "text/plain"})
        assert isinstance(request.json, dict)
        self.text = request.json["code"]
        return json_response({"status": "success"})


def test_a_units_own_configuration_waits_for_an_absent_unit(leader: Any) -> None:
    leader.add_workers("unit1")
    path, own = "/api/config/units/unit1/specific", "[stirring.config]\npwm_hz=150\n"
    saved = leader.client.patch(path, json={"code": own})
    assert (saved.status_code, saved.json()["units"]["unit1"]["ok"]) == (200, False)
    assert states(leader, "own")["unit1"] == ("waiting", None, 1)
    refused = leader.client.patch(path, json={"code": "[stirring.config]\npwm_hz=-1\n"})
    assert refused.status_code == 400, "what is not valid is refused at once"
    assert [row["data"] for row in leader.client.get(f"{path}/history").json()] == [own]

    unit = OwnFile("")
    leader.add_host("unit1", unit)
    leader.services.own_config_delivery.on_return("unit1")
    leader.services.own_config_delivery.poll()
    assert unit.text == own
    assert states(leader, "own")["unit1"] == ("in_step", 1, 1)


def test_synchronizing_delivers_own_configurations_that_wait(leader: Any) -> None:
    leader.add_workers("unit1")
    leader.client.patch("/api/config/units/unit1/specific", json={"code": "[leds]\nA=x\n"})
    unit = OwnFile("")
    leader.add_host("unit1", unit)
    answer = leader.client.post("/api/config/sync", json={"units": ["unit1"], "shared": False, "specific": True})
    assert answer.json()["specific"]["unit1"]["value"] == unit.text == "[leds]\nA=x\n"


def states(leader: Any, of: str = "units") -> dict[str, tuple[str, int | None, int]]:
    answer = leader.client.get("/api/config/sync").json()
    return {each["pioreactor_unit"]: (each["state"], each["version"], each["newest"]) for each in answer[of]}


def test_who_has_which_version_of_the_shared_configuration(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    leader.add_host("unit1", lambda request: json_response({"status": "success"}))
    assert leader.client.get("/api/config/sync").json()["version"] == {"number": 0, "saved_at": ""}
    leader.client.put("/api/config/shared", json={"code": SHARED})
    assert states(leader) == {"unit1": ("in_step", 1, 1), "unit2": ("waiting", None, 1)}
    leader.client.put("/api/config/shared", json={"code": SHARED + "broker_port=1884\n"})
    assert leader.client.get("/api/config/sync").json()["version"]["number"] == 2
    assert states(leader) == {"unit1": ("in_step", 2, 2), "unit2": ("waiting", None, 2)}

    leader.add_host("unit2", lambda request: json_response({"status": "success"}))
    leader.services.config_delivery.on_return("unit2")
    leader.services.config_delivery.poll()
    assert states(leader)["unit2"] == ("in_step", 2, 2)


def test_a_file_changed_on_the_leader_is_sent_and_added_to_the_history(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    leader.add_host("unit1", lambda request: json_response({"status": "success"}))
    leader.services.unit.paths.global_config.write_text(SHARED)
    answer = leader.client.post("/api/config/sync", json={}).json()
    assert {unit: one["ok"] for unit, one in answer["shared"].items()} == {"unit1": True, "unit2": False}
    assert answer["specific"] == {}
    assert [row["data"] for row in leader.client.get("/api/config/shared/history").json()] == [SHARED]
    one = leader.client.post("/api/config/sync", json={"units": ["unit1"]}).json()
    assert list(one["shared"]) == ["unit1"]
    assert leader.client.post("/api/config/sync", json={"units": ["unit9"]}).status_code == 400


def own_file_of(text: str) -> Any:
    return lambda request: Response(200, text.encode(), {"content-type": "text/plain"})


def test_own_files_are_read_into_the_history_once(leader: Any) -> None:
    leader.add_workers("unit1")
    leader.add_host("unit1", own_file_of("[leds]\nB=x\n"))
    path = "/api/config/units/unit1/specific/history"
    body = {"units": ["unit1"], "shared": False, "specific": True}
    assert leader.client.post("/api/config/sync", json={**body, "skip_save": True}).json()["specific"]["unit1"]["ok"]
    assert leader.client.get(path).json() == []
    for _ in range(2):
        answer = leader.client.post("/api/config/sync", json=body).json()
        assert answer["shared"] == {}
        assert answer["specific"]["unit1"]["value"] == "[leds]\nB=x\n"
    assert [row["data"] for row in leader.client.get(path).json()] == ["[leds]\nB=x\n"]


def test_all_files_are_downloaded_as_one_archive(leader: Any) -> None:
    leader.add_workers("unit1", "unit2")
    leader.add_host("unit1", own_file_of("[leds]\nB=x\n"))
    leader.services.unit.paths.global_config.write_text(SHARED)
    answer = leader.client.get("/api/config/zipped")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert set(archive.namelist()) == {"config.ini", "unit1/unit_config.ini", "metadata.json"}
        assert archive.read("config.ini").decode() == SHARED
        assert archive.read("unit1/unit_config.ini") == b"[leds]\nB=x\n"
        metadata = json.loads(archive.read("metadata.json"))
    assert "unit2" in metadata["omitted_units"]
    assert "unit2" in metadata["errors"]
    assert metadata["shared_version"] == 1
