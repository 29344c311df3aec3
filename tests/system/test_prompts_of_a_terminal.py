"""Questions of `pio` at a real terminal: what is shown, what Ctrl-C leaves, and what programs are told."""

import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.system.test_web_live_messages import Server, serving

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

COMMAND = ("config", "set", "--specific", "stirring", "initial_duty_cycle", "41")


@dataclass
class Terminal:
    """A pseudo-terminal that `pio` runs in, as its controlling terminal."""

    argv: list[str]
    environment: dict[str, str]
    shown: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._keys, terminal = os.openpty()
        try:
            argv = ["setsid", "--ctty", "--wait", *self.argv]
            self._process = subprocess.Popen(
                argv, env=self.environment, stdin=terminal, stdout=terminal, stderr=terminal
            )
        finally:
            self._terminal = terminal

    def wait_for(self, text: str) -> None:
        """Read until the terminal shows a text that it has not shown before the last answer."""
        while text not in self.shown.rpartition("\r\n")[2]:
            read = self._read()
            assert read, f"{text!r} is not shown: {self.shown!r}"

    def answer(self, text: str) -> None:
        os.write(self._keys, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C until the program has ended: Python does not notice one just before it begins to read."""
        is_running = True
        while is_running:
            os.write(self._keys, termios.tcgetattr(self._keys)[6][termios.VINTR])
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
                is_running = False

    @property
    def echoes(self) -> bool:
        """Whether what is typed now is shown."""
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def end(self) -> int:
        """Return the exit status, with all that was shown."""
        os.close(self._terminal)
        while self._read():
            pass
        os.close(self._keys)
        return self._process.wait(30)

    def _read(self) -> str:
        try:
            text = os.read(self._keys, 4096).decode()
        except OSError:  # the other end was closed
            return ""
        self.shown += text
        return text


@dataclass
class Lab:
    """A leader whose web server runs, and its command line."""

    server: Server
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "dot_pioreactor" / "config.ini"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        own = {"DOT_PIOREACTOR": str(self.config.parent), "RUN_PIOREACTOR": str(self.folder / "run")}
        return {**kept, **own, "HOSTNAME": "leader1", "PIO_LOG_FILE": str(self.folder / "log"), "COLUMNS": "120"}

    def ask_for(self, kind: str) -> None:
        with self.config.open("a") as file:
            file.write(f"[audit]\n{kind}_required = config set\n")

    def argv(self) -> list[str]:
        return [sys.executable, "-m", "pioreactor.cli.main", *COMMAND]

    def terminal(self) -> Terminal:
        return Terminal(self.argv(), self.environment)

    def program(self) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.argv(), env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )

    @property
    def is_changed(self) -> bool:
        own = self.config.with_name("unit_config.ini")
        return own.is_file() and "initial_duty_cycle" in own.read_text()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with serving(tmp_path) as server:
        yield Lab(server, tmp_path / "leader")


def test_a_reason_is_asked_for_and_recorded(lab: Lab) -> None:
    lab.ask_for("reason")
    terminal = lab.terminal()
    terminal.wait_for("Reason for this change: ")
    assert terminal.echoes
    terminal.answer("new motor")
    assert terminal.end() == 0, terminal.shown
    assert lab.is_changed


def test_a_signature_is_asked_for_and_no_secret_is_shown(lab: Lab) -> None:
    lab.ask_for("signature")
    terminal = lab.terminal()
    for question, answer in (
        ("Your name in the panel: ", "pioreactor"),
        ("What your signature stands for: ", "checked"),
    ):
        terminal.wait_for(question)
        assert terminal.echoes
        terminal.answer(answer)
    terminal.wait_for("Password: ")
    assert not terminal.echoes
    terminal.answer(lab.server.password)
    terminal.wait_for("Code of the authenticator app (blank: none): ")
    assert not terminal.echoes
    terminal.answer("")
    assert terminal.end() == 0, terminal.shown
    assert lab.is_changed
    assert lab.server.password not in terminal.shown
    assert "checked" in terminal.shown


def test_a_wrong_password_changes_nothing(lab: Lab) -> None:
    lab.ask_for("signature")
    terminal = lab.terminal()
    for question, answer in (
        ("Your name in the panel: ", "pioreactor"),
        ("What your signature stands for: ", "checked"),
        ("Password: ", "a guess"),
        ("Code of the authenticator app (blank: none): ", ""),
    ):
        terminal.wait_for(question)
        terminal.answer(answer)
    assert terminal.end() == 1
    assert "Error: Wrong password; nothing was signed." in terminal.shown
    assert "a guess" not in terminal.shown
    assert not lab.is_changed


@pytest.mark.parametrize(
    ("kind", "answered", "question"),
    [
        ("reason", [], "Reason for this change: "),
        ("signature", ["pioreactor", "checked"], "Password: "),
    ],
)
def test_an_interrupt_at_a_question_leaves_without_a_change(
    lab: Lab, kind: str, answered: list[str], question: str
) -> None:
    lab.ask_for(kind)
    terminal = lab.terminal()
    for answer in answered:
        terminal.wait_for(": ")
        terminal.answer(answer)
    terminal.wait_for(question)
    terminal.interrupt()
    assert terminal.end() == 130, terminal.shown
    assert "Interrupted.\r\n" in terminal.shown, terminal.shown
    assert "Traceback" not in terminal.shown
    assert not lab.is_changed


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (
            "reason",
            "Error: a reason is asked for `pio config set`; nothing was done\n  Try: Add --reason TEXT",
        ),
        ("signature", "Error: `pio config set` is signed by a person; nothing was done\n  Try: Type it at a terminal"),
    ],
)
def test_a_program_is_told_what_is_missing(lab: Lab, kind: str, said: str) -> None:
    lab.ask_for(kind)
    done = lab.program()
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
    assert not lab.is_changed
