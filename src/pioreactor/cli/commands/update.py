"""`pio update`: the version of the software on this unit."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_json, print_result
from pioreactor.exc import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pioreactor.updates.ports import ReleaseSource
    from pioreactor.updates.release_feed import PublishedRelease
    from pioreactor.updates.unit_update import UnitUpdate, UpdateRequest
    from pioreactor.updates.update_journal import UpdateResult


@click.group(cls=SuggestingGroup)
def update() -> None:
    """Update the software of this unit, and its firmware."""


@update.command()
@click.option(
    "--source",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A release archive, also on a USB drive; or a wheel, which is not signed.",
)
@click.option("-v", "--version", help="A version that is installed beside the present one, or whose archive is here.")
@click.option("--allow-older", is_flag=True, help="Go back to an older version.")
@click.option("--force", is_flag=True, help="Although jobs run: they continue with the version they were started with.")
@click.option("--requested", is_flag=True, hidden=True, help="What the web server has written down.")
@yes_option
@json_option
@pass_cli_context
def app(
    cli: CliContext,
    source: Path | None,
    version: str | None,
    allow_older: bool,
    force: bool,
    requested: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Install a release and use it. If it does not work on this unit, the present version runs again.

    Without --source and --version: the next release after the present one, of the archives on this unit, or else of
    the published releases (`pio update releases`).
    """
    from pioreactor.updates.unit_update import UpdateRequest

    unit = unit_update(cli)
    if requested:
        request, yes = unit.take_request(), True
    else:
        path = None if source is None else str(source.absolute())
        request = UpdateRequest(path, version, allow_older, force)
    # A terminal that is closed ends neither the update nor that of the workers after it.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if request.units and request.source is None:
        request.source = unit.archive_of(request.version, _progress(as_json)).path
    update_workers = workers_to_update(cli, request)
    result = None if request.skips_self else update_unit(unit, request, yes=yes, quiet=as_json)
    try:
        update_workers()
    finally:
        if as_json and result is not None:
            import msgspec

            print_json(msgspec.to_builtins(result))


def workers_to_update(cli: CliContext, request: UpdateRequest) -> Callable[[], None]:
    """Return what updates the workers of a request from its archive, one after the other.

    Raise `UpdateRefusedError` if jobs run on one of them or it has a newer version, before anything is updated.
    """
    from pioreactor.updates.bundle import Bundle
    from pioreactor.updates.cluster_update import ClusterUpdate
    from pioreactor.updates.progress import Progress

    if not request.units:
        return lambda: None
    assert request.source is not None
    archive = Path(request.source)
    version = Bundle(archive).manifest().version
    update = ClusterUpdate(
        cli.ask,
        lambda *asked, body=None: cli.fetch(*asked, body=body),
        cli.runtime.clock.sleep,
        Progress((click.echo,)),
    )
    update.refuse_early(request.units, version, request)
    return lambda: update.run(request.units, archive, version, request)


def update_unit(unit: UnitUpdate, request: UpdateRequest, *, yes: bool, quiet: bool) -> UpdateResult:
    """Update this unit, after a question unless `yes`."""
    unit.refuse_server_database()
    chosen, what, uses_index = _chosen(unit, request, _progress(quiet))
    updater = unit.updater(uses_index=uses_index, report=_progress(quiet))
    if not yes:
        click.confirm(
            f"Update {unit.runtime.unit} from {updater.installation.current_version()} to {what}?", abort=True
        )
    return updater.update(chosen, allow_older=request.allow_older, even_with_jobs=request.even_with_jobs)


def _progress(quiet: bool) -> Callable[[str], None]:
    return lambda text: None if quiet else click.echo(f"  {text}")


def _chosen(
    unit: UnitUpdate, request: UpdateRequest, report: Callable[[str], object]
) -> tuple[ReleaseSource, str, bool]:
    """Return what to install, how it is called, and whether the package index may be used for what it needs."""
    from pioreactor.updates.bundle import Bundle, WheelFile
    from pioreactor.updates.unit_update import KeptVersion

    installation = unit.updater().installation
    if request.source is not None:
        path = Path(request.source)
        if not path.is_file():
            raise NotFoundError(f"there is no file {path}")
        if path.suffix == ".whl":
            return WheelFile(path), f"{path.name}, which is not signed", True
        return Bundle(path), Bundle(path).manifest().version, False
    if request.version is not None:
        mark = installation.mark_of(request.version)
        if mark is not None:
            return KeptVersion(mark), request.version, False
    archive = unit.archive_of(request.version, report)
    return Bundle(Path(archive.path)), archive.version, False


