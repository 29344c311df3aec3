"""Tokens of units: each has its own, and the leader knows them all."""

from pathlib import Path

import pytest

from pioreactor.exc import ConfigurationError, InvalidRequestError, NotAuthenticatedError
from pioreactor.identity import unit_tokens as tokens
from pioreactor.identity.unit_tokens import WorkerTokens, credential_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


@pytest.fixture
def leader(folder: Path) -> WorkerTokens:
    """The leader of a cluster in which no token was ever shared."""
    made = WorkerTokens(folder)
    made.prepare()
    return made


@pytest.fixture
def former(folder: Path) -> WorkerTokens:
    """The leader of a cluster whose units share a token."""
    tokens.replace_token(folder, "shared-by-all")
    return WorkerTokens(folder)


def test_the_token_is_generated_once_with_mode_0600(folder: Path) -> None:
    assert tokens.read_token(folder) is None
    token = tokens.ensure_token(folder)
    assert len(token) > 30
    assert tokens.ensure_token(folder) == token == tokens.read_token(folder)
    assert (folder / tokens.FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_each_worker_has_its_own(leader: WorkerTokens, folder: Path) -> None:
    own, first, second = tokens.ensure_token(folder), leader.ensure("unit1"), leader.ensure("unit2")
    assert len({own, first, second}) == 3
    assert leader.ensure("unit1") == first
    assert (leader.unit_of(first), leader.unit_of(second), leader.unit_of(own), leader.unit_of("")) == (
        *("unit1", "unit2", None, None),
    )
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.name for path in files} == {tokens.FILE_NAME, "unit1", "unit2"}, "no temporary files are left"


def test_a_new_token_replaces_the_former_one(leader: WorkerTokens) -> None:
    former = leader.ensure("unit1")
    renewed = leader.renew("unit1")
    assert (leader.unit_of(former), leader.unit_of(renewed)) == (None, "unit1")


def test_a_leader_commands_each_worker_with_the_token_of_that_worker(leader: WorkerTokens, folder: Path) -> None:
    leader.ensure("unit1")

    def credential(unit: str) -> str:
        return credential_for(folder, unit, own="leader1", leader="leader1")

    assert credential("unit1") == leader.token_of("unit1")
    assert credential("leader1") == tokens.read_token(folder)
    with pytest.raises(NotAuthenticatedError, match="no token of unit2"):
        credential("unit2")


def test_a_worker_has_a_credential_for_its_leader_and_itself_only(folder: Path) -> None:
    tokens.replace_token(folder, "mine")
    for unit in ("unit1", "leader1"):
        assert credential_for(folder, unit, own="unit1", leader="leader1") == "mine"
    with pytest.raises(NotAuthenticatedError, match="only the leader"):
        credential_for(folder, "unit2", own="unit1", leader="leader1")


def test_a_unit_without_a_token_says_so(folder: Path) -> None:
    with pytest.raises(NotAuthenticatedError, match="no cluster token"):
        credential_for(folder, "unit1", own="unit1", leader="leader1")


def test_a_shared_token_is_kept_for_the_workers_and_replaced_at_the_leader(former: WorkerTokens, folder: Path) -> None:
    assert credential_for(folder, "unit1", own="leader1", leader="leader1") == "shared-by-all", "not yet started"
    former.prepare()
    own = tokens.read_token(folder)
    assert own not in (None, "shared-by-all")
    assert former.shared() == "shared-by-all"
    assert credential_for(folder, "unit1", own="leader1", leader="leader1") == "shared-by-all"

    former.prepare()
    assert (tokens.read_token(folder), former.shared()) == (own, "shared-by-all"), "nothing is migrated twice"

    token = former.pending("unit1")
    assert former.unit_of(token) == "unit1", "the worker may use it before its answer arrives"
    assert former.token_of("unit1") is None
    former.confirm("unit1")
    assert former.token_of("unit1") == token
    former.retire_shared()
    assert former.shared() is None


@pytest.mark.parametrize("done", ["shared_token", "shared_token cluster_token"])
def test_a_migration_that_was_cut_off_is_completed(former: WorkerTokens, folder: Path, done: str) -> None:
    (folder / "shared_token").write_text("shared-by-all\n")
    if "cluster_token" in done:
        tokens.replace_token(folder, "new-one")
    former.prepare()
    assert former.shared() == "shared-by-all"
    assert tokens.read_token(folder) != "shared-by-all"
    if "cluster_token" in done:
        assert tokens.read_token(folder) == "new-one"


def test_tokens_of_workers_are_not_made_before_the_leader_has_migrated(former: WorkerTokens) -> None:
    with pytest.raises(ConfigurationError, match="no tokens of workers yet"):
        former.ensure("unit1")
    assert not former.has_begun()


@pytest.mark.parametrize("name", ["", "..", "a/b", "unit1\n", "unit1.new", "$broadcast", "x" * 64])
def test_names_of_units_are_validated_to_their_end(leader: WorkerTokens, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        leader.ensure(name)
    with pytest.raises(InvalidRequestError):
        leader.token_of(name)
