"""`pio run dosing_automation`, `temperature_automation`, `led_automation`."""

from __future__ import annotations

from typing import Any

import click

from pioreactor.automations import registry
from pioreactor.cli.setting_options import explain, keyword_options

_ANY_OPTION = {"ignore_unknown_options": True, "allow_extra_args": True}


def _first_line(automation: type) -> str:
    """Return what a class says of itself, in one line; a plugin's may say nothing."""
    words = (automation.__doc__ if automation.__doc__ is not None else "").strip()
    return words.splitlines()[0] if words else "automation of a plugin."


def _explain_automations(kind: str) -> str:
    lines = []
    for name in registry.names(kind):
        if name.startswith("_"):
            continue  # it can be started, but its author does not show it
        automation = registry.find(kind, name)
        lines.append(f"\b\n{name}: {_first_line(automation)}")
        for option, setting in automation.settings().items():
            if setting.settable:
                lines[-1] += f"\n  --{option.replace('_', '-')}  {explain(setting)}"
    return "\n\n".join(lines)


class _AutomationCommand(click.Command):
    """A command whose help lists every automation of its kind with its options."""

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.epilog = _explain_automations(self.kind)
        super().format_epilog(ctx, formatter)


def _start(kind: str, automation_name: str, arguments: list[str]) -> None:
    automation = registry.find(kind, automation_name)
    options = keyword_options(arguments)
    try:
        job = automation(**options)  # automations of plugins take options of their own
    except TypeError as error:
        unknown = _unknown_option(error)
        if unknown is None:
            raise
        known = [name for name, setting in automation.settings().items() if setting.settable]
        raise click.UsageError(_suggest(automation_name, unknown, known)) from error
    with job:
        job.block_until_disconnected()


def _unknown_option(error: TypeError) -> str | None:
    _, found, rest = str(error).partition("unexpected keyword argument ")
    return rest.strip("'\". ").split("'")[0] if found else None


def _suggest(automation_name: str, unknown: str, known: list[str]) -> str:
    from pioreactor.cli.did_you_mean import nearest

    near = nearest(unknown, known)
    meant = f" Is --{near.replace('_', '-')} meant?" if near is not None else ""
    return f"{automation_name} has no option --{unknown.replace('_', '-')}.{meant}"


def _command(kind: str, summary: str) -> click.Command:
    @click.command(
        name=f"{kind}_automation", cls=_AutomationCommand, kind=kind, help=summary, context_settings=_ANY_OPTION
    )
    @click.option("--automation-name", required=True, metavar="NAME", help="Which automation, see below.")
    @click.argument("options", nargs=-1, type=click.UNPROCESSED)
    def start(automation_name: str, options: tuple[str, ...]) -> None:
        _start(kind, automation_name, list(options))

    return start


dosing_automation = _command("dosing", "Dose by a rule. Options of the automation follow its name.")
temperature_automation = _command("temperature", "Hold or record temperature. Options follow the automation's name.")
led_automation = _command("led", "Light by a rule. Options of the automation follow its name.")
