"""Rights of each role on every route of a leader and of a worker."""

import json
import re
from typing import Any

import pytest

from pioreactor.identity import access_tokens
from pioreactor.web.leader.openapi_document import render
from pioreactor.web.security.auth_middleware import OPEN

VALUES = {"session_id": "00000000-0000-4000-8000-000000000000", "offset": "0", "id_": "1"}
ONLY_FOR_UNITS = re.compile(r"/unit_api/backups/.+")
ONLY_SIGNED_IN = re.compile(r"/auth/(people|password|tokens)(/.+)?")


def url_of(path: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: VALUES.get(match[1], "x"), path)


ROUTES = [(method.upper(), path) for path, operations in json.loads(render())["paths"].items() for method in operations]
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


def test_every_route_has_exactly_one_tag() -> None:
    for path, operations in json.loads(render())["paths"].items():
        for method, operation in operations.items():
            assert len(operation["tags"]) == 1, (method, path)
