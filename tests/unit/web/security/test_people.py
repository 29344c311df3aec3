"""People who sign in, and their sessions."""

from typing import Any

import pytest

from pioreactor.identity import people

MIA = {"username": "mia", "password": "0123456789"}


def test_people(leader: Any) -> None:
    client = leader.client
    assert client.patch("/auth/password", json={"present": "x", "new": "a-longer-one"}).status_code == 403
    leader.sign_in()
    client.headers["Origin"] = str(client.base_url).rstrip("/")
    assert client.patch("/auth/password", json={"present": "wrong", "new": "a-longer-one"}).status_code == 403
    assert client.patch("/auth/password", json={"present": leader.password, "new": "short"}).status_code == 400
    assert client.patch("/auth/password", json={"present": leader.password, "new": "a-longer-one"}).status_code == 200
    assert client.get("/auth/me").status_code == 200

    assert client.put("/auth/people", json=MIA).status_code == 201
    assert client.put("/auth/people", json=MIA).status_code == 409
    no_limits = {"units": None, "experiments": None, "has_second_factor": False, "signs_in_by_issuer": False}
    assert client.get("/auth/people").json() == [
        {"username": "mia", "role": "viewer", **no_limits},
        {"username": "pioreactor", "role": "manager", **no_limits},
    ]
    assert client.delete("/auth/people/pioreactor").status_code == 409, "the last manager"
    assert client.patch("/auth/people/mia", json={"role": "manager"}).status_code == 200
    assert client.delete("/auth/people/pioreactor").status_code == 200
    assert client.get("/auth/me").status_code == 401
    assert client.post("/auth/sign-in", json={"username": "mia", "password": "0123456789"}).status_code == 200
    assert client.delete("/auth/people/mia").status_code == 409


@pytest.mark.parametrize("name", ["mia\n", "\nmia", "mia\x00", "mi a", "", "m" * 65, "mia\u0661"])
def test_names_of_people_are_validated_to_their_end(leader: Any, name: str) -> None:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    assert leader.client.put("/auth/people", json={"username": name, "password": "0123456789"}).status_code == 400


def test_a_new_password_closes_other_sessions(leader: Any) -> None:
    leader.sign_in()
    other = dict(leader.client.cookies)
    leader.client.cookies.clear()
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    change = {"present": leader.password, "new": "a-longer-one"}
    assert leader.client.patch("/auth/password", json=change).status_code == 200
    assert leader.client.get("/auth/me").status_code == 200
    leader.client.cookies.clear()
    leader.client.cookies.update(other)
    assert leader.client.get("/auth/me").status_code == 401


def test_the_first_person_is_added_once(leader: Any) -> None:
    database = leader.services.database
    assert people.ensure_first_person(database.people) is None
    assert people.check(database.people, "pioreactor", leader.password)
    assert not people.check(database.people, "pioreactor", "x")
    assert not people.check(database.people, "unknown", leader.password)
