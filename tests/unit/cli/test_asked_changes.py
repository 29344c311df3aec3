"""Reasons and signatures that a lab asks for before commands."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from pioreactor.audit.change_policy import ReasonRequiredError, SignatureRequiredError
from pioreactor.audit.command_spool import report, take_in
from pioreactor.cli.asked_changes import ACTION_OF, Line, answer, without_reason
from pioreactor.cli.recorded_commands import is_recorded
from pioreactor.structs.audit import TypedCommand
from pioreactor.web.api import api_of_leader
from pioreactor.web.security.change_guard import actions_of


def environment(folder: Path, **asked: str) -> dict[str, str]:
    (folder / "config.ini").write_text("[audit]\n" + "".join(f"{key} = {value}\n" for key, value in asked.items()))
    return {"DOT_PIOREACTOR": str(folder), "RUN_PIOREACTOR": str(folder)}


def line(text: str, reason: str | None = None) -> Line:
    return Line(text.split(), reason)


@pytest.mark.parametrize(
    ("argv", "kept", "reason"),
    [
        (["run", "stirring", "--reason", "new medium"], ["run", "stirring"], "new medium"),
        (["--reason=a  b", "kill"], ["kill"], "a b"),
        (["kill"], ["kill"], "from the shell"),
        (["kill", "--reason"], ["kill"], None),
    ],
)
def test_the_reason_is_taken_out_of_a_command(argv: list[str], kept: list[str], reason: str | None) -> None:
    assert without_reason(argv, {"PIO_REASON": "from the shell"}) == Line(kept, reason)


@pytest.mark.parametrize("names", ["delete_experiment", "experiments delete", "experiments", "run, experiments", "*"])
def test_a_command_without_a_reason_is_refused_where_the_lab_asks(tmp_path: Path, names: str) -> None:
    with pytest.raises(ReasonRequiredError, match="experiments delete") as refused:
        answer(line("experiments delete e"), environment(tmp_path, reason_required=names))
    assert "--reason" in str(refused.value.remedy)
    assert answer(line("experiments delete e", "over"), environment(tmp_path, reason_required=names)) == "over"


def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    asked: Iterator[str] = iter([" because  of it "])
    env = environment(tmp_path, reason_required="run_on_units")
    assert answer(line("run stirring"), env, ask=lambda _: next(asked)) == "because of it"
    with pytest.raises(ReasonRequiredError):
        answer(line("run stirring"), env, ask=lambda _: "  ")


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Line, dict[str, str], str], tuple[str | None, str]]:
    """Return what types lines at the questions of a command, and returns the reason and what the terminal showed."""

    def typed(command: Line, env: dict[str, str], keys: str) -> tuple[str | None, str]:
        with CliRunner().isolation(keys) as (out, err, _):
            monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
            reason = answer(command, env)
            sys.stdout.flush()
            return reason, (out.getvalue() + err.getvalue()).decode()

    return typed


def test_a_terminal_asks_for_the_reason(tmp_path: Path, at_terminal: Any) -> None:
    env = environment(tmp_path, reason_required="run_on_units")
    reason, shown = at_terminal(line("run stirring"), env, "new  medium\n")
    assert reason == "new medium"
    assert "Reason for this change: new  medium" in shown
    with pytest.raises(ReasonRequiredError):
        at_terminal(line("run stirring"), env, "\n")


def test_a_terminal_has_a_change_signed_and_shows_no_secret(
    tmp_path: Path, at_terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str, Any]] = []

    class Context:
        runtime = SimpleNamespace(unit="leader")

        def ask_leader(self, method: str, path: str, json: object) -> None:
            sent.append((method, path, json))

    monkeypatch.setattr("pioreactor.cli.cli_context.CliContext", Context)
    env = environment(tmp_path, signature_required="restore_backup")
    keys = "ana\nI checked it\nhunter2 of ana\n123456\n"
    _, shown = at_terminal(line("backups restore x --password hidden"), env, keys)
    [(method, path, body)] = sent
    assert (method, path) == ("POST", "/api/units/leader/typed_signatures")
    assert (body["username"], body["meaning"], body["password"]) == ("ana", "I checked it", "hunter2 of ana")
    assert (body["code"], body["command"]) == ("123456", "pio backups restore x --password ***")
    asked = ("Your name in the panel: ana", "What your signature stands for: I checked it", "Password: ", "Code of the")
    assert [one for one in asked if one not in shown] == []
    assert [secret for secret in ("hunter2", "123456", "hidden") if secret in shown] == []


def test_others_are_not_asked(tmp_path: Path) -> None:
    env = environment(tmp_path, reason_required="run_on_units", signature_required="")
    assert answer(line("kill"), env) is None
    assert answer(line("run stirring"), {**env, "REQUESTED_BY": ""}) is None
    assert answer(line("kill"), {"DOT_PIOREACTOR": str(tmp_path / "no"), "RUN_PIOREACTOR": str(tmp_path)}) is None


def test_programs_cannot_sign_commands(tmp_path: Path) -> None:
    with pytest.raises(SignatureRequiredError, match="signed by a person"):
        answer(line("backups restore x"), environment(tmp_path, signature_required="restore_backup"))


def test_a_reason_reaches_the_trail(tmp_path: Path) -> None:
    report(tmp_path, ["kill"], account="lab", status=0, sent_at="2026-11-30T07:00:00Z", reason="leak\x1b")
    taken: list[TypedCommand] = []
    take_in(tmp_path, taken.extend)
    assert taken[0].change("unit1").reason == "leak\N{REPLACEMENT CHARACTER}"


def test_commands_and_actions_that_are_paired_exist() -> None:
    api: Any = api_of_leader(())
    assert sorted(set(ACTION_OF.values()) - actions_of(api.routes).keys()) == []
    assert [command for command in ACTION_OF if not is_recorded([*command.split(), "x"], {})] == []
