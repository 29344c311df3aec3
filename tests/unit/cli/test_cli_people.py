"""`pio people` on a leader with a database."""

import io
import json
from collections.abc import Iterator
from time import time
from typing import Any

import pytest
from pyotp import TOTP

from pioreactor.identity import people as identity
from pioreactor.identity.second_factor import SecondFactors
from pioreactor.identity.sessions import CACHED_S, STORE, Sessions
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.rights import MANAGER, VIEWER, Rights


@pytest.fixture
def people(desk: Any) -> Iterator[Any]:
    database = LeaderDatabase.open(desk.runtime.paths.database)
    identity.add(database.people, "ada", "a-first-password")
    yield database.people
    database.close()


def type_in(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_people_are_added_listed_and_removed(desk: Any, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    type_in(monkeypatch, "0123456789\n")
    added = desk.pio("people", "add", "mia", "--stdin")
    assert (added.status, added.out) == (0, "")
    assert identity.check(people, "mia", "0123456789")
    assert [row["username"] for row in json.loads(desk.pio("people", "list", "--json").out)] == ["ada", "mia"]
    assert "mia" in desk.pio("people", "list").out
    again = desk.pio("people", "add", "mia", "--generate")
    assert again.status == 1
    assert "pio people password mia" in again.err

    people.add_token("hash", label="plots", username="mia")
    question = desk.pio("people", "remove", "mia")
    assert question.status != 0, "the question was not answered"
    assert "revoke 1 token" in question.out + question.err
    assert desk.pio("people", "remove", "mia", "--yes").status == 0
    assert people.tokens() == []
    last = desk.pio("people", "remove", "ada", "--yes")
    assert last.status == 1
    assert "last person" in last.err
    assert desk.pio("people", "remove", "eve", "--yes").status == 1


def test_a_forgotten_password_is_replaced_and_sessions_end(desk: Any, people: Any) -> None:
    now = [time()]
    of_server = Sessions(desk.runtime.stores.persistent(STORE), seconds=lambda: now[0])
    cookie, other = of_server.open("ada"), of_server.open("mia")
    assert of_server.find(cookie) is not None
    typed = desk.pio("people", "password", "ada", "--generate")
    assert typed.status == 0
    assert identity.check(people, "ada", typed.out.strip())
    assert not identity.check(people, "ada", "a-first-password")
    assert typed.out.strip() not in typed.err
    now[0] += CACHED_S
    assert of_server.find(cookie) is None, "the server of the leader is another process"
    assert of_server.find(other) is not None
    assert desk.pio("people", "password", "eve", "--generate").status == 1


def test_bad_names_and_passwords_are_refused(desk: Any, people: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mia\n", "mi a", "", "m" * 65):
        assert desk.pio("people", "add", name, "--generate").status == 1, name
    type_in(monkeypatch, "short\n")
    refused = desk.pio("people", "add", "mia", "--stdin")
    assert refused.status == 1
    assert "10 to 1000 characters" in refused.err
    type_in(monkeypatch, "")
    assert desk.pio("people", "password", "ada", "--stdin").status == 1
    assert desk.pio("people", "password", "ada").status == 2, "no terminal to ask at"
    assert desk.pio("people", "password", "ada", "--stdin", "--generate").status == 2
    assert identity.check(people, "ada", "a-first-password")


def test_a_password_is_no_argument(desk: Any, people: Any) -> None:
    for command in ("add", "password"):
        assert desk.pio("people", command, "ada", "0123456789").status == 2


def test_people_are_managed_on_the_leader(desk: Any) -> None:
    assert "created on the leader" in desk.pio("people", "list").err


def test_people_have_a_role_and_limits(desk: Any, people: Any) -> None:
    people.set_rights("ada", MANAGER)
    assert desk.pio("people", "add", "mia", "--generate").status == 0
    assert people.rights("mia") == VIEWER, "locked by default"
    changed = desk.pio("people", "rights", "mia", "--role", "operator", "--units", "pio2", "--units", "pio1")
    assert changed.out == "mia is operator; changes are limited to: pio1, pio2.\n"
    rows = json.loads(desk.pio("people", "list", "--json").out)
    assert [(row["role"], row["units"]) for row in rows] == [("manager", None), ("operator", ["pio1", "pio2"])]
    assert "pio1, pio2" in desk.pio("people", "list").out
    people.set_rights("mia", Rights("operator", units=()))
    assert "none" in desk.pio("people", "list").out
    assert "not limited" in desk.pio("people", "rights", "mia", "--role", "viewer").out
    last = desk.pio("people", "rights", "ada", "--role", "viewer")
    assert (last.status, people.rights("ada")) == (1, MANAGER)
    assert desk.pio("people", "rights", "mia", "--role", "king").status == 2


def test_a_token_can_be_limited(desk: Any, people: Any) -> None:
    options = ("--role", "operator", "--units", "pio1", "--areas", "calibrations")
    assert desk.pio("tokens", "create", "script", *options).status == 0
    [token] = json.loads(desk.pio("tokens", "list", "--json").out)
    limits = {"role": "operator", "units": ["pio1"], "experiments": None, "areas": ["calibrations"]}
    assert token["rights"] == {**limits, "is_agent": False, "budget": None}
    assert desk.pio("tokens", "create", "other", "--areas", "everything").status == 2


def test_sessions_are_listed_and_ended(desk: Any, people: Any) -> None:
    of_server = Sessions(desk.runtime.stores.persistent(STORE), seconds=time)
    of_server.open("ada", address="10.0.0.7", user_agent="curl/8")
    of_server.open("mia")
    [row] = json.loads(desk.pio("people", "sessions", "ada", "--json").out)
    assert (row["username"], row["address"], row["browser"]) == ("ada", "10.0.0.7", "curl")
    assert "10.0.0.7" in desk.pio("people", "sessions").out
    assert desk.pio("people", "sessions", "eve").status == 1
    assert desk.pio("people", "end-session", row["id"], "--yes").status == 0
    assert [one.username for one in of_server.all()] == ["mia"]
    again = desk.pio("people", "end-session", row["id"], "--yes")
    assert "pio people sessions" in again.err


def test_people_are_invited_by_a_link(desk: Any, people: Any) -> None:
    made = desk.pio("people", "invite", "--role", "operator", "--units", "pio1", "--note", "Ana")
    assert made.status == 0
    address, _, secret = made.out.strip().partition("/invitation#")
    assert address.startswith("http")
    assert len(secret) == 43
    assert secret not in made.err
    [row] = json.loads(desk.pio("people", "invitations", "--json").out)
    assert (row["state"], row["note"], row["rights"]["units"]) == ("open", "Ana", ["pio1"])
    assert secret not in json.dumps(row)
    assert desk.pio("people", "revoke-invitation", row["id"]).status == 0
    assert "revoked" in desk.pio("people", "invitations").out
    assert desk.pio("people", "revoke-invitation", "unknown").status == 1
    assert desk.pio("people", "invite", "--hours", "721").status == 2


def test_a_lost_second_factor_is_reset(desk: Any, people: Any) -> None:
    factors = SecondFactors(desk.runtime.paths.secrets, seconds=time)
    factors.confirm("ada", TOTP(factors.begin("ada", issuer="Lab").secret).now())
    assert [row["second_factor"] for row in json.loads(desk.pio("people", "list", "--json").out)] == [True]
    assert desk.pio("people", "reset-second-factor", "ada", "--yes").status == 0
    assert not factors.state("ada").is_on
    assert "no second factor" in desk.pio("people", "reset-second-factor", "ada", "--yes").err
    assert desk.pio("people", "reset-second-factor", "eve", "--yes").status == 1
