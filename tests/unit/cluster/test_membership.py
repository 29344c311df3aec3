"""Becoming a leader, taking a worker in, and letting it go."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pioreactor.cluster import membership
from pioreactor.cluster.admission import Admission, Joined, JoinRequest, revoke_worker
from pioreactor.cluster.certificates import make_request
from pioreactor.cluster.leader_setup import LeaderPlan, broker_files, set_up_leader
from pioreactor.cluster.pairing_protocol import PROTOCOL, Invitation, Offer
from pioreactor.cluster.pairing_server import Pairing, PairingServer, key_and_certificate
from pioreactor.exc import ConfigurationError, ConflictError, NotFoundError, NotPermittedError, StorageError
from pioreactor.identity.unit_tokens import WorkerTokens, read_token
from pioreactor.settings.load import load_settings
from pioreactor.storage.paths import Paths
from pioreactor.version import __version__

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MAIN_NUMBER = int(__version__.partition(".")[0])


class Leader:
    def __init__(self, root: Path, unit: str = "leader1") -> None:
        self.paths = Paths.below(root)
        self.workers: list[str] = []
        self.plan = LeaderPlan(unit, "10.0.0.1", 443, is_simulated=True)
        self.admission = Admission(self.paths, workers=lambda: self.workers, unix_time_s=lambda: 1000.0)

    def set_up(self) -> list[str]:
        return [step.name for step in set_up_leader(self.paths, self.plan, now=NOW)]


class Machine:
    """A machine that waits to join."""

    def __init__(
        self, root: Path, unit: str = "worker1", *, clock_s: float = 1000.0, version: str = __version__
    ) -> None:
        self.paths = Paths.below(root)
        root.mkdir(parents=True, exist_ok=True)
        membership.make_folders(self.paths)
        key, certificate = key_and_certificate(root, unit)
        self.codes: list[str] = []
        pairing = Pairing(
            Offer(unit, version, PROTOCOL, "pioreactor_20ml", "1.5"),
            certificate,
            make_request(self.paths.tls / "unit.key", unit),
            unix_time_s=lambda: clock_s,
            on_code=self.codes.append,
            accept=lambda invitation: membership.accept(self.paths, invitation, is_simulated=True, now=NOW),
        )
        self.server = PairingServer(pairing, certificate, key, host="127.0.0.1", port=0)

    def join(self, leader: Leader, unit: str | None = None, *, may_replace: bool = False) -> Joined:
        with self.server:
            address = f"127.0.0.1:{self.server.port}"
            return leader.admission.admit(JoinRequest(address, self.codes[-1], unit, may_replace))


@pytest.fixture
def leader(tmp_path: Path) -> Leader:
    made = Leader(tmp_path / "leader1")
    made.set_up()
    return made


def test_a_leader_is_set_up_once_and_again_changes_nothing(tmp_path: Path) -> None:
    leader = Leader(tmp_path)
    assert leader.set_up() == ["certificates", "configuration", "tokens", "broker"]
    before = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    assert leader.set_up()
    assert {path: path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()} == before
    known = membership.read_membership(leader.paths)
    assert known is not None
    assert (known.leader, known.unit) == ("leader1", "leader1")
    settings = load_settings(leader.paths.global_config, leader.paths.local_config)
    assert (settings.cluster.leader_hostname, settings.ui.proto, settings.hardware.rig) == ("leader1", "https", "sim")


def test_secrets_of_a_leader_are_private(leader: Leader) -> None:
    for folder in (leader.paths.secrets, broker_files(leader.paths).folder):
        assert folder.stat().st_mode & 0o077 == 0
        for path in folder.rglob("*"):
            if path.is_file():
                assert path.stat().st_mode & 0o077 == 0, path


def test_a_worker_joins_with_its_own_token_account_and_certificate(leader: Leader, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "worker1")
    joined = machine.join(leader, "worker1")
    assert (joined.unit, joined.model_name, joined.warning) == ("worker1", "pioreactor_20ml", None)
    token = read_token(machine.paths.secrets)
    assert token is not None
    assert WorkerTokens(leader.paths.secrets).unit_of(token) == "worker1"
    assert token != read_token(leader.paths.secrets)
    assert "worker1" in broker_files(leader.paths).accounts()
    assert membership.tls_files(machine.paths).are_complete
    assert not membership.tls_files(machine.paths).authority_key.exists()
    settings = load_settings(machine.paths.global_config, machine.paths.local_config)
    assert (settings.cluster.leader_hostname, settings.mqtt.username) == ("leader1", "worker1")


def test_a_worker_of_one_cluster_is_not_taken_over_by_another(leader: Leader, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "worker1")
    machine.join(leader)
    other = Leader(tmp_path / "other", "leader2")
    other.set_up()
    again = Machine(tmp_path / "worker1")
    with pytest.raises(ConflictError, match="belongs to the cluster of leader1"):
        again.join(other)
    assert "worker1" not in broker_files(other.paths).accounts(), "what was made for it is revoked"
    assert WorkerTokens(other.paths.secrets).token_of("worker1") is None


@pytest.mark.parametrize("name", ["leader1", "viewer"])
def test_a_machine_with_a_name_that_is_taken_is_refused(leader: Leader, tmp_path: Path, name: str) -> None:
    machine = Machine(tmp_path / "machine", name)
    with pytest.raises(ConflictError, match="taken"):
        machine.join(leader)
    assert membership.read_membership(machine.paths) is None


def test_a_machine_replaces_a_worker_only_when_this_is_said(leader: Leader, tmp_path: Path) -> None:
    leader.workers = ["worker1"]
    with pytest.raises(ConflictError, match="already"):
        Machine(tmp_path / "a").join(leader)
    old = WorkerTokens(leader.paths.secrets).ensure("worker1")
    new = Machine(tmp_path / "b")
    new.join(leader, may_replace=True)
    assert read_token(new.paths.secrets) not in (None, old)
    assert WorkerTokens(leader.paths.secrets).unit_of(old) is None


def test_another_name_than_expected_is_refused(leader: Leader, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="worker2"):
        Machine(tmp_path / "a").join(leader, "worker2")


def test_clocks_years_apart_are_told_and_do_not_keep_a_worker_out(leader: Leader, tmp_path: Path) -> None:
    joined = Machine(tmp_path / "a", clock_s=1000.0 - 10 * 365 * 86_400).join(leader)
    assert joined.warning is not None
    assert "behind" in joined.warning


@pytest.mark.parametrize("version", [f"{MAIN_NUMBER - 2}.9.0", f"{MAIN_NUMBER + 2}.0.0"])
def test_an_old_worker_and_an_old_leader_are_told_which_versions_do_not_fit(
    leader: Leader, tmp_path: Path, version: str
) -> None:
    machine = Machine(tmp_path / "a", version=version)
    with pytest.raises(ConflictError, match=rf"version {version} and the leader {MAIN_NUMBER}\.") as raised:
        machine.join(leader)
    assert "Update the older" in str(raised.value.remedy)
    assert membership.read_membership(machine.paths) is None
    assert "worker1" not in broker_files(leader.paths).accounts()


@pytest.mark.parametrize(
    "version", [f"{MAIN_NUMBER - 1}.11.1", f"{MAIN_NUMBER}.4.0", f"{MAIN_NUMBER + 1}.0.0", "unknown"]
)
def test_versions_next_to_each_other_join(leader: Leader, tmp_path: Path, version: str) -> None:
    assert Machine(tmp_path / "a", version=version).join(leader).version == version


def test_a_worker_refuses_a_leader_that_is_too_far_ahead(tmp_path: Path) -> None:
    """A leader that does not compare versions itself."""
    paths = Paths.below(tmp_path)
    far = Invitation(
        "c1", "leader1", "worker1", "t", "p", "[mqtt]\n", "a", "c", 0.0, leader_version=f"{MAIN_NUMBER + 2}.0.0"
    )
    with pytest.raises(ConflictError, match="more than one release apart"):
        membership.accept(paths, far, is_simulated=True, now=NOW)
    assert membership.read_membership(paths) is None
    assert list(paths.secrets.rglob("*")) == [], "nothing of it was kept"


def test_a_leader_that_was_not_set_up_takes_no_one_in(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="leads no cluster"):
        Machine(tmp_path / "a").join(Leader(tmp_path / "leader1"))


def test_removing_a_worker_revokes_everything(leader: Leader, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "worker1")
    machine.join(leader)
    token = read_token(machine.paths.secrets)
    revoke_worker(leader.paths, "worker1")
    assert token is not None
    assert WorkerTokens(leader.paths.secrets).unit_of(token) is None
    assert "worker1" not in broker_files(leader.paths).accounts()
    assert "worker1" not in leader.paths.global_config.read_text()


def test_leaving_keeps_data_and_allows_to_join_another(leader: Leader, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "worker1")
    machine.join(leader)
    data = machine.paths.calibrations / "od90" / "mine.yaml"
    data.parent.mkdir(parents=True)
    data.write_text("kept")
    former = membership.forget(machine.paths)
    assert former is not None
    assert former.leader == "leader1"
    assert data.read_text() == "kept"
    assert read_token(machine.paths.secrets) is None
    assert not machine.paths.tls.exists()
    other = Leader(tmp_path / "other", "leader2")
    other.set_up()
    Machine(tmp_path / "worker1").join(other)


def test_a_unit_with_another_leader_does_not_become_one(leader: Leader, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "worker1")
    machine.join(leader)
    with pytest.raises(ConflictError, match="belongs to the cluster"):
        list(set_up_leader(machine.paths, LeaderPlan("worker1", "10.0.0.2", 443), now=NOW))


def test_a_join_that_is_cut_off_is_no_join(leader: Leader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(tmp_path / "worker1")

    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(membership, "write_membership", full)
    with pytest.raises(Exception, match="full"):
        machine.join(leader)
    assert membership.read_membership(machine.paths) is None
    assert "worker1" not in broker_files(leader.paths).accounts()
    monkeypatch.undo()
    Machine(tmp_path / "worker1").join(leader)


def test_a_damaged_membership_is_named(leader: Leader) -> None:
    (leader.paths.storage / membership.FILE_NAME).write_text("{")
    with pytest.raises(StorageError, match=r"cluster\.json"):
        membership.read_membership(leader.paths)


def test_a_wrong_code_makes_no_account(leader: Leader, tmp_path: Path) -> None:
    machine = Machine(tmp_path / "worker1")
    machine.codes.append("AAAA-AAAA")
    with pytest.raises(NotPermittedError):
        machine.join(leader)
    assert "worker1" not in broker_files(leader.paths).accounts()


def test_accounts_are_reloaded_by_a_running_broker(leader: Leader) -> None:
    files = broker_files(leader.paths)
    files.process_id.write_text("not a number")
    files.reload()
    files.process_id.write_text(str(2**22 + 1))
    files.reload()
    files.process_id.unlink()
    files.reload()
    assert files.port() == 1883


def test_a_broker_without_a_listener_is_named(leader: Leader) -> None:
    files = broker_files(leader.paths)
    files.configuration.write_text("persistence true\n")
    with pytest.raises(ConfigurationError, match="listener"):
        files.port()


def test_everything_runs_without_root(leader: Leader) -> None:
    assert os.geteuid() == 0 or "user root" not in broker_files(leader.paths).configuration.read_text()
