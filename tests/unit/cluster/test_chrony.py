"""Files with which the leader serves the time and workers follow it."""

from pathlib import Path

import pytest

from pioreactor.cluster import chrony
from pioreactor.storage.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.below(tmp_path / "unit")


def test_a_leader_serves_and_a_worker_follows() -> None:
    leader = [line for line in chrony.leader_text().splitlines() if not line.startswith("#")]
    assert leader == ["allow", "local stratum 10"]
    worker = [line for line in chrony.worker_text("10.0.0.1").splitlines() if not line.startswith("#")]
    assert worker == ["server 10.0.0.1 iburst prefer"]


def test_the_file_is_installed_where_it_can_be(paths: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    hint = chrony.write(paths, chrony.leader_text(), folder=folder)
    assert "restart chrony" in str(hint)
    assert (folder / "pioreactor.conf").read_text() == chrony.leader_text()
    assert chrony.write(paths, chrony.leader_text(), folder=folder) is None, "nothing is left to do"
    assert "restart chrony" in str(chrony.write(paths, chrony.worker_text("boss"), folder=folder))
    assert chrony.remove(paths, folder=folder) is None
    assert list(folder.iterdir()) == []
    assert not (paths.dot_pioreactor / "chrony.conf").exists()


def test_without_chrony_the_command_says_what_to_do(paths: Paths, tmp_path: Path) -> None:
    hint = chrony.write(paths, chrony.worker_text("boss"), folder=tmp_path / "nothing")
    assert "sudo apt install chrony" in str(hint)
    own = paths.dot_pioreactor / "chrony.conf"
    assert f"sudo install -D -m 0644 {own} {tmp_path}/nothing/pioreactor.conf" in str(hint)
    assert own.read_text() == chrony.worker_text("boss")


def test_a_folder_of_root_is_named_with_the_command(
    paths: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert "sudo install" in str(chrony.write(paths, chrony.leader_text(), folder=folder))
    (folder / "pioreactor.conf").write_text("server boss\n")
    assert "sudo rm" in str(chrony.remove(paths, folder=folder))


def test_the_computer_of_a_simulated_reactor_is_left_alone(paths: Paths, tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    assert chrony.write(paths, chrony.leader_text(), is_simulated=True, folder=folder) is None
    assert list(folder.iterdir()) == []
    (folder / "pioreactor.conf").write_text("server boss\n")
    assert chrony.remove(paths, folder=folder) is None
    assert (folder / "pioreactor.conf").exists(), "it belongs to another unit on this computer"
