"""`pio audit`: who changed what, and whether the trail of it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_json, print_list, print_rows
from pioreactor.exc import StorageError

if TYPE_CHECKING:
    from pioreactor.audit.signed_trail import HeadSigning
    from pioreactor.storage.leader.repositories.audit import Audit


class TrailNotWholeError(StorageError):
    """Entries of the audit trail were changed, removed or cut off."""

    code = "audit_trail_not_whole"
    remedy = "Compare with a backup of the database or an earlier export; the entries before that one are as they were."


@click.group(cls=SuggestingGroup)
def audit() -> None:
    """List, verify and export the audit trail: who changed what."""


@audit.command(name="list")
@click.option("--actor", metavar="NAME", help="Only what this person, unit or account did.")
@click.option("--unit", metavar="NAME", help="Only what concerns this unit.")
@click.option("--experiment", metavar="NAME", help="Only what concerns this experiment.")
@click.option("--text", metavar="TEXT", help="Only entries whose summary has this text.")
@click.option("--since", metavar="TIME", help="Only entries from this time on, such as 2026-11-29T08:00.")
@click.option("-n", "limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
@json_option
@pass_cli_context
def list_(
    cli: CliContext,
    actor: str | None,
    unit: str | None,
    experiment: str | None,
    text: str | None,
    since: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List entries, newest first."""
    from pioreactor.storage.leader.repositories.audit import AuditFilter

    with _opened(cli) as (trail, _):
        entries = trail.page(AuditFilter(actor, unit, experiment, text, since), limit=limit)
    print_list(
        entries,
        lambda entry: {
            "id": entry.id,
            "time": entry.timestamp,
            "who": entry.change.actor + (f" ({entry.change.token})" if entry.change.token is not None else ""),
            "what": entry.change.summary,
            "outcome": entry.change.outcome,
            "reason": entry.change.reason or "",
        },
        as_json=as_json,
        none="Nothing was changed yet.",
    )


@audit.command()
@json_option
@pass_cli_context
def actions(cli: CliContext, as_json: bool) -> None:
    """List the actions for which [audit] of the configuration can ask a reason or a signature."""
    import msgspec

    from pioreactor.cli.asked_changes import ACTION_OF

    commands = {action: f"pio {command}" for command, action in ACTION_OF.items()}
    rows = msgspec.convert(cli.ask_leader("GET", "/api/audit/actions"), list[dict[str, str]])
    found = [{**row, "command": commands.get(row["action"], "")} for row in rows]
    print_rows(found, ["action", "command", "description"], none="There are none.", as_json=as_json)


@audit.command()
@click.option(
    "--head",
    "exported",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="An archive that was exported earlier: the trail must still have what it had then.",
)
@json_option
@pass_cli_context
def verify(cli: CliContext, exported: Path | None, as_json: bool) -> None:
    """Check every entry against its hash and against the signed heads. Ends with status 1 where it is not whole."""
    from pioreactor.audit.verification import heads_of_export
    from pioreactor.audit.verification import verify as verify_entries

    given = heads_of_export(exported) if exported is not None else []
    with _opened(cli) as (trail, signing):
        heads = trail.heads()
        verdict = verify_entries(
            trail.all(),
            [*heads, *(head for head in given if head not in heads)],
            is_signed=lambda head: head in given[:1] or signing.is_signed(head),
            progress=lambda count: click.echo(f"{count} entries …", err=True),
        )
    if as_json:
        print_json(verdict)
    elif verdict.is_whole:
        click.echo(
            f"The audit trail is whole: {verdict.entries} entries, {verdict.heads - len(given[:1])} signed heads."
        )
        if given:
            click.echo(f"It has what it had when {exported} was exported, to entry {given[0].id}.")
        click.echo(f"The newest entry has the hash {verdict.last_hash}")
        if signing.fingerprint is not None:
            click.echo(f"This leader signs with the key {signing.fingerprint}")
    if not verdict.is_whole:
        raise TrailNotWholeError(f"the audit trail is not whole: {verdict.fault}")


@audit.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_cli_context
def export(cli: CliContext, file: Path) -> None:
    """Write all entries as JSON lines, then the signed heads and the public key that verifies them."""
    import msgspec

    from pioreactor.private_files import complete_file

    with _opened(cli) as (trail, signing), complete_file(file) as draft, draft.open("wb") as output:
        for line in trail.exported(public_key=signing.public_key):
            output.write(msgspec.json.encode(line) + b"\n")
    click.echo(f"Wrote {file}.")


@contextmanager
def _opened(cli: CliContext) -> Iterator[tuple[Audit, HeadSigning]]:
    from pioreactor.audit.signed_trail import HeadSigning, SignedAuditTrail
    from pioreactor.storage.leader.database import LeaderDatabase

    database = LeaderDatabase.open(cli.database_location(), now=cli.runtime.clock.now)
    try:
        signing, spool = HeadSigning(cli.runtime.paths.secrets), cli.runtime.paths.audit_spool
        SignedAuditTrail(database.audit, signing, cli.runtime.clock.now, spool=spool).take_in_commands()
        yield database.audit, signing
    finally:
        database.close()
