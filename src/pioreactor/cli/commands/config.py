"""`pio config`: the configuration as this unit sees it, and changes to its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypedDict, TypeVar

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup, unknown
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result
from pioreactor.exc import ConfigurationError, NotFoundError, PioreactorError
from pioreactor.settings.editing import check_local, check_models, check_shared, set_value
from pioreactor.settings.faulty_values import is_bounded_by_model, refuse
from pioreactor.settings.fields import describe, expected
from pioreactor.settings.ini import Sections, read_ini_tolerantly
from pioreactor.settings.load import faults_of_text
from pioreactor.settings.schema import SECTIONS, Settings, secret_keys

_HIDDEN = "(hidden)"
_Command = TypeVar("_Command", bound=Callable[..., object])


@click.group(cls=SuggestingGroup)
def config() -> None:
    """Show and change the configuration: shared by the cluster, overridden by the unit.

    Running jobs keep the values they started with.
    """


def _which_file(command: _Command) -> _Command:
    specific = click.option("--specific", is_flag=True, help="The unit's own file, unit_config.ini.")
    shared = click.option("--shared", is_flag=True, help="The cluster's file, config.ini.")
    return shared(specific(command))


@config.command()
@click.argument("section")
@click.argument("key")
@_which_file
@pass_cli_context
def get(cli: CliContext, section: str, key: str, shared: bool, specific: bool) -> None:
    """Print one value: the effective one, or the one in a file."""
    path = _file(cli, shared, specific) if shared or specific else None
    if path is not None:
        sections, _ = read_ini_tolerantly(path)
    else:
        sections = cli.settings.raw.as_dict()
    if section not in sections:
        raise NotFoundError(unknown(section, list(sections), kind="section"))
    if key not in sections[section]:
        raise NotFoundError(unknown(key, list(sections[section]), kind="key"))
    value = sections[section][key]
    click.echo("" if value is None else value)


@config.command(name="set", context_settings={"ignore_unknown_options": True})  # -1 is a value
@click.argument("section")
@click.argument("key")
@click.argument("value")
@_which_file
@pass_cli_context
def set_(cli: CliContext, section: str, key: str, value: str, shared: bool, specific: bool) -> None:
    """Write one value; comments in the file stay. Bounds are in `pio config show --section SECTION --help-keys`.

    The shared file is changed on the leader only, which adds it to the history and sends it to the workers.
    """
    path = _file(cli, shared, specific)
    if shared:
        _refuse_on_worker(cli)

    def check(text: str) -> None:
        _check(cli, text, shared)
        if shared and is_bounded_by_model(section, key):
            check_models(text, _text_of(path), _units(cli))

    set_value(path, section, key, value, check=check)
    click.echo(f"[{section}] {key} = {_HIDDEN if _is_secret(section, key) else value} in {path.name}.")
    if shared:
        _deliver(cli)
    click.echo("Running jobs keep the value they started with.")


@config.command()
@click.option("--section", help="Only this section.")
@click.option("--key", help="Only this key.")
@click.option("--with-source", is_flag=True, help="Show the source of each value.")
@click.option("--help-keys", is_flag=True, help="Describe each key: type, unit, range and default.")
@json_option
@pass_cli_context
def show(
    cli: CliContext, section: str | None, key: str | None, with_source: bool, help_keys: bool, as_json: bool
) -> None:
    """Print the effective values. Sources: default, global (config.ini), local (unit_config.ini), derived, override.

    Passwords and keys are hidden; `pio config get` prints one.
    """
    if help_keys:
        _explain(section)
        return
    chosen = _selected(cli.settings, section, key)
    print_result(
        chosen if with_source else _without_sources(chosen),
        as_json,
        lambda: _print_ini(chosen, with_source=with_source),
    )
    for warning in cli.settings.notices:
        click.echo(f"Warning: {warning}", err=True)


class _Shown(TypedDict):
    """A value as it is printed, and where it comes from."""

    value: str | None
    source: str


_Sections: TypeAlias = Mapping[str, Mapping[str, _Shown]]


def _selected(settings: Settings, section: str | None, key: str | None) -> _Sections:
    """Return the values that were asked for; None selects all. Raise `NotFoundError` for an unknown name."""
    sections = settings.raw.as_dict()
    if section is not None and section not in sections:
        raise NotFoundError(unknown(section, list(sections), kind="section"))
    known = sections if section is None else {section: sections[section]}
    chosen = _filled({name: _shown_of(settings, name, keys, key) for name, keys in known.items()})
    if key is not None and not chosen:
        raise NotFoundError(unknown(key, [each for keys in known.values() for each in keys], kind="key"))
    return chosen


def _shown_of(settings: Settings, section: str, values: Mapping[str, str | None], key: str | None) -> dict[str, _Shown]:
    return {each: _shown(settings, section, each, value) for each, value in values.items() if key in (None, each)}


def _filled(sections: _Sections) -> _Sections:
    return {name: keys for name, keys in sections.items() if keys}


def _shown(settings: Settings, section: str, key: str, value: str | None) -> _Shown:
    hidden = bool(value) and _is_secret(section, key)
    return {"value": _HIDDEN if hidden else value, "source": settings.sources.get((section, key), "default")}


def _without_sources(sections: _Sections) -> dict[str, dict[str, str | None]]:
    return {name: {key: shown["value"] for key, shown in keys.items()} for name, keys in sections.items()}


def _print_ini(sections: _Sections, *, with_source: bool) -> None:
    for name, keys in sections.items():
        click.echo(f"[{name}]")
        for key, shown in keys.items():
            line = key if shown["value"] is None else f"{key}={shown['value']}"
            click.echo(f"{line:<50} # {shown['source']}" if with_source else line)
        click.echo()


def _explain(section: str | None) -> None:
    if section is not None and section not in SECTIONS:
        raise NotFoundError(unknown(section, list(SECTIONS), kind="described section"))
    for name, (_, type_) in SECTIONS.items():
        if section in (None, name):
            click.echo(f"[{name}]  {(type_.__doc__ or '').splitlines()[0]}")
            for field in describe(type_):
                click.echo(f"  {field.key}: {field.description}")
                if field.obsolete:
                    click.echo(f"      no effect: {field.obsolete}")
                click.echo(
                    f"      {expected(field.type)}; default {'blank' if field.default is None else field.default}"
                )
            click.echo()


def _file(cli: CliContext, shared: bool, specific: bool) -> Path:
    if shared == specific:
        raise click.UsageError("Choose a file: --shared or --specific.")
    return cli.paths.global_config if shared else cli.paths.local_config


def _deliver(cli: CliContext) -> None:
    """Have the leader's web server add the shared file to the history and send it to the workers."""
    from pioreactor.http.units import decoded

    try:
        answer = decoded(
            cli.ask_leader("POST", "/api/config/sync", json={}, timeout_s=30), dict[str, dict[str, dict[str, object]]]
        )
    except PioreactorError as error:
        click.echo(
            f"Not sent to the workers yet: {error}. The leader's web server sends it when it runs again.", err=True
        )
        return
    reached = [unit for unit, one in answer["shared"].items() if one.get("ok")]
    waiting = [unit for unit, one in answer["shared"].items() if not one.get("ok")]
    if reached:
        click.echo(f"Sent to {', '.join(reached)}.")
    if waiting:
        click.echo(f"Not on {', '.join(waiting)} yet: it is sent when they answer again.", err=True)


