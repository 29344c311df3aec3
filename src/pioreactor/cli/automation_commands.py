"""Commands that run an automation by its name: `pio run dosing_automation --automation-name <name>`."""

from __future__ import annotations

from collections.abc import Callable

import click

from pioreactor.automations import registry
from pioreactor.automations.base import AutomationJob
from pioreactor.cli.setting_options import explain, keyword_options
from pioreactor.did_you_mean import nearest
from pioreactor.exc import SettingError
from pioreactor.jobs.settings import AnySetting

_ANY_OPTION = {"ignore_unknown_options": True, "allow_extra_args": True}


def _first_line(automation: type) -> str:
    """Return the first line of a class's docstring; a plugin's class may have none."""
    doc = (automation.__doc__ if automation.__doc__ is not None else "").strip()
    return doc.splitlines()[0] if doc else "automation of a plugin."


def _explain_automations(kind: str) -> str:
    lines = []
    for name in registry.names(kind):
        if name.startswith("_"):
            continue  # can be started, but its author hides it
        automation = registry.find(kind, name)
        lines.append(f"\b\n{name}: {_first_line(automation)}")
        for option, setting in automation.settings().items():
            lines[-1] += f"\n  --{option.replace('_', '-')}  {explain(setting)}"
    return "\n\n".join(lines)


class _AutomationCommand(click.Command):
    """A command whose help lists every automation of its kind with its options."""

    kind = ""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.epilog = _explain_automations(self.kind)
        super().format_epilog(ctx, formatter)


def _start(kind: str, automation_name: str, arguments: list[str]) -> None:
    automation = registry.find(kind, automation_name)
    given = keyword_options(arguments)
    settings = automation.settings()
    options = {name: _decode(settings[name], text) if name in settings else text for name, text in given.items()}
    construct: Callable[..., AutomationJob] = automation  # automations of plugins take further options
    try:
        job = construct(**options)
    except TypeError as error:
        unknown = _unknown_option(error)
        if unknown is None:
            raise
        raise click.UsageError(_suggest(automation_name, unknown, list(settings))) from error
    with job:
        job.block_until_disconnected()


def _decode(setting: AnySetting, text: str) -> object:
    try:
        return setting.decode(text)
    except SettingError as error:
        raise click.BadParameter(str(error), param_hint=f"--{setting.name.replace('_', '-')}") from error


def _unknown_option(error: TypeError) -> str | None:
    _, found, rest = str(error).partition("unexpected keyword argument ")
    return rest.strip("'\". ").split("'")[0] if found else None


def _suggest(automation_name: str, unknown: str, known: list[str]) -> str:
    near = nearest(unknown, known)
    meant = f" Is --{near.replace('_', '-')} meant?" if near is not None else ""
    return f"{automation_name} has no option --{unknown.replace('_', '-')}.{meant}"


def automation_command(base: type[AutomationJob]) -> click.Command:
    """Return the command that runs any automation of a kind; `base` is the base class of the kind."""

    @click.command(
        name=base.job_name,
        cls=_AutomationCommand,
        help=f"{base.spec().summary} Options of the automation follow its name.",
        context_settings=_ANY_OPTION,
    )
    @click.option("--automation-name", required=True, metavar="NAME", help="Which automation, see below.")
    @click.argument("options", nargs=-1, type=click.UNPROCESSED)
    def start(automation_name: str, options: tuple[str, ...]) -> None:
        _start(base.kind, automation_name, list(options))

    start.kind = base.kind
    return start
