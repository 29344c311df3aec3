"""A machine that can be logged in to joins by its own code. A stand-in takes the place of `ssh`; the real one runs in
`tests/system/test_a_cluster_from_nothing.py`."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cluster.test_membership import Leader, Machine

from pioreactor.cluster import membership
from pioreactor.cluster.admission import JoinRequest
from pioreactor.cluster.ssh_account import SshAccount, SshKeys
from pioreactor.cluster.ssh_join import join_by_ssh
from pioreactor.cluster.ssh_machine import SshMachine
from pioreactor.exc import (
    ConflictError,
    InvalidRequestError,
    NotPermittedError,
    PioreactorError,
    StorageError,
    UnitUnreachableError,
)

PASSWORD = "correct horse"


@pytest.fixture
def leader(tmp_path: Path) -> Leader:
    made = Leader(tmp_path / "leader1")
    made.set_up()
    return made


@pytest.fixture
def reach(leader: Leader, tmp_path: Path) -> Callable[..., SshMachine]:
    def make(script: str, account: SshAccount = SshAccount("127.0.0.1")) -> SshMachine:  # noqa: B008  frozen
        """Return a machine whose `ssh` is a script; `$command` is what is to run there."""
        program = tmp_path / "ssh"
        saved = f'printf "%s\\n" "$@" >>{tmp_path}/arguments\nenv >>{tmp_path}/environment\n'
        program.write_text(f"#!/bin/sh\n{saved}for command; do :; done\n{script}\n")
        program.chmod(0o700)
        return SshMachine(SshKeys(leader.paths.secrets), account, program=(str(program),))

    return make


def showing(machine: Machine, *, started: str = "exit 0") -> str:
    shown = json.dumps(
        {"unit": "worker1", "address": "10.0.0.2", "port": machine.server.port, "code": machine.codes[-1]}
    )
    return f'case "$command" in *"cluster join"*) echo welcome; echo {shlex.quote(shown)};; *) {started};; esac'


def test_the_code_that_the_machine_shows_joins_it(
    leader: Leader, reach: Callable[..., SshMachine], tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "worker1")
    there = reach(showing(machine), SshAccount("127.0.0.1", 22, "pi", PASSWORD))
    with machine.server:
        joined = join_by_ssh(there, leader.admission, JoinRequest("127.0.0.1", "", "worker1"), is_simulated=True)
    assert (joined.unit, joined.warning) == ("worker1", None)
    known = membership.read_membership(machine.paths)
    assert known is not None
    assert known.leader == "leader1"
    arguments = (tmp_path / "arguments").read_text()
    assert "StrictHostKeyChecking=accept-new" in arguments
    assert "pio cluster join --json --port 0 --wait-min 2 --simulated" in arguments
    assert PASSWORD not in arguments
    kept = [path for path in leader.paths.secrets.rglob("*") if path.is_file()]
    assert all(PASSWORD not in path.read_text(errors="replace") for path in kept), "the password is not stored"
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept if path.suffix != ".pub")


def test_a_machine_of_another_name_is_not_taken_in(
    leader: Leader, reach: Callable[..., SshMachine], tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "worker1")
    with machine.server, pytest.raises(ConflictError, match="called worker1, not worker2"):
        join_by_ssh(reach(showing(machine)), leader.admission, JoinRequest("127.0.0.1", "", "worker2"))


def test_services_that_do_not_start_are_a_warning(
    leader: Leader, reach: Callable[..., SshMachine], tmp_path: Path
) -> None:
    machine = Machine(tmp_path / "worker1")
    there = reach(showing(machine, started="echo no systemd >&2; exit 3"))
    with machine.server:
        joined = join_by_ssh(there, leader.admission, JoinRequest("127.0.0.1", "", "worker1"))
    assert joined.warning is not None
    assert "not started" in joined.warning
    assert "no systemd" in joined.warning


FORMER = 'case "$command" in *version*) echo 26.11.1;; *) echo "Error: No such option: --json" >&2; exit 2;; esac'
ELSEWHERE = "echo 'worker1 belongs to the cluster of leader2' >&2; exit 1"


@pytest.mark.parametrize(
    ("script", "error", "said", "remedy"),
    [
        (FORMER, ConflictError, "version 26.11.1", "Install this software"),
        ("echo 'sh: 1: pio: not found' >&2; exit 127", ConflictError, "no `pio`", "Install this software"),
        ("echo 'pi@x: Permission denied (publickey).' >&2; exit 255", NotPermittedError, "refuses", "ssh-ed25519 "),
        ("echo 'Host key verification failed.' >&2; exit 255", NotPermittedError, "host key", "replace"),
        ("echo 'connect to host x port 22: refused' >&2; exit 255", UnitUnreachableError, "port 22", "SSH is"),
        (ELSEWHERE, PioreactorError, "belongs to the cluster of leader2", ""),
        ("echo '{\"hello\": 1}'", ConflictError, "no code", ""),
        ("sleep 5", UnitUnreachableError, "within 0.2 s", ""),
    ],
)
def test_what_keeps_a_machine_out_is_said_with_its_cure(
    leader: Leader, reach: Callable[..., SshMachine], script: str, error: type[PioreactorError], said: str, remedy: str
) -> None:
    wait_s = 0.2 if script.startswith("sleep") else 10.0
    with pytest.raises(error, match=said) as raised:
        join_by_ssh(reach(f"exec {script}" if "sleep" in script else script), leader.admission,
                    JoinRequest("127.0.0.1", "", "worker1"), wait_s=wait_s)  # fmt: skip
    assert remedy in str(raised.value.remedy)


@pytest.mark.parametrize(("host", "user"), [("-oProxyCommand=x", "pi"), ("x", "-oProxyCommand=x"), ("x", "pi\n")])
def test_names_that_ssh_would_take_for_options_are_refused(host: str, user: str) -> None:
    with pytest.raises(InvalidRequestError):
        SshAccount(host, 22, user)


def test_a_missing_ssh_is_named(tmp_path: Path) -> None:
    machine = SshMachine(SshKeys(tmp_path), SshAccount("x"), program=("/nowhere/ssh",))
    with pytest.raises(StorageError, match="cannot be started"):
        machine.run("true")
