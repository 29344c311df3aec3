"""Commands that were typed on the leader's machine, until they are in the audit trail."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from pioreactor.audit.command_spool import CommandDelivery, report, take_in
from pioreactor.cli.recorded_commands import is_recorded
from pioreactor.exc import StorageError, UnitUnreachableError
from pioreactor.structs.audit import AuditedChange, TypedCommand

AT = "2026-11-29T12:00:00+00:00"


def reported(folder: Path, *argv: str, status: int | None = 0) -> None:
    report(folder, argv, account="lab", status=status, sent_at=AT)


def taken(folder: Path) -> list[AuditedChange]:
    found: list[TypedCommand] = []
    take_in(folder, found.extend)
    return [command.change() for command in found]


def test_commands_are_taken_in_once_in_order(tmp_path: Path) -> None:
    reported(tmp_path, "kill", "--all-jobs")
    reported(tmp_path, "people", "remove", "ana", status=1)
    first, second = taken(tmp_path)
    assert (first.summary, first.outcome, first.actor_kind, first.actor) == (
        "pio kill --all-jobs",
        "done",
        "account",
        "lab",
    )
    assert (second.summary, second.outcome, second.sent_at) == ("pio people remove ana", "failed", AT)
    assert taken(tmp_path) == []


@pytest.mark.parametrize(
    "argument", ["url=https://hooks/abc", "--token=abc", "password=abc", "bot_token=abc", "postgresql://a:abc@h/d"]
)
def test_secrets_in_arguments_are_omitted(tmp_path: Path, argument: str) -> None:
    reported(tmp_path, "alarms", "channel", "phone", argument)
    [change] = taken(tmp_path)
    assert "abc" not in change.summary
    assert "***" in change.summary


@pytest.mark.parametrize("option", ["-p", "--password"])
def test_a_password_that_was_typed_as_an_argument_is_omitted(tmp_path: Path, option: str) -> None:
    reported(tmp_path, "workers", "add", "w9", option, "raspberry", "--ssh")
    [change] = taken(tmp_path)
    assert change.summary == f"pio workers add w9 {option} *** --ssh"


def test_what_cannot_be_stored_is_taken_in_the_next_time(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        reported(tmp_path, "blink", name)
    stored: list[str] = []

    def full_after_one(commands: Sequence[TypedCommand]) -> None:
        if stored:
            raise StorageError("the disk is full")
        stored.extend(command.text for command in commands)

    with pytest.raises(StorageError):
        take_in(tmp_path, full_after_one, at_once=1)
    reported(tmp_path, "blink", "d")
    assert stored == ["pio blink a"]
    assert [change.summary for change in [*taken(tmp_path), *taken(tmp_path)]] == [
        *("pio blink b", "pio blink c", "pio blink d"),
    ]


def test_no_command_is_lost_while_others_are_taken_in(tmp_path: Path) -> None:
    """One thread reports, and this one takes in what is there."""

    def report_many() -> None:
        for number in range(500):
            reported(tmp_path, "blink", str(number))

    reporting = threading.Thread(target=report_many)
    reporting.start()
    found: list[str] = []
    while reporting.is_alive():
        found += [change.summary for change in taken(tmp_path)]
    reporting.join()
    found += [change.summary for change in taken(tmp_path)]
    assert found == [f"pio blink {n}" for n in range(500)]


def test_on_a_full_disk_no_command_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b"):
        reported(tmp_path, "blink", name)

    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patched, pytest.raises(StorageError):
        patched.setattr("pioreactor.audit.command_spool.write_atomically", full)
        take_in(tmp_path, full)
    assert [change.summary for change in taken(tmp_path)] == ["pio blink a", "pio blink b"]


@pytest.mark.parametrize("line", [b"", b"{", b"\xff\xfe", b"[" * 50_000, b'{"argv": 3}', b"null"])
def test_a_damaged_line_is_recorded_and_holds_up_nothing(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "commands.jsonl").write_bytes(line + b"\n")
    reported(tmp_path, "blink")
    assert taken(tmp_path)[-1].summary == "pio blink"


def test_what_waits_is_bounded_and_the_rest_is_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pioreactor.audit.command_spool.MAX_FILE_BYTES", 5_000)
    for number in range(100):
        reported(tmp_path, "blink", str(number))
    assert (tmp_path / "commands.jsonl").stat().st_size < 5_200
    found = [change.summary for change in taken(tmp_path)]
    assert found[:2] == ["pio blink 0", "pio blink 1"]
    assert found[-1].startswith(f"commands after {AT} are missing")
    assert 20 < len(found) < 100


def test_characters_that_command_a_terminal_are_replaced(tmp_path: Path) -> None:
    reported(tmp_path, "log", "\x1b[2J\n\u202eabc")
    [change] = taken(tmp_path)
    assert change.summary.isprintable()


def test_a_worker_sends_what_was_typed_once_its_leader_is_back(tmp_path: Path) -> None:
    reported(tmp_path, "kill", "--all-jobs")
    sent: list[str] = []
    pauses: list[float] = []

    def send(commands: Sequence[TypedCommand]) -> None:
        if len(pauses) < 4:
            raise UnitUnreachableError("the leader is away")
        sent.extend(command.text for command in commands)

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) == 7

    CommandDelivery(tmp_path, send).run(pause)
    assert sent == ["pio kill --all-jobs"]
    assert pauses == [5, 10, 20, 40, 5, 5, 5]


def test_a_missing_folder_and_odd_arguments_do_no_harm(tmp_path: Path) -> None:
    reported(tmp_path / "missing", "blink")
    reported(tmp_path, os.fsdecode(b"\xff\xfe"), "x" * 100_000, *["y"] * 1000)
    assert len(taken(tmp_path)) == 1


@pytest.mark.parametrize(
    ("line", "is_change"),
    [
        *(("jobs set stirring target_rpm 400", True), ("jobs list", False), ("run stirring", True), ("run", False)),
        *(("run monitor", False), ("kill --all-jobs", True), ("status", False), ("people add mia", True)),
        *(("people list --json", False), ("config set a b c", True), ("config get a b", False), ("--help", False)),
        *(("calibrations run --device od", True), ("calibrations delete x", True), ("calibrations display", False)),
        *(("backups restore", True), ("audit verify", False), ("update app", True), ("cluster run", False)),
        *(("experiments delete x", True), ("kill --help", False), ("alarms acknowledge 1", True)),
        *(("clock set 2026-11-29", True), ("clock show", False)),
    ],
)
def test_what_is_recorded_is_what_changes_something(line: str, is_change: bool) -> None:
    assert is_recorded(line.split(), {}) == is_change


@pytest.mark.parametrize("name", ["REQUESTED_BY", "PIOREACTOR_RESUMED"])
def test_what_the_web_server_starts_is_recorded_there(name: str) -> None:
    assert not is_recorded(["run", "stirring"], {name: "1"})
    assert not is_recorded(["run", "stirring"], {"JOB_SOURCE": "experiment_profile/1"})
