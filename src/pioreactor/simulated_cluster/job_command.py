"""`pio run` in a process of virtual time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from pioreactor.bootstrap.simulated import SimulatedUnit
from pioreactor.exc import PioreactorError
from pioreactor.identity.unit import FixedInventory
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.types import Experiment

if TYPE_CHECKING:
    from pioreactor.cli.cli_context import CliContext
    from pioreactor.web.request_bodies import RunJob


@dataclass
class Ended:
    """How the command line of a process ended."""

    error: str = ""
    remedy: str | None = None


OpenCli = Callable[[Runtime], "CliContext"]


def alone(runtime: Runtime) -> CliContext:
    """Return the command line of a process that has no other units to ask."""
    from pioreactor.cli.cli_context import CliContext

    return CliContext({}, runtime=runtime)


def run_command(arguments: list[str], open_cli: OpenCli = alone) -> Ended:
    """Run `pio run` in the present process of virtual time."""
    from pioreactor.cli.run import run

    try:
        cli = open_cli(context.current())
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


def runtime_for(runtime: Runtime, request: RunJob) -> Runtime:
    """Return the runtime of a process with the experiment, and who had it started, of a request."""
    wanted = request.env
    inventory = runtime.identity.inventory
    if experiment := wanted.get("EXPERIMENT"):
        inventory = FixedInventory(Experiment(experiment), chosen_model=runtime.identity.model())
    return replace(
        runtime,
        identity=replace(runtime.identity, inventory=inventory),
        requested_by=wanted.get("REQUESTED_BY") or "",
        job_source=wanted.get("JOB_SOURCE") or runtime.job_source,
    )
