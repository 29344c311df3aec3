"""Named tokens with which programs act for a person."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from pioreactor.identity import access_tokens

UNKNOWN = access_tokens.PREFIX + "x" * 43


@pytest.fixture
def person(leader: Any) -> Any:
    """A client with a person's session, as a browser has it."""
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return leader


def as_program(leader: Any, token: str) -> None:
    """Ask with a token and nothing else from here on."""
    leader.client.cookies.clear()
    leader.client.headers.pop("Origin", None)
    leader.client.headers["Authorization"] = f"Bearer {token}"


def of(role: str) -> dict[str, object]:
    return {"role": role, "units": None, "experiments": None, "areas": None, "is_agent": False, "budget": None}


def created(leader: Any, name: str = "plots", **fields: object) -> dict[str, Any]:
    answer = leader.client.post("/auth/tokens", json={"name": name, **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_program_acts_with_a_token_until_it_is_revoked(person: Any) -> None:
    made = created(person)
    session = dict(person.client.cookies)
    [listed] = person.client.get("/auth/tokens").json()
    assert listed == {
        "id": made["id"], "name": "plots", "username": "pioreactor",
        "created_at": listed["created_at"], "expires_at": None, "last_used_at": None, "rights": None,
    }  # fmt: skip

    as_program(person, made["token"])
    assert person.client.get("/auth/me").json() == {"username": "pioreactor", "kind": "token", "rights": of("manager")}
    assert person.client.get("/api/workers").json() == []
    assert person.client.post("/api/experiments", json={"experiment": "by a script"}).status_code == 201

    person.client.headers.pop("Authorization")
    person.sign_in()
    person.client.headers["Origin"] = str(person.client.base_url).rstrip("/")
    assert session
    assert person.client.get("/auth/tokens").json()[0]["last_used_at"] is not None
    assert person.client.delete(f"/auth/tokens/{made['id']}").status_code == 200
    assert person.client.delete(f"/auth/tokens/{made['id']}").status_code == 404

    as_program(person, made["token"])
    refused = person.client.get("/api/workers")
    assert refused.status_code == 401
    assert "revoked" in refused.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/auth/people", None),
        ("PUT", "/auth/people", {"username": "mia", "password": "0123456789"}),
        ("DELETE", "/auth/people/pioreactor", None),
        ("PATCH", "/auth/password", {"present": "x", "new": "a-longer-one"}),
        ("GET", "/auth/tokens", None),
        ("POST", "/auth/tokens", {"name": "another"}),
        ("DELETE", "/auth/tokens/abc", None),
        ("GET", "/unit_api/backups/x.sqlite", None),
    ],
)
def test_a_token_cannot_manage_people_and_tokens(person: Any, method: str, path: str, body: object) -> None:
    as_program(person, created(person)["token"])
    answer = person.client.request(method, path, json=body)
    assert answer.status_code == 403, answer.text


def test_a_token_goes_with_its_person(person: Any) -> None:
    mia = {"username": "mia", "password": "0123456789", "role": "manager"}
    assert person.client.put("/auth/people", json=mia).status_code == 201
    made = created(person)
    assert person.client.delete("/auth/people/pioreactor").status_code == 200
    as_program(person, made["token"])
    assert person.client.get("/api/workers").status_code == 401


def test_a_token_expires(person: Any) -> None:
    people, now = person.services.database.people, person.services.unit.clock.now()
    made = access_tokens.create(people, name="old", username="pioreactor", now=now, expires_in_days=1)
    assert access_tokens.bearer_of(people, made.token, now=now) == ("pioreactor", None, made.name)
    late = access_tokens.create(
        people, name="older", username="pioreactor", now=now - timedelta(days=2), expires_in_days=1
    )
    assert access_tokens.bearer_of(people, late.token, now=now) is None


def test_only_the_hash_of_a_token_is_stored_and_it_is_never_logged(
    person: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        made = created(person)
        secret = made["token"]
        assert len(secret) >= 43
        as_program(person, secret)
        for path in ("/auth/me", "/api/workers", "/api/nowhere", "/auth/people"):
            person.client.get(path)
    database = person.services.database.path
    stored = b"".join(path.read_bytes() for path in database.parent.glob(database.name + "*"))
    assert secret.encode() not in stored
    assert b"plots" in stored
    assert secret not in caplog.text


def test_a_token_in_a_url_does_not_count(person: Any) -> None:
    secret = created(person)["token"]
    person.client.cookies.clear()
    for query in (f"token={secret}", f"access_token={secret}", f"Authorization=Bearer%20{secret}"):
        assert person.client.get(f"/api/workers?{query}").status_code == 401


@pytest.mark.parametrize("header", [f"Bearer {UNKNOWN}", "Bearer", "Bearer pio_", f"Basic {UNKNOWN}", "Bearer \xff"])
def test_an_unknown_token_is_refused_even_beside_a_session(person: Any, header: str) -> None:
    answer = person.client.get("/api/workers", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


@pytest.mark.parametrize("name", ["", "   ", "n" * 65, "a\nb", "a\n\x00"])
def test_a_token_needs_a_printable_name(person: Any, name: str) -> None:
    assert person.client.post("/auth/tokens", json={"name": name}).status_code == 400


def test_a_name_belongs_to_one_token_of_a_person(person: Any) -> None:
    created(person)
    assert person.client.post("/auth/tokens", json={"name": "plots"}).status_code == 409


def test_a_person_named_cluster_is_a_person(person: Any) -> None:
    body = {"username": "cluster", "password": "0123456789"}
    assert person.client.put("/auth/people", json=body).status_code == 201
    person.client.cookies.clear()
    assert person.client.post("/auth/sign-in", json=body).status_code == 200
    assert person.client.get("/auth/me").json() == {"username": "cluster", "kind": "person", "rights": of("viewer")}
    assert person.client.get("/unit_api/backups/x.sqlite").status_code == 403
    assert person.client.get("/auth/people").status_code == 200


def test_use_is_noted_at_most_once_a_minute_and_never_costs_the_request(person: Any) -> None:
    from pioreactor.exc import StorageError

    people, now = person.services.database.people, person.services.unit.clock.now()
    made = access_tokens.create(people, name="busy", username="pioreactor", now=now)

    class Locked:
        def __getattr__(self, name: str) -> Any:
            return getattr(people, name)

        def note_use(self, token_hash: str) -> None:
            raise StorageError("the database is locked")

    locked: Any = Locked()
    assert access_tokens.bearer_of(locked, made.token, now=now) == ("pioreactor", None, made.name)
    assert access_tokens.bearer_of(people, made.token, now=now) == ("pioreactor", None, made.name)
    assert access_tokens.bearer_of(locked, made.token, now=now) == ("pioreactor", None, made.name)
    assert people.tokens("pioreactor")[0].last_used_at is not None
