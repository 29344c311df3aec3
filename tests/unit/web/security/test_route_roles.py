"""What viewers, operators and managers may do on every route, in full and within limits."""

from types import SimpleNamespace
from typing import Any

import pytest
from litestar.connection import ASGIConnection
from litestar.handlers import HTTPRouteHandler

from pioreactor.exc import NotPermittedError
from pioreactor.identity import access_tokens, people
from pioreactor.structs.rights import MANAGER, VIEWER, Rights
from pioreactor.web.api import account_routers, build
from pioreactor.web.leader.routes import leader_routes
from pioreactor.web.security.auth_middleware import OPEN
from pioreactor.web.security.identity import SCOPE_KEY, Identity
from pioreactor.web.security.rights_page import rights_page, routes_with_needs
from pioreactor.web.security.route_rights import Cluster, Need, within_rights
from pioreactor.web.unit.routes import unit_routes

VALUES = {"offset": "0", "id_": "1", "session_id": "00000000-0000-4000-8000-000000000000"}
ROUTES = routes_with_needs()
CHANGES = [one for one in ROUTES if one.method != "GET" and one.path not in OPEN]
OF_ONESELF = {
    *(
        ("POST", "/auth/sign-out"),
        ("PATCH", "/auth/password"),
        ("POST", "/auth/signatures"),
        ("POST", "/auth/tokens"),
        ("DELETE", "/auth/tokens/{id_}"),
        ("DELETE", "/auth/sessions/{id_}"),
        ("POST", "/auth/second-factor"),
        ("POST", "/auth/second-factor/confirm"),
        ("POST", "/auth/second-factor/remove"),
    ),
}
TAKES_DATA = {
    *(("POST", "/api/datasets/exportable/export"), ("DELETE", "/api/datasets/exportable/export")),
    *(("POST", "/api/experiments/{experiment}/archive"), ("POST", "/api/experiment_profiles/verify")),
    ("POST", "/api/audit/verify"),
}


def passes(rights: Rights, one: Any, **parameters: str) -> bool:
    """Return whether the guard admits a person with these rights to a route of the leader."""
    named = {name: parameters.get(name, VALUES.get(name, "x")) for name in one.parameters}
    services = {"cluster": Cluster("leader1", {"pio1": "mine", "pio2": "other"}.get)}
    scope: Any = {"type": "http", "method": one.method, "path": one.path, "path_params": named}
    scope |= {SCOPE_KEY: Identity("person", "ana", rights=rights), "pioreactor.services": services}
    handler: Any = SimpleNamespace(opt=one.opt)
    try:
        within_rights(ASGIConnection(scope), handler)
    except NotPermittedError:
        return False
    return True


def test_every_route_says_what_it_needs() -> None:
    app = build([unit_routes(), leader_routes(), *account_routers()])
    without = {
        (route.path, handler.fn.__name__)
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler) and "OPTIONS" not in handler.http_methods
        if not isinstance(handler.opt.get("rights"), Need)
    }
    assert without == set()


def test_a_viewer_changes_nothing_but_their_own_sign_in() -> None:
    allowed = {(one.method, one.path) for one in CHANGES if passes(VIEWER, one)}
    assert allowed == OF_ONESELF | TAKES_DATA


def test_a_viewer_reads_everything_but_copies_of_whole_machines() -> None:
    refused = {one.path for one in ROUTES if one.method == "GET" and not passes(VIEWER, one)}
    assert refused == {
        "/auth/invitations",
        "/auth/oidc/check",
        *("/api/config/zipped", "/api/import", "/api/units/{unit}/zipped_dot_pioreactor"),
        *("/unit_api/backups", "/unit_api/backups/{name}", "/unit_api/backups/{name}/parts/{offset}"),
        *("/unit_api/system/path", "/unit_api/system/path/{path}", "/unit_api/zipped_dot_pioreactor"),
        *("/unit_api/system/sent_files", "/api/units/{unit}/system/sent_files"),
    }


def test_an_operator_works_with_units_and_does_not_run_the_cluster() -> None:
    operator = Rights("operator")
    for one in CHANGES:
        is_open = (one.method, one.path) in OF_ONESELF | TAKES_DATA
        assert passes(operator, one) == (is_open or one.need.change == "operate"), one
    managed = {one.path for one in CHANGES if not passes(operator, one)}
    assert {
        *("/api/config/shared", "/api/units/{unit}/plugins/install", "/api/units/{unit}/system/reboot", "/auth/people"),
        *(
            "/api/workers",
            "/api/import",
            "/unit_api/system/update",
            "/api/backups/restore",
            "/unit_api/config/specific",
        ),
    } <= managed


def test_a_manager_may_do_everything() -> None:
    assert [one for one in ROUTES if not passes(MANAGER, one)] == []


@pytest.mark.parametrize("role", ["operator", "manager"])
def test_limits_to_units_hold_on_every_route_that_changes_something(role: Any) -> None:
    limited = Rights(role, units=("pio1",))
    for one in CHANGES:
        if (one.method, one.path) in OF_ONESELF | TAKES_DATA or one.need.checks_limits_itself:
            continue
        for other in ("pio2", "$broadcast", "leader1"):
            assert not passes(limited, one, unit=other), one
        assert passes(limited, one, unit="pio1") == ("unit" in one.parameters and passes(Rights(role), one)), one


