"""`pio unit` and `pio repair`: this unit as one archive, its replacement from one, and its repair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json, print_result

if TYPE_CHECKING:
    from pioreactor.data_import.unit_import import UnitImporter, UnitImportReport


@click.group(cls=SuggestingGroup)
def unit() -> None:
    """Save this unit as one archive, and set its replacement up from it."""


@unit.command(name="export")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@json_option
@pass_cli_context
def export_(cli: CliContext, file: Path | None, as_json: bool) -> None:
    """Write everything that this unit keeps to FILE, a zip archive, while it is used.

    Passwords, tokens and keys are not in it. FILE is named after the unit unless it is given.
    """
    from pioreactor.data_import.unit_archive import archive_file_name, write_archive

    target = file if file is not None else Path(archive_file_name(cli.runtime.unit))
    size = write_archive(cli.runtime, target)
    print_result({"path": str(target), "size_bytes": size}, as_json, f"Wrote {target}, {size / 1e6:.1f} MB.")


@unit.command(name="import")
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only check the archive and show what it holds.")
@click.option("--undo", is_flag=True, help="Put back what was here before the last import.")
@yes_option
@json_option
@pass_cli_context
def import_(cli: CliContext, file: Path | None, dry_run: bool, undo: bool, yes: bool, as_json: bool) -> None:
    """Set this unit up from FILE, the archive of the unit of the same name that it replaces.

    What is here is kept, so that the import can be undone. Name, token, certificates and people stay. Jobs must be
    stopped. Plugins in the archive run on this unit: import only archives that you trust.
    """
    from pioreactor.data_import.unit_import import UnitImporter

    if undo == (file is not None) or (undo and dry_run):
        raise click.UsageError("Give the FILE of an archive, or --undo alone.")
    importer = UnitImporter(cli.runtime)
    if file is None:
        if not yes:
            click.confirm("Put back what was here before the last import?", abort=True)
        _show(importer.undo(), as_json)
        return
    if dry_run:
        _show_contents(importer, file, as_json)
        return
    if not yes:
        _show_contents(importer, file, as_json=False)
        click.confirm(f"Replace what is on {cli.runtime.unit}?", abort=True)
    _show(importer.run(file), as_json)


def _show_contents(importer: UnitImporter, file: Path, as_json: bool) -> None:
    import msgspec

    contents = importer.check(file)
    if as_json:
        print_json(msgspec.to_builtins(contents))
        return
    made = contents.metadata
    origin = f"of {made.name}, {made.exported_at_utc}, version {made.app_version}" if made is not None else "unnamed"
    click.echo(f"{contents.files} files, {contents.size_bytes / 1e6:.1f} MB; {origin}.")
    for name in contents.skipped:
        click.echo(f"Not imported: {name}")


def _show(report: UnitImportReport, as_json: bool) -> None:
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(report))
        return
    if report.undone_at:
        click.echo(f"The import of {report.started_at} is undone. Reboot this machine.")
        return
    click.echo(f"Imported {report.files} files. Reboot this machine.")
    if report.unsent_records:
        click.echo(f"{report.unsent_records} unsent records of this machine were kept.")
    click.echo(f"What was here before is kept in {report.copy}; to go back: pio unit import --undo")


@click.command()
@pass_cli_context
def repair(cli: CliContext) -> None:
    """Create missing directories and repair permissions. Secrets become private; killed jobs are closed."""
    from pioreactor.actions.repair_unit import repair_unit

    done = repair_unit(cli.runtime)
    for sentence in done:
        click.echo(f"{sentence[0].upper()}{sentence[1:]}.")
    if not done:
        click.echo("Nothing to repair.")
