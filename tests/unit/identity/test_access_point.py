"""A Wi-Fi network that the computer opens itself is noticed; without NetworkManager there is none."""

from collections.abc import Sequence

import pytest

from pioreactor.identity.access_point import is_access_point
from pioreactor.processes.system_command import SystemCommandError


def answering(mode: str) -> dict[str, str]:
    return {"--active": "1-2:802-3-ethernet\n3-4:802-11-wireless\n", "3-4": f"{mode}\n"}


@pytest.mark.parametrize(("mode", "is_open"), [("ap", True), ("infrastructure", False)])
def test_a_network_of_its_own_is_noticed(mode: str, is_open: bool) -> None:
    def run(command: Sequence[str]) -> str:
        assert command[0] == "nmcli"
        return answering(mode)[command[-1]]

    assert is_access_point(run) is is_open


def test_without_network_manager_there_is_none() -> None:
    def run(command: Sequence[str]) -> str:
        raise SystemCommandError(f"{command[0]} is not installed", is_missing=True)

    assert is_access_point(run) is False
