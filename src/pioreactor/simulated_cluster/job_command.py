"""`pio run` in a process of virtual time."""

from __future__ import annotations

from dataclasses import dataclass

import click

from pioreactor.bootstrap.simulated import SimulatedUnit
from pioreactor.exc import PioreactorError
from pioreactor.runtime import context


@dataclass
class Ended:
    """How the command line of a process ended."""

    error: str = ""
    remedy: str | None = None


def run_command(arguments: list[str]) -> Ended:
    """Run `pio run` in the present process of virtual time."""
    from pioreactor.cli.cli_context import CliContext
    from pioreactor.cli.run import run

    try:
        cli = CliContext({}, runtime=context.current())
        status = run.main(arguments, prog_name="run", standalone_mode=False, obj=cli)
    except PioreactorError as error:
        return Ended(str(error), error.remedy)
    except click.ClickException as error:
        return Ended(error.format_message())
    except Exception as error:  # noqa: BLE001  the edge of a process: it must not end the simulation
        return Ended(f"{type(error).__name__}: {error}")
    return Ended(f"exit status {status}" if isinstance(status, int) and status != 0 else "")


def start_service(unit: SimulatedUnit, name: str) -> None:
    """Start a job that runs from boot; call it on the simulation's thread."""
    unit.run(lambda: run_command([name]), name=name)
