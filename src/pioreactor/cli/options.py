"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

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


def underscored(name: str) -> str:
    """Return a job's or setting's name as it is spelled on the wire."""
    return name.replace("-", "_")
