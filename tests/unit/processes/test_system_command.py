"""Commands of the operating system: what they answer, and why they fail."""

import pytest

from pioreactor.processes.system_command import SystemCommandError, run_system_command


def test_a_command_that_succeeds_returns_its_output() -> None:
    assert run_system_command(("echo", "yes"), timeout_s=10.0) == "yes\n"


def test_a_refusal_is_what_the_command_wrote() -> None:
    with pytest.raises(SystemCommandError, match=r"^Access denied$") as refused:
        run_system_command(("sh", "-c", "echo Access denied >&2; exit 1"), timeout_s=10.0)
    assert refused.value.stderr == "Access denied"


def test_a_silent_refusal_has_its_exit_code() -> None:
    with pytest.raises(SystemCommandError, match=r"^exit code 3$"):
        run_system_command(("sh", "-c", "exit 3"), timeout_s=10.0)


def test_a_missing_command_is_named() -> None:
    with pytest.raises(SystemCommandError, match=r"^no-such-program is not installed$") as refused:
        run_system_command(("no-such-program",), timeout_s=10.0)
    assert refused.value.is_missing
    assert refused.value.stderr is None


def test_a_command_that_does_not_end_is_killed_in_time() -> None:
    with pytest.raises(SystemCommandError, match=r"timed out after 0\.05 seconds") as refused:
        run_system_command(("sleep", "60"), timeout_s=0.05)
    assert refused.value.stderr is None
