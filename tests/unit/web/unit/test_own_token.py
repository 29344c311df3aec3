"""The leader replaces the token of a unit."""

from typing import Any

import pytest

from pioreactor.identity.unit_tokens import read_token, replace_token
from pioreactor.web.security.identity import own_unit

NEW = "n" * 43


def test_a_unit_takes_a_new_token_and_its_server_follows_at_once(worker: Any, unit: Any) -> None:
    secrets = unit.paths.secrets
    replace_token(secrets, "former")
    assert own_unit(secrets, "unit1", "former") is not None
    assert worker.put("/unit_api/token", json={"token": NEW}).status_code == 204
    assert read_token(secrets) == NEW
    assert own_unit(secrets, "unit1", "former") is None
    found = own_unit(secrets, "unit1", NEW)
    assert found is not None
    assert (found.kind, found.name, found.scope) == ("unit", "unit1", "all")


@pytest.mark.parametrize("token", ["", "short", NEW + "\n", "a b" * 20, "x" * 129])
def test_what_is_no_token_is_refused(worker: Any, unit: Any, token: str) -> None:
    assert worker.put("/unit_api/token", json={"token": token}).status_code == 400
    assert read_token(unit.paths.secrets) is None


def test_people_cannot_replace_the_token_of_a_unit(leader: Any) -> None:
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    assert leader.client.put("/unit_api/token", json={"token": NEW}).status_code == 403
