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