@update.command()
@click.option(
    "--source",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="A release archive that brings firmware.",
)
@click.option("--interface", help="Configuration of openocd for the pins that lead to the chip.")
@yes_option
@json_option
@pass_cli_context
def firmware(cli: CliContext, source: Path, interface: str | None, yes: bool, as_json: bool) -> None:
    """Write the firmware of a release archive to the RP2040 of the HAT. Not tried on a reactor yet.

    The archive is verified, then openocd writes its firmware over the debug pins; no job may run.
    """
    from pioreactor.updates.firmware import INTERFACE, FirmwareUpdate

    unit = unit_update(cli)
    if not yes:
        click.confirm(f"Write the firmware of {source.name} to the board of {unit.runtime.unit}?", abort=True)
    done = FirmwareUpdate(unit).install(source, interface=INTERFACE if interface is None else interface)
    print_result(done, as_json, f"The board of {unit.runtime.unit} has the firmware of {done.version}.")


@update.command()
@json_option
@pass_cli_context
def status(cli: CliContext, as_json: bool) -> None:
    """Show what is installed, what an update does, and how the last one ended."""
    state = unit_update(cli).state()
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(state))
        return
    click.echo(f"{state.pioreactor_unit}: version {state.version}")
    if not state.is_versioned:
        click.echo("It was not installed in versions, and is updated by hand.")
    others = [version for version in state.installed if version != state.version]
    if others:
        click.echo(f"Also installed: {', '.join(others)}")
    for archive in state.archives:
        click.echo(f"Archive: {archive.path} ({archive.version}, {archive.released_at})")
    if state.in_progress is not None:
        click.echo(f"Update to {state.in_progress.to_version} in progress: {state.in_progress.step}")
    if state.last is not None:
        last = state.last
        click.echo(f"Last update: {'installed' if last.is_installed else 'not installed'}, {last.message}")


@update.command()
@json_option
@pass_cli_context
def releases(cli: CliContext, as_json: bool) -> None:
    """List the published releases for this kind of machine, from [updates] feed_url."""

    found = unit_update(cli).feed.releases()
    print_result(found, as_json, *map(_release, found))


def _release(one: PublishedRelease) -> str:
    first = f"{one.version:<12} {one.released_at[:10]:<10}  {one.size_bytes / 1e6:6.0f} MB  {one.channel}"
    return "\n    ".join([first, *one.notes.splitlines()])


@update.command()
@click.argument("version", required=False)
@json_option
@pass_cli_context
def download(cli: CliContext, version: str | None, as_json: bool) -> None:
    """Fetch a published release, by default the next one, and check it; nothing is installed."""

    unit = unit_update(cli)
    archive = unit.archive_of(version, _progress(as_json))
    print_result(archive, as_json, f"{archive.path}: version {archive.version}, signature is good.")


@update.command()
@click.option("--at-boot", is_flag=True, hidden=True, help="The services are started afterwards.")
@pass_cli_context
def recover(cli: CliContext, at_boot: bool) -> None:
    """Undo an update that was cut, or complete one that works. Done at each start of the machine."""
    done = unit_update(cli).updater(is_boot=at_boot, report=click.echo).recover()
    click.echo("There is nothing to do." if done is None else f"Done: {done.message}.")


@update.command(name="verify-release-archive")
@click.argument("archive", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--expected-version", help="Fail unless it is this version.")
@json_option
@pass_cli_context
def verify_release_archive(cli: CliContext, archive: Path, expected_version: str | None, as_json: bool) -> None:  # noqa: ARG001
    """Check the signature and all files of a release archive."""
    from pioreactor.updates.bundle import Bundle

    if not archive.is_file():
        raise NotFoundError(f"there is no file {archive}")
    manifest = Bundle(archive).verify()
    if expected_version is not None and manifest.version != expected_version:
        raise InvalidRequestError(f"{archive.name} is version {manifest.version}, not {expected_version}")
    text = f"{archive.name}: version {manifest.version}, {len(manifest.files)} files, signature is good."
    print_result(manifest, as_json, text)


def unit_update(cli: CliContext) -> UnitUpdate:
    """Return the updates of this unit."""
    from pioreactor.updates.unit_update import UnitUpdate

    return UnitUpdate(cli.runtime, cli.environment)
