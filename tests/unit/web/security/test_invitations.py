"""Invitations by link: made by managers, accepted once."""

import json
import logging
from datetime import timedelta
from typing import Any

import pytest

from pioreactor.exc import ConflictError
from pioreactor.identity import invitation_links, people
from pioreactor.structs.rights import MANAGER, Rights

STUDENT = {"role": "operator", "units": ["unit1"], "hours": 24, "note": "Ana, rotation student"}


@pytest.fixture
def manager(leader: Any) -> Any:
    """A client with a manager's session, as a browser has it."""
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    return leader


def invited(manager: Any, **fields: object) -> str:
    """Return the secret of a new link."""
    answer = manager.client.post("/auth/invitations", json={**STUDENT, **fields})
    assert answer.status_code == 201, answer.text
    path, _, secret = answer.json()["link"].partition("#")
    assert path == "/invitation"
    return str(secret)


def accept(leader: Any, secret: str, username: str = "ana", password: str = "0123456789") -> Any:
    body = {"secret": secret, "username": username, "password": password}
    return leader.client.post("/auth/invitation/accept", json=body)


def test_an_invited_person_chooses_name_and_password_and_is_signed_in(manager: Any) -> None:
    secret = invited(manager)
    [row] = manager.client.get("/auth/invitations").json()
    assert (row["state"], row["note"], row["invited_by"]) == ("open", "Ana, rotation student", "pioreactor")
    manager.client.cookies.clear()
    shown = manager.client.post("/auth/invitation", json={"secret": secret}).json()
    assert (shown["rights"]["role"], shown["rights"]["units"]) == ("operator", ["unit1"])
    assert accept(manager, secret).status_code == 201
    me = manager.client.get("/auth/me").json()
    assert (me["username"], me["rights"]["units"]) == ("ana", ["unit1"])
    assert manager.client.get("/auth/invitations").status_code == 403
    manager.client.cookies.clear()
    body = {"username": "ana", "password": "0123456789"}
    assert manager.client.post("/auth/sign-in", json=body).status_code == 200


def test_an_invitation_is_used_once(manager: Any) -> None:
    secret = invited(manager)
    assert accept(manager, secret).status_code == 201
    manager.client.cookies.clear()
    for answer in (accept(manager, secret, "eve"), manager.client.post("/auth/invitation", json={"secret": secret})):
        assert (answer.status_code, answer.json()["error"]) == (409, "this invitation was used already")
        assert "Ask a manager" in answer.json()["remediation"]
    assert manager.services.database.people.rights("eve") is None
    [row] = manager.services.database.invitations.all()
    assert row.used_by == "ana"


def test_of_two_at_once_one_gets_in(manager: Any) -> None:
    """Both have opened the link before one of them accepts."""
    secret, database = invited(manager), manager.services.database
    now, rights_of = manager.services.unit.clock.now(), database.people.rights
    both = [invitation_links.opened(database.invitations, secret, now=now, rights_of=rights_of) for _ in range(2)]
    invitation_links.accept(database.invitations, both[0], username="ana", password="0123456789")
    with pytest.raises(ConflictError, match="used already"):
        invitation_links.accept(database.invitations, both[1], username="eve", password="0123456789")
    assert {one.username for one in database.people.all()} == {"pioreactor", "ana"}


def test_a_name_that_is_taken_leaves_the_invitation_open(manager: Any) -> None:
    secret = invited(manager)
    taken = accept(manager, secret, "pioreactor")
    assert (taken.status_code, taken.json()["remediation"]) == (409, "Choose another name.")
    assert accept(manager, secret, "ana").status_code == 201


def test_a_revoked_or_expired_invitation_says_so(manager: Any) -> None:
    secret = invited(manager)
    [row] = manager.client.get("/auth/invitations").json()
    assert manager.client.delete(f"/auth/invitations/{row['id']}").status_code == 200
    assert "was revoked" in accept(manager, secret).json()["error"]
    assert manager.client.delete("/auth/invitations/unknown").status_code == 404
    storage, now = manager.services.database.invitations, manager.services.unit.clock.now()
    old = invitation_links.create(storage, rights=MANAGER, hours=1, now=now - timedelta(hours=2))
    answer = accept(manager, old.link.partition("#")[2])
    assert (answer.status_code, "has expired" in answer.json()["error"]) == (409, True)
    used = invited(manager)
    assert accept(manager, used).status_code == 201
    manager.client.cookies.clear()
    manager.sign_in()
    [row] = [row for row in manager.client.get("/auth/invitations").json() if row["state"] == "used"]
    assert manager.client.delete(f"/auth/invitations/{row['id']}").status_code == 409


def test_an_invitation_ends_with_the_role_of_who_made_it(manager: Any) -> None:
    secret, database = invited(manager, role="manager", units=None), manager.services.database
    people.add(database.people, "mia", "0123456789", MANAGER)
    people.set_rights(database.people, "pioreactor", Rights("operator"))
    assert "was revoked" in accept(manager, secret).json()["error"]


def test_the_secret_is_stored_as_a_hash_and_never_logged(manager: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        secret = invited(manager)
        accept(manager, secret, "pioreactor")
        accept(manager, secret)
    database = manager.services.database.path
    stored = b"".join(path.read_bytes() for path in database.parent.glob(database.name + "*"))
    assert secret.encode() not in stored
    assert b"rotation student" in stored
    assert secret not in caplog.text


def test_guesses_are_throttled_like_those_of_passwords(leader: Any) -> None:
    leader.client.headers.pop("Authorization")
    statuses = [leader.client.post("/auth/invitation", json={"secret": f"x{n}"}).status_code for n in range(31)]
    assert statuses == [404] * 30 + [429]


@pytest.mark.parametrize(
    "body",
    [
        {"hours": 0},
        {"hours": 721},
        {"role": "king"},
        {"note": "n" * 65},
        {"note": "a\nb"},
        {"note": "\u202e\u0000"},
        {"units": [""]},
        {"surprise": 1},
    ],
)
def test_bad_invitations_are_refused(manager: Any, body: dict[str, object]) -> None:
    assert manager.client.post("/auth/invitations", json=body).status_code == 400


@pytest.mark.parametrize("name", ["ana\n", "\u202eana", "a b", "", "a" * 65, "<script>", "../x", "\ud800"])
def test_hostile_names_are_refused(manager: Any, name: str) -> None:
    secret = invited(manager)
    body = json.dumps({"secret": secret, "username": name, "password": "0123456789"})
    answer = manager.client.post("/auth/invitation/accept", content=body)
    assert answer.status_code == 400, answer.text
