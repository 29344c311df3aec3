"""`pio tokens` on a leader with a database."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pioreactor.identity.unit_tokens import WorkerTokens
from pioreactor.storage.leader.database import LeaderDatabase


@pytest.fixture
def people(desk: Any) -> Iterator[Any]:
    database = LeaderDatabase.open(desk.runtime.paths.database)
    database.people.add("ada", "hash")
    yield database.people
    database.close()


def test_a_token_is_shown_once_listed_and_revoked(desk: Any, people: Any) -> None:
    made = desk.pio("tokens", "create", "plots")
    secret = made.out.strip()
    assert made.status == 0
    assert secret.startswith("pio_")
    assert "not shown again" in made.err

    listed = desk.pio("tokens", "list")
    assert listed.out.splitlines()[0].split()[:3] == ["id", "name", "username"]
    assert listed.out.splitlines()[1].split()[1:3] == ["plots", "ada"]
    assert secret not in listed.out + desk.pio("tokens", "list", "--json").out
    [row] = json.loads(desk.pio("tokens", "list", "--json").out)
    assert (row["username"], row["last_used_at"], row["expires_at"]) == ("ada", None, None)

    assert desk.pio("tokens", "revoke", "plots").status == 1, "the question was not answered"
    assert len(people.tokens()) == 1
    assert desk.pio("tokens", "revoke", "plots", "--yes").out == f"Revoked plots ({row['id']}) of ada.\n"
    assert people.tokens() == []
    assert desk.pio("tokens", "revoke", "plots", "--yes").status == 1
    assert desk.pio("tokens", "list").out == "There are no tokens.\n"


def test_json_of_a_new_token(desk: Any, people: Any) -> None:
    made = json.loads(desk.pio("tokens", "create", "plots", "--expires-in-days", "7", "--json").out)
    assert made["token"].startswith("pio_")
    assert made["expires_at"] is not None
    revoked = json.loads(desk.pio("tokens", "revoke", made["id"], "--yes", "--json").out)
    assert (revoked["id"], revoked["name"]) == (made["id"], "plots")


def test_whose_token_it_is_must_be_clear(desk: Any, people: Any) -> None:
    people.add("mia", "hash")
    unclear = desk.pio("tokens", "create", "plots")
    assert unclear.status == 1
    assert "--person" in unclear.err
    assert desk.pio("tokens", "create", "plots", "--person", "eve").status == 1
    assert desk.pio("tokens", "create", "plots", "--person", "mia").status == 0
    assert desk.pio("tokens", "create", "plots", "--person", "mia").status == 1, "the name is taken"
    assert desk.pio("tokens", "create", "plots", "--person", "ada").status == 0
    several = desk.pio("tokens", "revoke", "plots", "--yes")
    assert several.status == 1
    assert "several" in several.err
    assert len(people.tokens()) == 2


def test_without_a_database_it_says_so(desk: Any) -> None:
    assert "no database" in desk.pio("tokens", "list").err


def test_the_token_of_a_worker_is_made_printed_and_renewed(desk: Any, people: Any) -> None:
    early = desk.pio("workers", "token", "unit2")
    assert early.status == 1
    assert "pio web" in early.err
    WorkerTokens(desk.runtime.paths.secrets).prepare()
    made = desk.pio("workers", "token", "unit2").out.strip()
    assert len(made) >= 43
    assert json.loads(desk.pio("workers", "token", "unit2", "--json").out) == {"unit": "unit2", "token": made}
    assert desk.pio("workers", "token", "unit2", "--renew").out.strip() not in ("", made)
    assert desk.pio("workers", "token", "../unit2").status == 1
