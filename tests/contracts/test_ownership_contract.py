"""Files and table keep the promise of `Ownership`."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pioreactor.devices.ownership import FileLockOwnership, MemoryOwnership
from pioreactor.devices.ports import Ownership
from pioreactor.exc import ActuatorInUseError
from pioreactor.testing.contracts.devices import OwnershipContract

HOLD_FOR_EVER = """
import sys
from pathlib import Path
from pioreactor.devices.ownership import FileLockOwnership
lease = FileLockOwnership(Path(sys.argv[1])).acquire(sys.argv[2], sys.argv[3])
print("held", flush=True)
sys.stdin.read()
"""


def start_holder(directory: Path, resource: str, owner: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD_FOR_EVER, str(directory), resource, owner],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: "subprocess.Popen[str] | subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


class TestFileLockOwnership(OwnershipContract):
    @pytest.fixture
    def ownership(self, tmp_path: Path) -> Ownership:
        return FileLockOwnership(tmp_path / "locks")

    @pytest.fixture
    def kill_holder(self, ownership: Ownership, tmp_path: Path) -> Callable[[str, str], None]:
        def hold_and_die(resource: str, owner: str) -> None:
            process = start_holder(tmp_path / "locks", resource, owner)
            try:
                assert ownership.holder(resource) == owner
                with pytest.raises(ActuatorInUseError, match=rf"{owner} \(process {process.pid}\)"):
                    ownership.acquire(resource, "impatient")
            finally:
                kill(process)

        return hold_and_die

    def test_two_views_of_one_directory_exclude_each_other(self, ownership: Ownership, tmp_path: Path) -> None:
        lease = ownership.acquire("pwm-17", "here")
        elsewhere = FileLockOwnership(tmp_path / "locks")
        assert elsewhere.holder("pwm-17") == "here"
        with pytest.raises(ActuatorInUseError):
            elsewhere.acquire("pwm-17", "there")
        lease.release()

    def test_note_tells_which_process(self, ownership: Ownership, tmp_path: Path) -> None:
        lease = ownership.acquire("pwm-17", "a long name of a former owner")
        lease.release()
        lease = ownership.acquire("pwm-17", "b")
        note = json.loads((tmp_path / "locks" / "pwm-17.lock").read_text())
        assert note["owner"] == "b"
        assert note["pid"] == os.getpid()
        assert note["started"] is None or note["started"] > 0
        lease.release()

    def test_a_lease_is_not_inherited_by_a_program_that_is_started(self, ownership: Ownership) -> None:
        lease = ownership.acquire("pwm-17", "parent")
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False, text=True)
        try:
            lease.release()
            assert ownership.holder("pwm-17") is None
        finally:
            kill(child)

    def test_looking_never_refuses_somebody_who_acquires(self, ownership: Ownership, tmp_path: Path) -> None:
        stop = threading.Event()

        def look() -> None:
            looker = FileLockOwnership(tmp_path / "locks")
            while not stop.is_set():
                looker.holder("pwm-17")

        onlookers = [threading.Thread(target=look) for _ in range(2)]
        for thread in onlookers:
            thread.start()
        try:
            for _ in range(200):
                ownership.acquire("pwm-17", "worker").release()
        finally:
            stop.set()
            for thread in onlookers:
                thread.join()

    def test_a_process_that_is_frozen_keeps_nobody_from_looking(self, ownership: Ownership, tmp_path: Path) -> None:
        """The output guard looks; a process that is frozen while it takes, looks or gives up must not make it wait."""
        ownership.acquire("pwm-17", "died").release()
        busy = (
            "from pathlib import Path\nfrom pioreactor.devices.ownership import FileLockOwnership\n"
            f"mine = FileLockOwnership(Path({str(tmp_path / 'locks')!r}))\nprint(flush=True)\n"
            "while True:\n    mine.holder('pwm-17'); mine.acquire('pwm-18', 'busy').release(); mine.abandoned()\n"
        )
        child = subprocess.Popen([sys.executable, "-c", busy], stdout=subprocess.PIPE)
        try:
            assert child.stdout is not None
            child.stdout.readline()
            for _ in range(30):
                child.send_signal(signal.SIGSTOP)
                looking = threading.Thread(target=lambda: (ownership.holder("pwm-17"), ownership.abandoned()))
                looking.start()
                looking.join(timeout=5.0)
                waits = looking.is_alive()
                child.send_signal(signal.SIGCONT)
                looking.join()
                assert not waits
        finally:
            kill(child)

    def test_one_of_many_rivals_wins(self, tmp_path: Path) -> None:
        won: list[str] = []
        barrier = threading.Barrier(6)

        def rival(name: str) -> None:
            mine = FileLockOwnership(tmp_path / "locks")
            barrier.wait()
            try:
                mine.acquire("job-x", name)
                won.append(name)
            except ActuatorInUseError:
                pass

        rivals = [threading.Thread(target=rival, args=(f"r{n}",)) for n in range(6)]
        for thread in rivals:
            thread.start()
        for thread in rivals:
            thread.join()
        assert len(won) == 1


class TestMemoryOwnership(OwnershipContract):
    @pytest.fixture
    def ownership(self) -> MemoryOwnership:
        return MemoryOwnership()

    @pytest.fixture
    def kill_holder(self, ownership: MemoryOwnership) -> Callable[[str, str], None]:
        def hold_and_die(resource: str, owner: str) -> None:
            ownership.acquire(resource, owner)
            ownership.acquire(f"{resource}-too", owner)
            ownership.drop_holder(owner)
            assert ownership.holder(f"{resource}-too") is None

        return hold_and_die

    def test_dropping_one_owner_leaves_the_others(self, ownership: MemoryOwnership) -> None:
        ownership.acquire("pwm-17", "a")
        ownership.acquire("pwm-13", "b")
        ownership.drop_holder("a")
        assert ownership.holder("pwm-17") is None
        assert ownership.holder("pwm-13") == "b"
