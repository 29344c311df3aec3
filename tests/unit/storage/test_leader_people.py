"""People of the leader's database, and the tokens that they gave to programs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.structs.encoding import to_timestamp

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def test_people_and_their_tokens(tmp_path: Path) -> None:
    now = [START]
    database = LeaderDatabase.open(tmp_path / "pioreactor.sqlite", now=lambda: now[0])
    people = database.people
    assert people.password_hash("ada") is None
    people.add("ada", "hash1")
    with pytest.raises(ConflictError):
        people.add("ada", "hash2")
    people.set_password("ada", "hash3")
    assert people.password_hash("ada") == "hash3"
    people.add_token("t1", label="script", username="ada")
    people.add_token("t2", label="short", username="ada", expires_at=to_timestamp(START + timedelta(hours=1)))
    assert people.token("t1") is not None
    assert people.token("t2") is not None
    now[0] += timedelta(hours=1)
    assert people.token("t2") is None
    assert [token.label for token in people.tokens("ada")] == ["script", "short"]
    people.remove("ada")
    assert people.all() == []
    assert people.token("t1") is None
    with pytest.raises(NotFoundError):
        people.remove("ada")
    with pytest.raises(NotFoundError):
        people.set_password("ada", "x")
    with pytest.raises(NotFoundError):
        people.add_token("t", label="l", username="ada")
    database.close()
