"""What the computer of a unit says about itself, and how it is switched off."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from pioreactor.identity.computer import Computer, SimulatedComputer
from pioreactor.processes import system_command


def test_the_description_of_the_hat_tells_version_and_serial(tmp_path: Path) -> None:
    for name, text in (
        ("vendor", "Pioreactor Inc."),
        ("product_id", "0x0001"),
        ("product_ver", "0x0012"),
        ("uuid", "5f2c0a6e-0000-4000-8000-000000000001"),
    ):
        (tmp_path / name).write_bytes(text.encode() + b"\x00")
    found = Computer(device_tree_hat=tmp_path).versions()
    assert (found["hat"], found["hat_serial"]) == ("1.2", "5f2c0a6e-0000-4000-8000-000000000001")


def test_without_a_hat_there_is_none(tmp_path: Path) -> None:
    found = Computer(device_tree_hat=tmp_path / "none").versions()
    assert (found["hat"], found["hat_serial"]) == (None, None)
    assert found["rpi_machine"]


def test_switching_off_asks_systemd_and_nobody_for_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(system_command, "run_system_command", lambda command, **_options: asked.append(command))
    assert Computer().power_off()
    assert asked == [("systemctl", "--no-ask-password", "poweroff")]


def test_a_refusal_is_told_in_the_words_of_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(command: Any, **_options: Any) -> Any:
        return subprocess.CompletedProcess(command, 1, stdout="", stderr="Access denied\n")

    monkeypatch.setattr(subprocess, "run", refuse)
    with pytest.raises(OSError, match=r"refuses to power off: Access denied$"):
        Computer().power_off()


def test_somebodys_computer_stays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(subprocess, "run")
    assert not Computer(belongs_to_reactor=False).power_off()
    assert not SimulatedComputer().power_off()
