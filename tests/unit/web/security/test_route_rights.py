"""Rights of each role on every route of a leader and of a worker."""

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from litestar.connection import ASGIConnection
from litestar.exceptions import WebSocketDisconnect

from pioreactor.exc import NotPermittedError
from pioreactor.identity import access_tokens
from pioreactor.web.api import openapi_document
from pioreactor.web.security.auth_middleware import OPEN
from pioreactor.web.security.guards import within_scope
from pioreactor.web.security.identity import SCOPE_KEY, Identity

VALUES = {"session_id": "00000000-0000-4000-8000-000000000000", "offset": "0", "id_": "1"}
ABOUT_THE_SENDER = ("/api/cluster/leave", "/api/cluster/certificate")
"""About the worker that sends it."""
ONLY_FOR_UNITS = re.compile(r"/unit_api/backups/.+")
ONLY_SIGNED_IN = re.compile(
    r"/auth/(people|password|tokens|sessions|invitations|second-factor|signatures)(/.+)?|/api/(import(/.+)?|backups/restore)"
)


def url_of(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: VALUES.get(match[1], "x"), path)


ROUTES = [
    (method.upper(), path)
    for path, operations in json.loads(openapi_document())["paths"].items()
    for method in operations
]
OF_UNITS = [(method, path) for method, path in ROUTES if path.startswith("/unit_api/")]


def refused(client: Any, routes: list[tuple[str, str]], status: int, **options: Any) -> list[str]:
    """Return the routes that do not answer with this status."""
    answers = {f"{m} {path}": client.request(m, url_of(path), **options).status_code for m, path in routes}
    return [f"{name}: {found}" for name, found in answers.items() if found != status]


def closed(routes: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(method, path) for method, path in routes if path not in OPEN]


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic the-token-of-the-cluster"])
def test_routes_of_a_leader_require_authentication(leader: Any, authorization: str | None) -> None:
    leader.client.headers.pop("Authorization")
    headers = {} if authorization is None else {"Authorization": authorization}
    assert refused(leader.client, closed(ROUTES), 401, headers=headers) == []


def test_routes_of_a_worker_require_authentication(worker: Any) -> None:
    worker.headers.pop("Authorization")
    assert refused(worker, closed(OF_UNITS), 401) == []


def test_cross_site_requests_are_refused_by_every_route(leader: Any) -> None:
    leader.sign_in()
    changing = [(method, path) for method, path in closed(ROUTES) if method != "GET"]
    assert refused(leader.client, changing, 403, headers={"Origin": "http://evil.example"}) == []


def test_people_may_read_everything_except_copies_of_the_database(leader: Any) -> None:
    leader.sign_in()
    for method, path in ROUTES:
        if method == "GET":
            status = leader.client.get(url_of(path)).status_code
            assert (status == 403) == bool(ONLY_FOR_UNITS.match(path)), (path, status)
            assert status not in (401, 405, 500), (path, status)


def test_units_may_read_everything_except_people_and_tokens(leader: Any) -> None:
    for method, path in ROUTES:
        if method == "GET":
            status = leader.client.get(url_of(path)).status_code
            assert (status == 403) == bool(ONLY_SIGNED_IN.match(path)), (path, status)
            assert status not in (401, 405, 500), (path, status)


def test_programs_may_read_what_people_may_except_people_and_tokens(leader: Any) -> None:
    people, now = leader.services.database.people, leader.services.unit.clock.now()
    made = access_tokens.create(people, name="script", username="pioreactor", now=now)
    leader.client.headers["Authorization"] = f"Bearer {made.token}"
    for method, path in ROUTES:
        if method == "GET":
            status = leader.client.get(url_of(path)).status_code
            is_refused = ONLY_SIGNED_IN.match(path) or ONLY_FOR_UNITS.match(path)
            assert (status == 403) == bool(is_refused), (path, status)
            assert status not in (401, 405, 500), (path, status)


def test_people_and_tokens_are_managed_by_sessions_only(leader: Any) -> None:
    people, now = leader.services.database.people, leader.services.unit.clock.now()
    made = access_tokens.create(people, name="script", username="pioreactor", now=now)
    managing = [(method, path) for method, path in ROUTES if ONLY_SIGNED_IN.match(path)]
    assert len(managing) >= 7
    assert refused(leader.client, managing, 403) == []
    assert refused(leader.client, managing, 403, headers={"Authorization": f"Bearer {made.token}"}) == []


