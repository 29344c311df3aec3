"""`pio demo`: a whole cluster with simulated reactors on this computer, until Ctrl-C."""

from __future__ import annotations

import contextlib
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import click

from pioreactor.cli.lazy_group import Entry
from pioreactor.cli.simulate import list_cultures
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.experiment import JOBS, start_experiment
from pioreactor.demo.plan import (
    CLASSROOM,
    DAYS,
    EMPTY,
    LEADER,
    LOOPBACK,
    REACTORS_OF_CLASSROOM,
    SCENARIOS,
    DemoPlan,
)

CHECK_INTERVAL_S = 0.5
IN_ONE_PROCESS = Entry("pioreactor.simulated_cluster.classroom", "classroom", "")
SCENARIO_HELP = "What it opens on. " + "".join(f"{name}: {shown}. " for name, shown in SCENARIOS.items())
SCENARIO_HELP += "Or a simulated culture, such as ecoli_turbidostat or yeast_batch, whose jobs have just started."


@click.command(name="demo")
@click.option(
    "--workers", type=click.IntRange(1, 32), default=None,
    help=f"Simulated reactors. Default: 2; of a {CLASSROOM} {REACTORS_OF_CLASSROOM}.",
)  # fmt: skip
@click.option("--speed", type=click.FloatRange(0.1, 100), default=1.0, show_default=True, help="Times real time.")
@click.option("--port", type=click.IntRange(1024, 65000), default=4999, show_default=True, help="Port of the pages.")
@click.option(
    "--host", default=LOOPBACK, show_default=True, help=f"Address of the pages of a {CLASSROOM}; 0.0.0.0: all."
)
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), default=None,
    help="Keep data in this folder for the next start. Default: a temporary folder, deleted at the end.",
)  # fmt: skip
@click.option("--scenario", metavar="NAME", default=DAYS, show_default=True, help=SCENARIO_HELP)
@click.option("--list-scenarios", is_flag=True, is_eager=True, expose_value=False, callback=lambda *a: _list(*a),
    help="Print the named scenarios and exit.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 10**6), default=1, show_default=True, help="Seed of the noise.")
@click.option("--xr", is_flag=True, help="Reactors with four photodiodes, whose densities can be fused.")
@click.option("--no-jobs", is_flag=True, help="Start no jobs on the workers.")
def demo(
    workers: int | None,
    speed: float,
    port: int,
    host: str,
    data: Path | None,
    scenario: str,
    seed: int,
    xr: bool,
    no_jobs: bool,
) -> None:
    """Run broker, leader and workers with simulated reactors, and an experiment on them."""
    if scenario == CLASSROOM:
        _refuse_with_classroom({"--data": data is not None, "--xr": xr})
        size = REACTORS_OF_CLASSROOM if workers is None else workers
        click.get_current_context().invoke(
            IN_ONE_PROCESS.load(), reactors=size, speed=speed, host=host, port=port, seed=seed, jobs=not no_jobs
        )
        return
    if host != LOOPBACK:
        raise click.UsageError(f"--host is for --scenario {CLASSROOM}: other demos listen on this computer only")
    with ExitStack() as stack:
        directory = data.absolute() if data is not None else Path(stack.enter_context(_temporary_folder()))
        directory.mkdir(parents=True, exist_ok=True)
        plan = DemoPlan(
            directory,
            workers=2 if workers is None else workers,
            speed=speed,
            port=port,
            scenario=scenario,
            seed=seed,
            has_four_photodiodes=xr,
        )
        cluster = DemoCluster(plan, log=_log)
        stack.callback(_stop, cluster)
        signal.signal(signal.SIGTERM, _on_sigterm)
        # In the background of a script SIGINT begins ignored, and jobs would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _run(cluster, start_jobs=not no_jobs and scenario != EMPTY)


def _refuse_with_classroom(given: Mapping[str, bool]) -> None:
    for option in (name for name, is_given in given.items() if is_given):
        raise click.UsageError(f"{option} cannot be combined with --scenario {CLASSROOM}, which keeps nothing")


def _list(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        for name, shown in SCENARIOS.items():
            click.echo(f"{name:22} {shown}")
        list_cultures()
        ctx.exit()


def _temporary_folder() -> tempfile.TemporaryDirectory[str]:
    # Paths of sockets must be short: a folder directly in the system's temporary directory fits.
    return tempfile.TemporaryDirectory(prefix="pio-demo-", ignore_cleanup_errors=True)


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _log(message: str) -> None:
    # The terminal may be closed, or a file on a full disk: neither ends the cluster or keeps it from stopping.
    with contextlib.suppress(OSError):
        click.echo(message, err=True)


def _stop(cluster: DemoCluster) -> None:
    """Stop everything; a second Ctrl-C meanwhile must not leave half of it running."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _log("\nStopping jobs, then services.")
    cluster.stop()
    _log("All processes have stopped.")


def _run(cluster: DemoCluster, *, start_jobs: bool) -> None:
    started_s = time.monotonic()
    plan = cluster.plan
    click.echo(f"Starting a broker, a leader and {plan.workers} simulated reactors in {plan.directory}.", err=True)
    cluster.start()
    start_experiment(cluster, jobs=JOBS if start_jobs else (), before_jobs=cluster.start_boot_services)
    try:
        click.echo(_welcome(cluster, time.monotonic() - started_s))
        while True:
            time.sleep(CHECK_INTERVAL_S)
            cluster.check_services()
    except KeyboardInterrupt:
        return


def _welcome(cluster: DemoCluster, seconds: float) -> str:
    password_file = cluster.paths(LEADER).secrets / "first_sign_in"
    password = password_file.read_text().strip() if password_file.exists() else "(the one you chose)"
    worker = cluster.plan.worker_names[0]
    environment = cluster.environment(worker)
    names = (
        "HOSTNAME",
        "DOT_PIOREACTOR",
        "RUN_PIOREACTOR",
        "PIO_LOG_FILE",
        *sorted(n for n in environment if "CLOCK" in n),
    )
    exports = " ".join(f"{name}={environment[name]}" for name in names if name in environment)
    return (
        f"\nReady after {seconds:.1f} s.\n\n"
        f"  Open        {cluster.plan.url_of(LEADER)}\n"
        f"  Sign in as  pioreactor\n"
        f"  Password    {password}\n\n"
        f"To control {worker} from another terminal:\n\n"
        f"  export {exports}\n"
        f"  pio status; pio jobs list running; pio mqtt; pio logs -f\n\n"
        f"Press Ctrl-C to stop everything."
    )
