"""`pio run backup_database`."""

from __future__ import annotations

from pathlib import Path

import click

from pioreactor.actions.backup import KEPT, back_up
from pioreactor.jobs.lifecycle import long_running_managed_lifecycle
from pioreactor.runtime import context
from pioreactor.types import UNIVERSAL_EXPERIMENT


@click.command(name="backup_database")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Write the copy here.")
@click.option("--keep", type=click.IntRange(1, 1000), default=KEPT, show_default=True, help="Older copies are deleted.")
@click.option("--force", is_flag=True, help="Accepted for scripts; a backup is never skipped.")
def backup_database(output: Path | None, keep: int, force: bool) -> None:  # noqa: ARG001
    """Copy the leader's database while experiments go on, and verify the copy."""
    runtime = context.current()
    with long_running_managed_lifecycle(
        runtime.unit, UNIVERSAL_EXPERIMENT, "backup_database", ignore_is_active_state=True
    ) as action:
        backup = back_up(runtime, output=output, kept=keep)
        action.logger.info("Backed up %d rows to %s.", backup.rows, backup.path)
    click.echo(f"{backup.path}: {backup.rows} rows, {backup.size_bytes / 1e6:.1f} MB, verified.")
