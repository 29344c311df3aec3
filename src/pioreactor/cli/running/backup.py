"""`pio run backup_database`."""

from __future__ import annotations

from pathlib import Path

import click

from pioreactor.actions.backup import KEPT, back_up
from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.exc import PioreactorError
from pioreactor.jobs.managed_lifecycle import long_running_managed_lifecycle
from pioreactor.runtime import context
from pioreactor.types import UNIVERSAL_EXPERIMENT


@click.command(name="backup_database")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the copy here.")
@click.option("--keep", type=click.IntRange(1, 1000), default=KEPT, show_default=True, help="Older copies are deleted.")
@click.option(
    "--backup-to-workers", "copies", type=click.IntRange(0, 100), default=None,
    help="How many workers get a copy. Default: [storage] number_of_backup_replicates_to_workers; none with --output.",
)  # fmt: skip
@click.option("--force", is_flag=True, help="Accepted for scripts; a backup is never skipped.")
@pass_cli_context
def backup_database(
    cli: CliContext,
    output: Path | None,
    keep: int,
    copies: int | None,
    force: bool,  # noqa: ARG001
) -> None:
    """Copy the leader's database while experiments run, verify the copy, and send it to workers."""
    runtime = context.current()
    with long_running_managed_lifecycle(
        runtime.unit, UNIVERSAL_EXPERIMENT, "backup_database", ignore_is_active_state=True
    ) as action:
        backup = back_up(runtime, output=output, kept=keep)
        action.logger.info("Backed up %d rows to %s.", backup.rows, backup.path)
        click.echo(f"{backup.path}: {backup.rows} rows, {backup.size_bytes / 1e6:.1f} MB, verified.")
        configured = runtime.settings.storage.number_of_backup_replicates_to_workers if output is None else 0
        wanted = configured if copies is None else copies
        if wanted > 0:
            _send_to_workers(cli, action, backup.path, wanted)


def _send_to_workers(cli: CliContext, action: long_running_managed_lifecycle, backup: Path, wanted: int) -> None:
    """Send the copy to active workers. A failure is logged; the backup itself remains."""
    from pioreactor.cluster.backup_replication import replicate

    runtime = action.runtime
    try:
        rows = cli.workers()
    except PioreactorError as error:
        action.logger.warning("No worker has a copy: the leader's web server does not list the workers (%s).", error)
        return
    units = [row["pioreactor_unit"] for row in rows if row["is_active"] and row["pioreactor_unit"] != runtime.unit]
    if not units:
        return
    have = replicate(
        runtime, backup, units, wanted, cli.fetch, report=lambda message: action.logger.warning("%s", message)
    )
    if have:
        action.logger.info("Copies are on %s.", ", ".join(have))
        click.echo(f"Copies on {', '.join(have)}, verified there.")
