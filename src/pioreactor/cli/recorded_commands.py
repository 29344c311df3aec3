"""Which commands go into the audit trail of the leader."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

_READING_GROUPS: Final = frozenset(
    {
        *("audit", "demo", "estimate", "export", "log", "logs", "mqtt", "rehearsals", "rehearse", "simulate", "status"),
        *("usb", "version", "web"),
    }
)
_READING: Final = frozenset(
    {
        *("actions", "analyze", "channels", "conditions", "deliveries", "discover", "display", "get", "info"),
        *(
            "invitations",
            "list",
            "new",
            "protocols",
            "rules",
            "run",
            "running",
            "sessions",
            "show",
            "status",
            "token",
            "verify",
            "view",
        ),
        "verify-release-archive",
    }
)
"""Second words of commands that change nothing; `cluster run` is a service, and `calibrations run` is below."""
_CHANGING: Final = frozenset({("calibrations", "run")})
_SERVICES: Final = frozenset({"monitor", "mqtt_to_db_streaming", "alarms"})
_STARTED_BY_OTHERS: Final = ("REQUESTED_BY", "PIOREACTOR_RESUMED")
"""Set for a process that the web server starts for a person, which is recorded there, or that resumes."""


def is_recorded(arguments: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether a command line is one that a person typed to change something."""
    words = [each for each in arguments if not each.startswith("-")]
    if not words or "--help" in arguments or _is_started_by_another(environment):
        return False
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first == "run":
        return second != "" and second not in _SERVICES
    return first not in _READING_GROUPS and ((first, second) in _CHANGING or second not in _READING)


def _is_started_by_another(environment: Mapping[str, str]) -> bool:
    is_profile = "/" in environment.get("JOB_SOURCE", "")
    return is_profile or any(environment.get(name) for name in _STARTED_BY_OTHERS)


def record(arguments: Sequence[str], status: int | None, *, reason: str | None = None) -> None:
    """Report a command to the audit trail of the leader; the server of this machine has made the folder for it."""
    from pioreactor.storage.paths import Paths

    folder = Paths.from_environment(os.environ).audit_spool
    if folder.is_dir():
        from datetime import UTC, datetime

        from pioreactor.audit.command_spool import report

        now = datetime.now(UTC).isoformat()
        report(folder, arguments, account=_account(), status=status, sent_at=now, reason=reason)


def _account() -> str:
    import getpass

    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
