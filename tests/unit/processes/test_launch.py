"""Launching of our own processes."""

import ast
import subprocess
from pathlib import Path

import pytest

import pioreactor
from pioreactor.messaging.accounts import Account
from pioreactor.messaging.broker import Broker
from pioreactor.processes.launch import module_argv, pio_argv

SOURCE = Path(pioreactor.__file__).parent


@pytest.fixture
def hostile_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory whose files bear the names of modules of the standard library."""
    for name in ("http", "json", "logging", "socket", "typing", "msgspec"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name}.py of the working directory was imported')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("hostile_directory")
@pytest.mark.parametrize(
    "argv",
    [
        pio_argv("version"),
        pio_argv("run", "--help"),
        pio_argv("web", "--help"),
        module_argv("pioreactor.twin.server", "--help"),
        module_argv("pioreactor.messaging.embedded", "--help"),
    ],
    ids=" ".join,
)
def test_files_of_the_working_directory_are_not_imported(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)
    assert "of the working directory" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


def test_the_embedded_broker_starts_in_any_directory(hostile_directory: Path) -> None:
    with Broker(hostile_directory / "broker", [Account("leader", "secret", "leader")], program="embedded") as broker:
        assert broker.is_running


def test_python_is_started_in_one_place() -> None:
    """Every other place would need the same protection."""
    users = {
        str(path.relative_to(SOURCE))
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "executable" and ast.unparse(node) == "sys.executable"
    }
    assert users == {"processes/launch.py"}


def test_units_of_systemd_start_python_with_a_safe_path() -> None:
    units = SOURCE / "install" / "systemd"
    for unit in units.glob("*.service") if units.is_dir() else ():
        for line in unit.read_text(encoding="utf-8").splitlines():
            assert "python -m" not in line, unit.name
