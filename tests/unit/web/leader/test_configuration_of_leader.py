"""Routes of the leader about configuration files."""

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