def test_limits_to_experiments_hold_on_every_route_that_changes_something() -> None:
    limited = Rights("operator", experiments=("mine",))
    for one in CHANGES:
        if (one.method, one.path) in OF_ONESELF | TAKES_DATA or one.need.checks_limits_itself:
            continue
        assert not passes(limited, one, unit="pio2", experiment="other"), one
        is_named = "experiment" in one.parameters or "unit" in one.parameters
        is_allowed = is_named and passes(Rights("operator"), one)
        assert passes(limited, one, unit="pio1", experiment="mine") == is_allowed, one


def test_few_routes_compare_the_limits_themselves() -> None:
    later = {one.path for one in CHANGES if one.need.checks_limits_itself}
    assert later == {
        *("/api/alarms/acknowledge", "/api/alarms/by_id/{id_}/shelve", "/api/alarms/by_id/{id_}/unshelve"),
        *(f"/api/proposals/{{id_}}/{verb}" for verb in ("approve", "reject", "commit", "rehearse")),
    }


def test_a_profile_commands_units_that_the_request_does_not_name() -> None:
    [run] = [one for one in ROUTES if one.path == "/unit_api/jobs/run/job_name/{job}" and one.method == "POST"]
    on_leader = Rights("operator", units=("leader1", "pio1"))
    assert passes(on_leader, run, job="stirring")
    assert not passes(on_leader, run, job="experiment_profile")
    assert passes(Rights("operator"), run, job="experiment_profile")


def test_areas_of_a_token_bound_reading_too() -> None:
    limited = Rights("manager", areas=("calibrations",))
    assert {one.need.area for one in ROUTES if passes(limited, one)} == {"calibrations", None}


def test_a_token_never_does_more_than_its_person() -> None:
    student = Rights("operator", units=("pio1", "pio2"))
    assert student.within(Rights("manager", units=("pio2", "pio3"))) == Rights("operator", units=("pio2",))
    assert student.within(Rights("viewer")) == Rights("viewer", units=("pio1", "pio2"))
    assert Rights("manager").within(Rights("manager", areas=("units",))).areas == ("units",)


@pytest.fixture
def student(leader: Any) -> Any:
    """A person who operates unit1, signed in at the leader."""
    leader.add_workers("unit1", "unit2", experiment="e")
    people.add(leader.services.database.people, "ana", "0123456789", Rights("operator", units=("unit1",)))
    leader.client.headers.pop("Authorization")
    assert leader.client.post("/auth/sign-in", json={"username": "ana", "password": "0123456789"}).status_code == 200
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return leader


def test_a_student_sees_all_reactors_and_operates_one(student: Any) -> None:
    client = student.client
    assert [row["pioreactor_unit"] for row in client.get("/api/workers").json()] == ["unit1", "unit2"]
    assert client.post("/api/workers/unit1/blink").status_code == 202
    refused = client.post("/api/workers/unit2/blink")
    assert refused.status_code == 403
    assert "unit1" in refused.json()["error"]
    assert "manager" in client.patch("/api/config/shared", json={"code": ""}).json()["error"]


def test_a_token_of_a_student_has_the_limits_of_the_student(student: Any) -> None:
    made = student.client.post("/auth/tokens", json={"name": "script", "role": "manager", "units": ["unit2"]}).json()
    assert [row["username"] for row in student.client.get("/auth/tokens").json()] == ["ana"]
    student.client.cookies.clear()
    student.client.headers["Authorization"] = f"Bearer {made['token']}"
    for unit in ("unit1", "unit2"):
        assert student.client.post(f"/api/workers/{unit}/blink").status_code == 403


def test_people_see_and_revoke_their_own_tokens_only(student: Any) -> None:
    storage, now = student.services.database.people, student.services.unit.clock.now()
    other = access_tokens.create(storage, name="script", username="pioreactor", now=now)
    assert student.client.get("/auth/tokens").json() == []
    assert student.client.delete(f"/auth/tokens/{other.id}").status_code == 404
    assert [row.id for row in access_tokens.list_all(storage)] == [other.id]


def test_another_role_holds_at_once(student: Any, leader: Any) -> None:
    """Without a new sign-in, and without waiting for what the server remembers."""
    session = dict(student.client.cookies)
    assert student.client.get("/auth/me").json()["rights"]["role"] == "operator"
    leader.client.cookies.clear()
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    change = {"role": "operator", "units": ["unit2"]}
    assert leader.client.patch("/auth/people/ana", json=change).json()["units"] == ["unit2"]
    assert leader.client.patch("/auth/people/mia", json=change).status_code == 404
    assert leader.client.patch("/auth/people/pioreactor", json=change).status_code == 409
    assert leader.client.patch("/auth/people/ana", json={"role": "king"}).status_code == 400
    student.client.cookies.clear()
    student.client.cookies.update(session)
    assert student.client.get("/auth/me").json()["rights"]["units"] == ["unit2"]


def test_the_page_of_rights_names_every_route() -> None:
    page = rights_page()
    assert all(f"`{one.method} {one.path}`" in page for one in ROUTES)
