"""The frame of the command line: what is imported when, what is suggested, and how commands end."""

import os
import subprocess
import sys
from typing import Any

import click
import pytest

from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.exit_codes import run
from pioreactor.cli.pios import pios
from pioreactor.cli.tree import ENTRIES, pio
from pioreactor.exc import ConflictError
from pioreactor.version import __version__


def _modules_after(code: str) -> set[str]:
    shown = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print('\\n'.join(sys.modules), file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(shown.stderr.split())


def test_the_version_is_printed_without_click() -> None:
    modules = _modules_after("import sys; sys.argv = ['pio', 'version']; from pioreactor.cli.main import main; main()")
    assert "click" not in modules
    assert "msgspec" not in modules


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_the_help_is_printed_without_click(flag: str) -> None:
    modules = _modules_after(f"import sys; sys.argv = ['pio', '{flag}']; from pioreactor.cli.main import main; main()")
    assert not modules & {"click", "typing", "pathlib", "msgspec"}


@pytest.mark.parametrize("columns", ["", "60", "80", "200", "many"])
def test_the_printed_help_is_that_of_the_commands(columns: str) -> None:
    environment = {**os.environ, "COLUMNS": columns}
    imports = "from pioreactor.cli.exit_codes import run_and_exit; from pioreactor.cli.tree import pio"
    own = f"{imports}; run_and_exit(pio, ['-h'])"
    shown = [
        subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True, env=environment).stdout
        for command in (["-m", "pioreactor.cli.main", "-h"], ["-c", own])
    ]
    assert shown[0] == shown[1]
    assert "Usage: pio" in shown[0]


def test_help_imports_no_command_and_nothing_heavy() -> None:
    modules = _modules_after("from pioreactor.cli.tree import pio; pio.main(['--help'], standalone_mode=False)")
    assert not {name for name in modules if name.startswith("pioreactor.cli.commands.")}
    assert not modules & {"msgspec", "numpy", "paho", "sqlite3", "rich", "yaml", "litestar", "configparser", "logging"}


@pytest.mark.parametrize("name", ENTRIES)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = pio.get_command(click.Context(pio), name)
    assert command is not None
    assert command.help is not None
    assert command.help.startswith(ENTRIES[name].help.removesuffix("."))


def _all_commands(command: click.Command, path: str) -> list[tuple[str, click.Command]]:
    found = [(path, command)]
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            found += _all_commands(child, f"{path} {name}")
    return found


def test_every_command_and_option_is_explained() -> None:
    silent = []
    for root in (pio, pios):
        for path, command in _all_commands(root, str(root.name)):
            if not command.help:
                silent.append(path)
            options = [each for each in command.params if isinstance(each, click.Option)]
            silent += [f"{path} {option.opts[0]}" for option in options if not option.help]
    assert silent == []


def test_an_unknown_command_is_answered_with_the_nearest(desk: Any) -> None:
    typed = desk.pio("jbs")
    assert typed.status == 2
    assert "There is no command 'jbs'. Did you mean 'jobs'?" in typed.err
    typed = desk.pio("jobs", "lst")
    assert "Did you mean 'list'?" in typed.err
    typed = desk.pio("zzzzzz")
    assert "There is no command 'zzzzzz'.\n" in typed.err


def test_an_unknown_option_is_answered_with_the_nearest(desk: Any) -> None:
    typed = desk.pio("kill", "--al-jobs")
    assert typed.status == 2
    assert "--all-jobs" in typed.err


def test_version(desk: Any) -> None:
    assert desk.pio("version").out == __version__ + "\n"
    assert desk.pios("--version").out == __version__ + "\n"
    assert f"software          {__version__}" in desk.pio("version", "-v").out


@click.command()
@click.argument("how")
def ends(how: str) -> None:
    if how == "own":
        raise ConflictError("the vial is full", remedy="Empty it.")
    if how == "interrupt":
        raise KeyboardInterrupt
    raise KeyError("unforeseen")


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("own", 1, "Error: the vial is full\n  Try: Empty it.\n"),
        ("interrupt", 130, "Interrupted.\n"),
        ("bug", 1, "Error: unexpected error (KeyError: 'unforeseen')."),
    ],
)
def test_endings(
    how: str, status: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEBUG", raising=False)
    assert run(ends, [how]) == status
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEBUG", "1")
    with pytest.raises(KeyError):
        run(ends, ["bug"])


def test_root_does_not_write_into_somebody_elses_data(
    desk: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Owned:
        st_uid = 1000

    class Dot:
        def exists(self) -> bool:
            return True

        def stat(self) -> Owned:
            return Owned()

    class Somewhere:
        dot_pioreactor = Dot()

    cli = CliContext({}, runtime=desk.runtime)
    cli.__dict__["paths"] = Somewhere()
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert run(pio, ["jobs", "list"], obj=cli) == 1
    assert "sudo -u '#1000'" in capsys.readouterr().err
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert run(pio, ["jobs", "list"], obj=cli) == 0
