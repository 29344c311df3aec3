"""A machine whose card has a code joins at boot: the commands of the systemd unit run, against a real leader."""

import os
import shlex
import socket
import subprocess
import time
from pathlib import Path

import pytest
from tests.unit.cluster.test_membership import Leader
from tests.unit.house.test_systemd_units import UNITS

from pioreactor.cluster.admission import JoinRequest
from pioreactor.cluster.membership import read_membership
from pioreactor.exc import UnitUnreachableError
from pioreactor.processes.launch import pio_argv
from pioreactor.storage.paths import Paths

pytestmark = [pytest.mark.system, pytest.mark.timeout(60)]
CODE = "K7QM-2XFD"


class Card:
    """A machine that runs the commands of the unit, with a folder in the place of the boot partition."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths.below(root)
        self.file = root / "boot" / "firmware" / "pioreactor-join.toml"
        self.file.parent.mkdir(parents=True)
        self.port = free_port()
        self.restarted = root / "restarted"
        self._bin = root / "bin"
        self._bin.mkdir()
        self._program("pio", f'exec {shlex.join(pio_argv())} "$@"')
        self._program("systemctl", f'echo "$@" >>{self.restarted}')
        self._root = root

    def _program(self, name: str, text: str) -> None:
        (self._bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self._bin / name).chmod(0o755)

    def write(self, text: str) -> None:
        self.file.write_text(text)

    def boot(self) -> subprocess.Popen[str]:
        return self._start("ExecStart")

    def after(self, result: str) -> str:
        """Run what systemd runs when the service has ended; return what it writes to the journal."""
        return self._start("ExecStopPost", SERVICE_RESULT=result).communicate(timeout=20)[0]

    def _start(self, key: str, **more: str) -> subprocess.Popen[str]:
        [unit] = [path for path in UNITS if path.stem == "pioreactor-join"]
        [line] = [line for line in unit.read_text().splitlines() if line.startswith(f"{key}=")]
        command = line.partition("=")[2].removeprefix("+").replace("$$", "$").replace("/boot", f"{self._root}/boot")
        dot, run, log = (str(self._root / name) for name in ("dot_pioreactor", "run", "pioreactor.log"))
        own = {"DOT_PIOREACTOR": dot, "RUN_PIOREACTOR": run, "PIO_LOG_FILE": log, "HOSTNAME": "worker1"}
        environment = {**os.environ, **own, **more, "PATH": f"{self._bin}:{os.environ['PATH']}"}
        return subprocess.Popen(
            shlex.split(command), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def take_in(leader: Leader, port: int) -> None:
    """Add the machine at the leader once it waits."""
    until_s = time.monotonic() + 30
    while True:
        try:
            leader.admission.admit(JoinRequest(f"127.0.0.1:{port}", CODE, "worker1"))
        except UnitUnreachableError:
            assert time.monotonic() < until_s
        else:
            return


def test_a_card_with_a_code_joins_once_and_loses_the_code(tmp_path: Path) -> None:
    leader = Leader(tmp_path / "leader")
    leader.set_up()
    card = Card(tmp_path / "card")
    card.write(f'code = "{CODE}"\nport = {card.port}\n')
    booting = card.boot()
    take_in(leader, card.port)
    said, _ = booting.communicate(timeout=30)
    assert booting.returncode == 0, said
    known = read_membership(card.paths)
    assert known is not None
    assert (known.leader, known.unit) == ("leader1", "worker1")

    again = card.boot()  # as after a power cut before the file was removed
    assert "belongs to the cluster of leader1" in again.communicate(timeout=30)[0]
    assert again.returncode == 0
    card.after("success")
    assert not card.file.exists()
    assert card.restarted.read_text() == "--no-block restart pioreactor.target\n"


def test_a_card_with_a_bad_file_says_what_is_wrong_and_keeps_it(tmp_path: Path) -> None:
    card = Card(tmp_path)
    card.write("code = 1\n")
    booting = card.boot()
    said, _ = booting.communicate(timeout=30)
    assert booting.returncode == 1
    assert "pioreactor-join.toml" in said
    assert 'a line such as code = "K7QM-2XFD"' in said
    assert "tried again at the next boot" in card.after("exit-code")
    assert card.file.exists()
    assert not card.restarted.exists()
