"""`pio cache`: the unit's key-value stores."""

from __future__ import annotations

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_rows
from pioreactor.exc import NotFoundError
from pioreactor.storage.ports import KeyType, KeyValues


@click.group(cls=SuggestingGroup)
def cache() -> None:
    """Inspect the unit's key-value caches, volatile (until reboot) and persistent."""


@cache.command(name="list")
@pass_cli_context
def list_(cli: CliContext) -> None:
    """Print the names of all caches."""
    for name in cli.runtime.stores.cache_names():
        click.echo(name)


@cache.command()
@click.argument("name", metavar="CACHE")
@click.argument("key", required=False)
@json_option
@pass_cli_context
def view(cli: CliContext, name: str, key: str | None, as_json: bool) -> None:
    """Print the contents of a cache, or one key."""
    rows: list[dict[str, object]] = []
    for store, values in _both(cli, name):
        for each, value in values.items():
            if key is None or _spelled(each) == key:
                rows.append({"key": _spelled(each), "value": _text(value), "store": store})
    print_rows(rows, ["key", "value", "store"], as_json=as_json, none=f"{name} is empty.")


@cache.command()
@click.argument("name", metavar="CACHE")
@click.argument("key")
@click.option("--as-int", is_flag=True, help="The key is a number, such as a GPIO pin.")
@pass_cli_context
def purge(cli: CliContext, name: str, key: str, as_int: bool) -> None:
    """Delete one key of a cache, in both stores."""
    if as_int and not key.lstrip("-").isdigit():
        raise click.BadParameter(f"{key!r} is not a whole number.", param_hint="KEY")
    found = False
    for store, values in _both(cli, name):
        for each, _ in values.items():
            if each == int(key) if as_int else _spelled(each) == key:
                values.pop(each)
                found = True
                click.echo(f"Deleted {key} from {name} ({store}).")
    if not found:
        raise NotFoundError(f"{name} has no key {key!r}")


def _both(cli: CliContext, name: str) -> list[tuple[str, KeyValues]]:
    stores = cli.runtime.stores
    return [("volatile", stores.volatile(name)), ("persistent", stores.persistent(name))]


def _spelled(key: KeyType) -> str:
    import msgspec

    return msgspec.json.encode(key).decode() if isinstance(key, tuple) else str(key)


def _text(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
