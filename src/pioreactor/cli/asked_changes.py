"""What a lab asks for before a command that changes something: a reason, or the signature of a person."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

REASON_VARIABLE: Final = "PIO_REASON"
_ASKED: Final = re.compile(r"^(reason|signature)_required[ \t]*[=:](.*)", re.MULTILINE)
ACTION_OF: Final[Mapping[str, str]] = {
    "run": "run_on_units",
    "kill": "stop_on_units",
    "jobs set": "update_on_units",
    "experiments create": "create_experiment",
    "experiments delete": "delete_experiment",
    "experiments rename": "rename_experiment",
    "experiments end": "unassign_all",
    "config set": "save_shared_config",
    "calibrations set-active": "use_calibration",
    "calibrations delete": "delete_calibration",
    "estimators set-active": "use_estimator",
    "estimators delete": "delete_estimator",
    "plugins install": "install_plugin",
    "plugins update": "update_plugins",
    "plugins uninstall": "uninstall_plugin",
    "plugins enable": "enable_plugin",
    "plugins disable": "disable_plugin",
    "workers add": "add_worker",
    "workers remove": "remove_worker",
    "workers assign": "assign_worker",
    "workers unassign": "unassign_one",
    "workers update-active": "set_active",
    "workers update-model": "set_model",
    "people add": "add_person",
    "people remove": "remove_person",
    "people rights": "change_rights",
    "people invite": "invite",
    "alarms acknowledge": "acknowledge_alarms",
    "alarms shelve": "shelve_alarm",
    "alarms rule": "change_alarm_rule",
    "alarms reset-rule": "reset_alarm_rule",
    "alarms channel": "put_alarm_channel",
    "alarms remove-channel": "remove_alarm_channel",
    "backups restore": "restore_backup",
    "update app": "update_app",
    "model set": "set_model",
}
"""Command → action of the API that does the same; every command also goes by its own words."""


class Line(NamedTuple):
    """A command line without `--reason`, and the reason; None where none was given."""

    arguments: list[str]
    reason: str | None


def without_reason(arguments: Sequence[str], environment: Mapping[str, str]) -> Line:
    """Take `--reason TEXT` out of a command line; every command has this option. `PIO_REASON` stands in for it."""
    given, rest = environment.get(REASON_VARIABLE), iter(arguments)
    kept: list[str] = []
    for each in rest:
        name, is_pair, value = each.partition("=")
        if name != "--reason":
            kept.append(each)
        else:
            given = value if is_pair else next(rest, "")
    reason = " ".join(given.split())[:500] if given else ""
    return Line(kept, reason if reason else None)


def is_asked(kind: str, config: Path, arguments: Sequence[str]) -> bool:
    """Return whether the lab asks for a `reason` or a `signature`, as `kind` says, for this command."""
    text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
    names = dict(_ASKED.findall(text)).get(kind, "")
    return not {"*", *names_of(arguments)}.isdisjoint(re.split(r"\s*,\s*", names.strip()))


def names_of(arguments: Sequence[str]) -> set[str | None]:
    """Return by which names a configuration may mean this command: its words, and the action of the API."""
    words = [each for each in arguments if not each.startswith("-")]
    known = (" ".join(words[:1]), " ".join(words[:2]))
    return {*known, *map(ACTION_OF.get, known)} - {""}


def answer(line: Line, environment: Mapping[str, str], *, ask: Callable[[str], str] | None = None) -> str | None:
    """Return the reason for a command, asked for on a terminal where the lab wants one; have it signed as well.

    `ask` asks a person; None: the terminal, if there is one. Raise `ReasonRequiredError`, `SignatureRequiredError`,
    or what the leader says about a signature.
    """
    from pioreactor.storage.paths import Paths

    if "REQUESTED_BY" in environment:
        return line.reason  # started by the web server, which was asked
    config, reason = Paths.from_environment(environment).global_config, line.reason
    if ask is None and sys.stdin is not None and sys.stdin.isatty():
        ask = _ask
    if reason is None and is_asked("reason", config, line.arguments):
        reason = _reason(line.arguments, ask)
    if is_asked("signature", config, line.arguments):
        _sign(line.arguments, ask)
    return reason


def _reason(arguments: Sequence[str], ask: Callable[[str], str] | None) -> str:
    from pioreactor.audit.change_policy import MAX_REASON, ReasonRequiredError

    given = " ".join(ask("Reason for this change: ").split())[:MAX_REASON] if ask is not None else ""
    if not given:
        raise ReasonRequiredError(
            f"a reason is asked for `pio {' '.join(arguments[:2])}`; nothing was done",
            remedy=f"Add --reason TEXT, or set {REASON_VARIABLE}.",
        )
    return given


def _sign(arguments: Sequence[str], ask: Callable[[str], str] | None) -> None:
    from pioreactor.audit.change_policy import SignatureRequiredError
    from pioreactor.audit.redaction import kept_arguments
    from pioreactor.cli.cli_context import CliContext

    if ask is None:
        raise SignatureRequiredError(
            f"`pio {' '.join(arguments[:2])}` is signed by a person; nothing was done",
            remedy="Type it at a terminal, or do it in the panel: programs cannot sign.",
        )
    cli = CliContext()
    body = {
        "username": ask("Your name in the panel: "),
        "meaning": ask("What your signature stands for: "),
        "password": ask("Password: "),
        "code": ask("Code of the authenticator app (blank: none): ") or None,
        "command": " ".join(["pio", *kept_arguments(arguments)])[:300],
    }
    cli.ask_leader("POST", f"/api/units/{cli.runtime.unit}/typed_signatures", json=body)


def _ask(question: str) -> str:
    """Ask a person at the terminal; passwords and codes, one of which may be for recovery, are not shown."""
    import click

    is_secret = question.startswith(("Password", "Code"))
    try:
        given: str = click.prompt(question, "", is_secret, prompt_suffix="", show_default=False, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None
    return given.strip()
