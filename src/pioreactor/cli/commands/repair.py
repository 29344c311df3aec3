"""`pio repair`: creates the directories a unit needs, and repairs their permissions."""

from __future__ import annotations

import stat
from pathlib import Path

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.exc import StorageError
from pioreactor.storage.paths import Paths

_SHARED = 0o2770
_PRIVATE = 0o700


@click.command()
@pass_cli_context
def repair(cli: CliContext) -> None:
    """Create missing directories and repair permissions. Secrets become private; killed jobs are closed."""
    paths = cli.paths
    done: list[str] = []
    for directory, mode in _directories(paths):
        done += _put_right(directory, mode)
    for secret in sorted(paths.secrets.glob("*")):
        if secret.is_file() and stat.S_IMODE(secret.stat().st_mode) & 0o077:
            secret.chmod(0o600)
            done.append(f"closed {secret} to others")
    cli.runtime.stores.jobs().running()  # asking ends the rows of dead processes
    for sentence in done:
        click.echo(f"{sentence[0].upper()}{sentence[1:]}.")
    if not done:
        click.echo("Nothing to repair.")


def _directories(paths: Paths) -> list[tuple[Path, int]]:
    shared = (paths.dot_pioreactor, paths.storage, paths.calibrations, paths.estimators, paths.plugins)
    more = (paths.experiment_profiles, paths.exportable_datasets, paths.models, paths.hardware)
    running = (paths.run_pioreactor, paths.cache, paths.locks, paths.exports)
    return [(path, _SHARED) for path in (*shared, *more, *running)] + [(paths.secrets, _PRIVATE)]


def _put_right(directory: Path, mode: int) -> list[str]:
    try:
        if not directory.exists():
            directory.mkdir(parents=True)
            directory.chmod(mode)
            return [f"made {directory}"]
        now = stat.S_IMODE(directory.stat().st_mode)
        wanted = mode if mode == _PRIVATE else now | mode
        if now != wanted:
            directory.chmod(wanted)
            return [f"changed permissions of {directory} from {now:o} to {wanted:o}"]
    except OSError as error:
        raise StorageError(
            f"{directory} cannot be repaired ({error.strerror})", remedy="Run this as the owner of the directory."
        ) from None
    return []
