"""Options of `pio run <job>`, read from the settings that the job's class declares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.settings import Setting

F = TypeVar("F", bound=Callable[..., Any])
_TYPES: dict[str, click.ParamType[Any]] = {
    "float": click.FLOAT,
    "integer": click.INT,
    "boolean": click.BOOL,
    "string": click.STRING,
}


class _Bounded(click.ParamType[Any]):
    """A value that the setting's own bounds are asked about."""

    def __init__(self, setting: Setting[Any]) -> None:
        self._setting = setting
        self.name = setting.datatype

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:  # noqa: ARG002
        return self._setting.unit.upper() if self._setting.unit else self.name.upper()

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from pioreactor.exc import SettingError

        try:
            return self._setting.decode(value) if isinstance(value, str) else self._setting.check(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


def explain(setting: Setting[Any]) -> str:
    """Return what a setting is, with its range: the text of its option."""
    words = setting.help if setting.help is not None else setting.label if setting.label is not None else setting.name
    bounded = setting.ge is not None or setting.le is not None
    text = words[0].upper() + words[1:] + (f", {setting.range_text()}" if bounded else "")
    if setting.choices is not None:
        text += f"; one of {', '.join(setting.choices)}"
    return text + "."


def setting_option(job: type[BackgroundJob], name: str, **kwargs: Any) -> Callable[[F], F]:
    """Return the option of a declared setting; not given means None, so that the configuration decides."""
    setting = job.settings()[name]
    flag = "--" + name.replace("_", "-")
    return click.option(flag, name, type=_Bounded(setting), default=None, help=explain(setting), **kwargs)


def setting_options(job: type[BackgroundJob], *names: str) -> Callable[[F], F]:
    """Return the options of several settings (default: all that can be set)."""
    wanted = names if names else tuple(name for name, setting in job.settings().items() if setting.settable)

    def add(command: F) -> F:
        for name in reversed(wanted):
            command = setting_option(job, name)(command)
        return command

    return add


def keyword_options(arguments: list[str]) -> dict[str, str]:
    """Return `--key value` pairs as keyword arguments; raise `click.UsageError` for anything else."""
    values: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        flag = rest.pop(0)
        if not flag.startswith("--") or len(flag) < 3:
            raise click.UsageError(f"{flag!r} is not an option: write --key value")
        name, equals, value = flag[2:].partition("=")
        if not equals:
            has_value = bool(rest) and not rest[0].startswith("--")
            value = rest.pop(0) if has_value else "1"
        values[name.replace("-", "_")] = value
    return values