OWN_WRITES = re.compile(r"/api/(workers|units)/{unit}/.+")
CLOSED_TO_WORKERS = re.compile(
    r"/unit_api/(?!task_results/).+|/auth/(?!me$).+|/api/config/(units/.+|zipped)|/api/units/{unit}/(import_)?zipped_dot_pioreactor|/api/import(/.+)?"
)
JOINING = re.compile(r"/api/workers/{unit}(/experiment)?")


def is_open_to_worker(method: str, path: str, *, names_itself: bool) -> bool:
    """Return what a worker may do at its leader, as the documentation promises it."""
    if path in OPEN or path == "/auth/me":
        return True
    if path in ABOUT_THE_SENDER:
        return True
    if path.startswith("/api/config/units/"):
        return method == "GET" and names_itself
    if CLOSED_TO_WORKERS.fullmatch(path):
        return False
    return method == "GET" or (names_itself and OWN_WRITES.fullmatch(path) is not None)


def as_worker(leader: Any, token: str) -> None:
    leader.client.headers["Authorization"] = f"Bearer {token}"


@pytest.mark.parametrize("unit", ["unit2", "$broadcast", "leader1"])
def test_a_worker_cannot_command_other_units(leader: Any, unit: str) -> None:
    leader.add_workers("unit1", "unit2")
    as_worker(leader, "the-token-of-unit1")
    refused_routes = [
        (method, path.replace("{unit}", unit))
        for method, path in ROUTES
        if not is_open_to_worker(method, path, names_itself=False)
    ]
    assert len(refused_routes) > 100
    assert refused(leader.client, refused_routes, 403) == []


def test_a_worker_reads_the_api_and_commands_itself(leader: Any) -> None:
    leader.add_workers("unit1")
    as_worker(leader, "the-token-of-unit1")
    for method, path in ROUTES:
        own = path.replace("{unit}", "unit1")
        is_allowed = is_open_to_worker(method, path, names_itself="{unit}" in path)
        if method != "GET" and is_allowed and path not in OPEN:
            continue  # carried out: `test_what_a_worker_may_command` asks the guard instead
        status = leader.client.request(method, url_of(own)).status_code
        assert (status == 403) == (not is_allowed), (method, path, status)


def test_what_a_worker_may_command() -> None:
    writes = {(method, path) for method, path in ROUTES if method != "GET" and path not in OPEN}
    allowed = {one for one in writes if passes(*one, unit="unit1")}
    assert allowed == {one for one in writes if is_open_to_worker(*one, names_itself="{unit}" in one[1])}
    assert ("POST", "/api/workers/{unit}/experiments/{experiment}/logs") in allowed
    assert ("DELETE", "/api/workers/{unit}") not in allowed
    assert ("PUT", "/auth/people") not in allowed
    assert {one for one in writes if passes(*one, unit="unit2")} == {("POST", path) for path in ABOUT_THE_SENDER}


def passes(method: str, path: str, *, unit: str) -> bool:
    """Return whether the guard lets unit1 send this request about a unit."""
    parameters = {"unit": unit} if "{unit}" in path else {}
    scope: Any = {"type": "http", "method": method, "path": path, "path_template": path, "path_params": parameters}
    scope[SCOPE_KEY] = Identity("unit", "unit1", "own")
    handler: Any = SimpleNamespace(opt={})
    try:
        within_scope(ASGIConnection(scope), handler)
    except NotPermittedError:
        return False
    return True


def test_a_unit_outside_the_inventory_may_only_ask_about_itself(leader: Any) -> None:
    as_worker(leader, "the-token-of-unit9")
    for method, path in closed(ROUTES):
        is_allowed = method == "GET" and JOINING.fullmatch(path) is not None
        status = leader.client.request(method, url_of(path.replace("{unit}", "unit9"))).status_code
        assert (status == 403) == (not is_allowed), (method, path, status)
    assert leader.client.get("/api/workers/unit1").status_code == 403


def test_a_worker_does_not_open_the_live_messages_of_browsers(leader: Any) -> None:
    as_worker(leader, "the-token-of-unit1")
    with pytest.raises(WebSocketDisconnect), leader.client.websocket_connect("/mqtt", subprotocols=["mqtt"]):
        pass


def test_every_route_has_exactly_one_tag() -> None:
    for path, operations in json.loads(openapi_document())["paths"].items():
        for method, operation in operations.items():
            assert len(operation["tags"]) == 1, (method, path)
