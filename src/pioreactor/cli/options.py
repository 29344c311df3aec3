"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from pioreactor.structs.rights import AREAS, ROLES, Role

F = TypeVar("F", bound=Callable[..., object])


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def yes_option(command: F) -> F:
    """Add `--yes`."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")(command)


def units_options(command: F) -> F:
    """Add `--units` and `--experiments`."""
    experiments = click.option(
        "--experiments", multiple=True, metavar="NAME", help="Only units assigned to this experiment; may be repeated."
    )
    units = click.option("--units", multiple=True, metavar="NAME", help="Only this unit; may be repeated.")
    return units(experiments(command))


def role_option(*, default: Role | None = None, required: bool = False) -> Callable[[F], F]:
    """Add `--role`."""
    given = f" Default: {default}." if default is not None else ""
    return click.option(
        "--role",
        type=click.Choice(ROLES),
        default=default,
        required=required,
        help=f"What it is for: see, operate reactors, manage the cluster.{given}",
    )


def limits_options(*what: str) -> Callable[[F], F]:
    """Add `--units` and the like, to which changes are limited."""

    def add(command: F) -> F:
        for name in reversed(what):
            choices = click.Choice(AREAS) if name == "areas" else click.STRING
            described = (
                "Only this part of the API" if name == "areas" else f"Changes only of this {name.removesuffix('s')}"
            )
            option = click.option(
                f"--{name}", multiple=True, type=choices, metavar="NAME", help=f"{described}; may be repeated."
            )
            command = option(command)
        return command

    return add


def underscored(name: str) -> str:
    """Return a job's or setting's name as it is spelled on the wire."""
    return name.replace("-", "_")
