"""Sets the clock of the computer with systemd's `timedatectl`, which asks polkit whether the account may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from pioreactor.exc import InvalidRequestError, PioreactorError
from pioreactor.identity.computer import POLKIT_REMEDY
from pioreactor.processes.system_command import SystemCommandError, run_system_command

_TIMEOUT_S: Final = 20.0
_TIMEDATECTL: Final = ("timedatectl", "--no-ask-password")

Run = Callable[[Sequence[str]], None]


class ClockRefusedError(PioreactorError):
    """The operating system does not let this account set the clock, or has no program for it."""

    code = "clock_refused"
    status = 409
    remedy = POLKIT_REMEDY


def parse_moment(text: str) -> datetime:
    """Return an ISO time as UTC; without a zone it is UTC. Raise `InvalidRequestError` for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(
            f"{text[:40]!r} is not a valid time", remedy="Give it as 2026-11-29T10:00:00Z."
        ) from None
    return moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def run(command: Sequence[str]) -> None:
    """Run a command of systemd; raise `ClockRefusedError` when it fails."""
    try:
        run_system_command(command, timeout_s=_TIMEOUT_S)
    except SystemCommandError as error:
        if error.is_missing:
            raise ClockRefusedError(
                f"{error}: this computer has no systemd", remedy="Set the clock as root: date --utc --set=TIME"
            ) from None
        raise ClockRefusedError(f"the clock was not set: {error}") from error


def set_clock(moment: datetime, *, run: Run = run) -> None:
    """Set the clock by hand. The time service is stopped meanwhile: systemd refuses otherwise."""
    if not 2020 <= moment.year <= 2100:
        raise InvalidRequestError(f"{moment.year} is not a plausible year")
    has_service = _switch_time_service(on=False, run=run)
    try:
        run([*_TIMEDATECTL, "set-time", f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"])
    finally:
        if has_service:
            _switch_time_service(on=True, run=run)


def synchronize(*, run: Run = run) -> None:
    """Restart the time service, which sets the clock by its server at once."""
    if not _switch_time_service(on=False, run=run):
        raise ClockRefusedError(
            "no time service is installed", remedy="sudo apt install chrony, then restart it: it follows the leader."
        )
    _switch_time_service(on=True, run=run)


def _switch_time_service(*, on: bool, run: Run) -> bool:
    """Start or stop the time service; return False where there is none."""
    try:
        run([*_TIMEDATECTL, "set-ntp", "true" if on else "false"])
    except ClockRefusedError as error:
        if "NTP not supported" in str(error):
            return False
        raise
    return True
