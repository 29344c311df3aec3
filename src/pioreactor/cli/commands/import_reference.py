"""`pio import-reference` and `pio import-experiment`: take over data of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json, print_result, print_table

_REASON = "not imported because"

if TYPE_CHECKING:
    from pioreactor.data_import.experiment_import import ExperimentPlan
    from pioreactor.data_import.importer import Importer, ImportPlan, ImportReport


@click.command(name="import-reference")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would come over, and what not, and why.")
@click.option("--undo", is_flag=True, help="Put back what was here before the last import.")
@yes_option
@json_option
@pass_cli_context
def import_reference(cli: CliContext, path: Path | None, dry_run: bool, undo: bool, yes: bool, as_json: bool) -> None:
    """Take over the data of a leader of the existing software.

    Data, calibrations, profiles, plugins and configuration are read from PATH.
    PATH is the folder .pioreactor of a leader of the existing software, or an archive of it. What is here is copied
    and the copy verified first; an import that was interrupted is continued by the same command.
    """
    if undo == (path is not None):
        raise click.UsageError("Give the PATH of a folder or archive, or --undo alone.")
    importer = _importer(cli)
    if path is None:
        _undo(importer, yes, as_json)
        return
    from pioreactor.data_import.source import opened

    with opened(path, cli.paths.storage / "imports") as root:
        plan = importer.plan(root)
        if not as_json or dry_run:
            _show(plan, as_json)
        if dry_run:
            return
        if not yes:
            click.confirm("Import this?", abort=True)
        _show_report(importer.run(root, plan, _progress if not as_json else _silent), as_json)


def _importer(cli: CliContext) -> Importer:
    from pioreactor.cli.commands.manage_plugins import installer_of
    from pioreactor.data_import.importer import Importer

    return Importer(cli.runtime, installer_of(cli))


def _undo(importer: Importer, yes: bool, as_json: bool) -> None:
    if not yes:
        click.confirm("Put back what was here before the last import? What was recorded since is lost.", abort=True)
    report = importer.undo()
    text = f"The import of {report.started_at} is undone. Restart the web server and mqtt_to_db_streaming."
    print_result(report, as_json, text)


def _show(plan: ImportPlan, as_json: bool) -> None:
    if as_json:
        _print(plan)
        return
    if plan.database is not None:
        rows: list[dict[str, object]] = [
            {"table": table.name, "rows": table.rows, "not imported because": table.reason}
            for table in plan.database.tables
        ]
        print_table(rows, ["table", "rows", "not imported because"], none="No tables.")
    files: list[dict[str, object]] = [
        {"kind": file.kind, "name": file.name, "not imported because": file.reason} for file in plan.files
    ]
    print_table(files, ["kind", "name", "not imported because"], none="No files.")
    active: list[dict[str, object]] = [
        {"active": f"{each.kind} of {each.device}", "name": each.name, "not made active because": each.reason}
        for each in plan.active
    ]
    print_table(active, ["active", "name", "not made active because"], none="No calibration was active.")
    keys: list[dict[str, object]] = [
        {
            "file": key.file,
            "key": f"[{key.section}] {key.key}",
            "value": key.value,
            "here": key.present,
            "not imported because": key.reason,
        }
        for key in plan.configuration
    ]
    print_table(keys, ["file", "key", "value", "here", "not imported because"], none="No keys.")
    for note in plan.notes:
        click.echo(note)


def _show_report(report: ImportReport, as_json: bool) -> None:
    if as_json:
        _print(report)
        return
    click.echo(f"Imported {sum(report.rows.values())} rows, {len(report.files)} files and {len(report.keys)} keys.")
    for failed in report.failed:
        click.echo(f"Not imported: {failed}", err=True)
    click.echo(f"What was here before is kept in {report.copy}; to go back: pio import-reference --undo")


def _progress(table: str, copied: int, rows: int) -> None:
    click.echo(f"{table}: {copied} of {rows}", err=True)


def _silent(table: str, copied: int, rows: int) -> None:
    """Report nothing: the output is JSON."""


def _print(value: object) -> None:
    import msgspec

    print_json(msgspec.to_builtins(value))


@click.command(name="import-experiment")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would come over, and what not, and why.")
@json_option
@pass_cli_context
def import_experiment(cli: CliContext, file: Path, dry_run: bool, as_json: bool) -> None:
    """Take an experiment over from another cluster.

    FILE is an archive made by `pio export EXPERIMENT --archive`. Rows come over, profiles under names that are free,
    calibrations and estimators beside those of the leader, named after their units and not active. Configuration and
    versions of the time become files that `pio experiments record` shows. An archive that was altered since is
    refused. To go back, delete the experiment.
    """
    from pioreactor.data_import.experiment_import import import_experiment as take_over
    from pioreactor.data_import.experiment_import import plan_experiment

    if dry_run:
        _show_experiment(plan_experiment(cli.runtime, file), as_json)
        return
    done = take_over(cli.runtime, file, _silent if as_json else _progress)
    if not as_json:
        for each in done.left_out:
            click.echo(f"Not imported: {each.name}: {each.reason}", err=True)
    text = (
        f"Imported {', '.join(done.experiments)}: {sum(done.rows.values())} rows, {len(done.profiles)} profiles, "
        f"{len(done.artifacts)} calibrations and estimators, {done.record_files} files of its record.\n{done.origin}"
    )
    print_result(done, as_json, text)


def _show_experiment(plan: ExperimentPlan, as_json: bool) -> None:
    if as_json:
        _print(plan)
        return
    click.echo(f"{', '.join(plan.experiments)}, of version {plan.software_version}, with {', '.join(plan.units)}")
    rows: list[dict[str, object]] = [
        {"kind": "table", "name": each.name, "rows": each.rows, _REASON: each.reason}
        for each in plan.tables
        if each.rows
    ]
    rows += [{"kind": each.kind, "name": each.name, "rows": "", _REASON: each.reason} for each in plan.files]
    print_table(rows, ["kind", "name", "rows", _REASON], none="Nothing comes over.")
    for note in plan.notes:
        click.echo(note)
