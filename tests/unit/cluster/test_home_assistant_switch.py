"""Switching Home Assistant on and off: its account at the broker, its settings, and the token that it may have."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pioreactor.cluster import home_assistant
from pioreactor.cluster.delegate import delegate_of
from pioreactor.cluster.leader_setup import broker_files
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.identity import access_tokens, people
from pioreactor.messaging.accounts import read_passwords, read_permissions, verify_password
from pioreactor.settings.load import load_settings
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.paths import Paths
from pioreactor.structs.rights import Area, Rights, Role

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths.below(tmp_path)
    found.dot_pioreactor.mkdir(parents=True, exist_ok=True)
    broker_files(found).write_configuration(port=1883)
    return found


@pytest.fixture
def database(tmp_path: Path) -> LeaderDatabase:
    opened = LeaderDatabase.open(tmp_path / "leader.sqlite")
    people.add(opened.people, "ana", "a long password", Rights("operator"))
    return opened


def make_token(
    database: LeaderDatabase, role: Role | None = None, areas: tuple[Area, ...] | None = None, days: float | None = None
) -> str:
    rights = access_tokens.limits_of(role=role, areas=areas)
    made = access_tokens.create(
        database.people, name="ha", username="ana", now=NOW, rights=rights, expires_in_days=days
    )
    return made.id


def test_it_reads_until_it_has_a_token(paths: Paths, database: LeaderDatabase) -> None:
    files = broker_files(paths)
    password = home_assistant.enable(paths, database.people, token=None, now=NOW)
    assert password is not None
    assert verify_password(password, read_passwords(files.passwords.read_text())["home-assistant"])
    assert read_permissions(files.permissions.read_text())["home-assistant"].write == ("homeassistant/status",)

    token = make_token(database)
    assert home_assistant.enable(paths, database.people, token="ha", now=NOW) is None, "the password stays"
    assert verify_password(password, read_passwords(files.passwords.read_text())["home-assistant"])
    assert len(read_permissions(files.permissions.read_text())["home-assistant"].write) == 2
    settings = load_settings(paths.global_config, paths.local_config)
    found = home_assistant.status(paths, settings, database.people, now=NOW)
    assert (found.enabled, found.token, found.commands_by, found.has_account) == (True, token, "ana", True)

    home_assistant.disable(paths)
    assert files.accounts() == []
    assert not load_settings(paths.global_config, paths.local_config).home_assistant.enabled
    database.close()


def test_a_token_that_cannot_command_is_refused(paths: Paths, database: LeaderDatabase) -> None:
    for role, areas, error in (("viewer", None, ConflictError), (None, ("alarms",), InvalidRequestError)):
        id_ = make_token(database, role, areas)  # type: ignore[arg-type]
        with pytest.raises(error):
            home_assistant.enable(paths, database.people, token=id_, now=NOW)
        access_tokens.revoke(database.people, id_)
    with pytest.raises(NotFoundError):
        home_assistant.enable(paths, database.people, token="ha", now=NOW)
    assert broker_files(paths).accounts() == []
    database.close()


def test_it_acts_for_nobody_once_the_token_or_the_person_is_gone(database: LeaderDatabase) -> None:
    id_ = make_token(database, days=1)
    found = delegate_of(database.people, id_, now=NOW)
    assert found is not None and found.rights.role == "operator"
    assert delegate_of(database.people, id_, now=NOW + timedelta(days=2)) is None
    database.people.remove("ana")
    assert delegate_of(database.people, id_, now=NOW) is None
    database.close()