def _check(cli: CliContext, text: str, shared: bool) -> None:
    """Raise an error for a fault that the edit adds; those that were there before are corrected one by one."""
    shared_text, own_text = _text_of(cli.paths.global_config), _text_of(cli.paths.local_config)
    known = faults_of_text(shared_text, own_text)
    if not shared:
        model = _model(cli)
        check_local(shared_text, text, known=faults_of_text(shared_text, own_text, model), model=model)
    elif "cluster.topology" in _shared_sections(cli):
        check_shared(text, known=known)
    else:
        refuse(fault for fault in faults_of_text(text) if fault not in known)


def _units(cli: CliContext) -> dict[str, tuple[object, Callable[[], str]]]:
    """Return the model of each unit, and what returns its own configuration; nothing if the leader does not answer."""
    from pioreactor.http.units import decoded
    from pioreactor.models import load_models, models_of_units

    def own(unit: str) -> str:
        versions = decoded(cli.ask_leader("GET", f"/api/config/units/{unit}/specific/history"), list[dict[str, str]])
        return versions[0]["data"] if versions else ""

    try:
        workers = cli.workers()
    except PioreactorError as error:
        click.echo(f"Not compared with the models of the units: {error}", err=True)
        return {}
    models = models_of_units(
        ((one["pioreactor_unit"], one.get("model_name"), one.get("model_version")) for one in workers),
        load_models(cli.paths.models),
    )
    return {unit: (model, partial(own, unit)) for unit, model in models.items()}


def _model(cli: CliContext) -> object | None:
    """Return the unit's model; None for one that cannot be read, which `pio status` reports."""
    try:
        return cli.runtime.model()
    except PioreactorError:
        return None


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _shared_sections(cli: CliContext) -> Sections:
    sections, _ = read_ini_tolerantly(cli.paths.global_config)
    return sections


def _refuse_on_worker(cli: CliContext) -> None:
    from pioreactor.identity.unit import unit_name

    topology = _shared_sections(cli).get("cluster.topology", {})
    leader = topology.get("leader_hostname")
    if leader and leader != unit_name(cli.environment):
        raise ConfigurationError(
            f"the shared configuration is on {leader}", remedy=f"Run this on {leader}, or use --specific."
        )


def _is_secret(section: str, key: str) -> bool:
    return any((section, key) == (name, secret) for name, _, secret in secret_keys())
