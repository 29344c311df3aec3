"""Options of `pio run <job>`, read from the settings that the job's class declares."""

from __future__ import annotations

import click

from pioreactor.jobs.settings import AnySetting
from pioreactor.jobs.start_option import StartOption


class _Bounded(click.ParamType[object]):
    """Parameter type that checks a value against the bounds of a setting."""

    def __init__(self, setting: AnySetting) -> None:
        self._setting = setting
        self.name = setting.datatype

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:  # noqa: ARG002
        return self._setting.unit.upper() if self._setting.unit else self.name.upper()

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        from pioreactor.exc import SettingError

        try:
            return self._setting.decode(value) if isinstance(value, str) else self._setting.check(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


def explain(setting: AnySetting) -> str:
    """Return the help text of a setting: what it is, and its range."""
    words = next(text for text in (setting.help, setting.label, setting.name) if text is not None)
    bounded = setting.ge is not None or setting.le is not None
    text = words[0].upper() + words[1:] + (f", {setting.range_text()}" if bounded else "")
    if setting.choices is not None:
        text += f"; one of {', '.join(setting.choices)}"
    return text + "."


def setting_option(setting: AnySetting) -> click.Option:
    """Return the option of a declared setting; without it the value is None, so that the configuration decides.

    A boolean may stand without a value, which means true.
    """
    names = ["--" + setting.name.replace("_", "-"), setting.name]
    if setting.datatype == "boolean":
        return click.Option(
            names, type=_Bounded(setting), default=None, help=explain(setting), is_flag=False, flag_value="true"
        )
    return click.Option(names, type=_Bounded(setting), default=None, help=explain(setting))


def start_option(option: StartOption) -> click.Option:
    """Return an option of the start of a job."""
    names = ["--" + option.name.replace("_", "-"), option.name]
    if option.kind == "flag":
        return click.Option(names, is_flag=True, help=option.help)
    return click.Option(names, type=click.BOOL, default=None, help=option.help)


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
