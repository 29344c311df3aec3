"""`pio alarms`: the alarms of the cluster, what people do about them, their rules, and where messages go."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_list, print_pairs, print_result
from pioreactor.exc import InvalidRequestError

if TYPE_CHECKING:
    from pioreactor.alarms.condition_kinds import ConditionKind
    from pioreactor.storage.leader.alarms import AlarmDatabase
    from pioreactor.storage.leader.alarms.channel_editing import ChannelEditing

_TEST_WAIT_S: Final = 45.0
_POLL_S: Final = 0.2
_TEXT: Final = 60


@click.group(cls=SuggestingGroup)
def alarms() -> None:
    """List, acknowledge and shelve alarms; change rules, and where messages go."""


@alarms.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Closed alarms as well, newest first.")
@click.option("--skip", type=click.IntRange(0), default=0, help="With --all: omit so many of the newest.")
@json_option
@pass_cli_context
def list_(cli: CliContext, everything: bool, skip: int, as_json: bool) -> None:
    """List open alarms, the most severe first."""
    with _opened(cli) as database:
        found = database.alarms.history(skip=skip) if everything else database.alarms.open()
    print_list(
        found,
        lambda one: {
            "id": one.id,
            "severity": one.severity,
            "state": one.state,
            "unit": one.pioreactor_unit,
            "alarm": f"{one.title}: {one.message}"[:_TEXT],
            "raised_at": one.raised_at,
        },
        as_json=as_json,
        none="No alarm is open.",
    )


@alarms.command()
@click.argument("id_", metavar="ID", type=int)
@json_option
@pass_cli_context
def show(cli: CliContext, id_: int, as_json: bool) -> None:
    """Show one alarm with everything that happened to it."""
    import msgspec

    with _opened(cli) as database:
        alarm, events = database.alarms.get(id_), database.alarms.events(id_)
    known = {name: value for name, value in msgspec.structs.asdict(alarm).items() if value not in (None, "")}
    history = (f"{event.timestamp}  {event.event}  {event.username or ''}  {event.message}" for event in events)
    print_result({"alarm": alarm, "events": events}, as_json, lambda: print_pairs(known), *map(str.rstrip, history))


@alarms.command()
@click.argument("ids", metavar="ID...", type=int, nargs=-1, required=True)
@click.option("--note", default="", help="What is being done about it.")
@pass_cli_context
def acknowledge(cli: CliContext, ids: tuple[int, ...], note: str) -> None:
    """Acknowledge alarms: it is known who takes care of them, and they are not escalated."""
    with _opened(cli) as database:
        for alarm in database.alarms.acknowledge(ids, username=_who(), note=note):
            click.echo(f"{alarm.id} is {alarm.state}: {alarm.title}.")


@alarms.command()
@click.argument("id_", metavar="ID", type=int)
@click.option("--hours", type=click.FloatRange(0, 720, min_open=True), required=True, help="At most 720.")
@click.option("--note", default="", help="Why.")
@pass_cli_context
def shelve(cli: CliContext, id_: int, hours: float, note: str) -> None:
    """Send no messages about an alarm for some hours, also when it is raised again."""
    with _opened(cli) as database:
        alarm = database.alarms.shelve(id_, hours=hours, username=_who(), note=note)
    click.echo(f"{alarm.id} is shelved until {alarm.shelved_until}.")


@alarms.command()
@click.argument("id_", metavar="ID", type=int)
@pass_cli_context
def unshelve(cli: CliContext, id_: int) -> None:
    """End the time for which an alarm is shelved."""
    with _opened(cli) as database:
        alarm = database.alarms.unshelve(id_, username=_who())
    click.echo(f"{alarm.id} is {alarm.state}.")


@alarms.command()
@json_option
@pass_cli_context
def rules(cli: CliContext, as_json: bool) -> None:
    """List the rules of alarms."""
    from pioreactor.storage.leader.alarms.rule_table import rules_in_force

    with _opened(cli) as database:
        found = rules_in_force(database.rules.all(), cli.runtime.settings.alarm_rules)
    print_list(
        found,
        lambda one: {
            "rule": one.rule.name,
            "severity": one.rule.severity,
            "enabled": "yes" if one.rule.enabled else "no",
            "delay_s": one.rule.delay_s,
            "from": "a person" if one.is_changed else "configuration" if one.is_configured else "declaration",
            "title": one.rule.title,
        },
        as_json=as_json,
        none="There are no rules.",
    )
    for one in found:
        if one.fault is not None:
            click.echo(f"{one.rule.name} is used as it is declared: {one.fault}", err=True)


@alarms.command()
@json_option
def conditions(as_json: bool) -> None:
    """List the kinds of conditions that a rule can have, with their fields; in brackets those with a default."""
    from pioreactor.alarms.condition_kinds import condition_kinds

    found = condition_kinds()
    print_result(found, as_json, *map(_described, found))


def _described(kind: ConditionKind) -> str:
    fields = (field.name if field.is_required else f"[{field.name}]" for field in kind.fields)
    return f"{kind.type} {' '.join(fields)}\n    {kind.help}"


@alarms.command()
@click.argument("name")
@click.argument("changes", metavar="FIELD=VALUE...", nargs=-1, required=True)
@pass_cli_context
def rule(cli: CliContext, name: str, changes: tuple[str, ...]) -> None:
    """Change fields of a rule or of its condition, as in: delay_s=60 severity=high above=39.5.

    A rule of a new name needs title=… and condition={"type": …} in JSON, see: pio alarms conditions
    """
    with _opened(cli) as database:
        database.rules.change(name, dict(map(_field, changes)), username=_who())
    click.echo(f"{name} is changed.")


@alarms.command(name="reset-rule")
@click.argument("name")
@yes_option
@pass_cli_context
def reset_rule(cli: CliContext, name: str, yes: bool) -> None:
    """Return a rule to what its job declares; delete one that a person made."""
    if not yes:
        click.confirm(f"Discard what people changed about {name}?", abort=True)
    with _opened(cli) as database:
        database.rules.reset(name, username=_who())
    click.echo(f"{name} is as it was declared.")


@alarms.command()
@json_option
@pass_cli_context
def channels(cli: CliContext, as_json: bool) -> None:
    """List the channels: where messages go. Secrets are masked."""
    with _editing(cli) as editing:
        found = editing.all()
    print_list(
        found,
        lambda one: {
            "channel": one.name,
            "kind": one.kind,
            "from_severity": one.lowest,
            "enabled": "yes" if one.enabled else "no",
            "quiet": f"{one.quiet.start}–{one.quiet.end}" if one.quiet is not None else "",
        },
        as_json=as_json,
        none="There is no channel: add one with pio alarms channel.",
    )


@alarms.command()
@click.argument("name")
@click.argument("fields", metavar="FIELD=VALUE...", nargs=-1, required=True)
@pass_cli_context
def channel(cli: CliContext, name: str, fields: tuple[str, ...]) -> None:
    """Make or change a channel, as in: kind=ntfy lowest=high url=- quiet={"start":"22:00","end":"07:00"}.

    The value - is asked for and not shown, for secrets. Kinds and their fields are in the documentation.
    """
    from pioreactor.alarms.channels import Channel

    values: dict[str, object] = {}
    options: dict[str, str] = {}
    for text in fields:
        key, value = _field(text)
        given = text.partition("=")[2]
        if key in Channel.__struct_fields__:
            values[key] = value
        else:
            options[key] = str(click.prompt(key, hide_input=True)) if given == "-" else given
    with _editing(cli) as editing:
        editing.put(name, {**values, "options": options})
    click.echo(f"{name} is stored. Try it: pio alarms test {name}")


@alarms.command(name="remove-channel")
@click.argument("name")
@yes_option
@pass_cli_context
def remove_channel(cli: CliContext, name: str, yes: bool) -> None:
    """Remove a channel with its secrets."""
    if not yes:
        click.confirm(f"Remove {name} and its secrets?", abort=True)
    with _editing(cli) as editing:
        editing.remove(name)
    click.echo(f"{name} is removed.")


@alarms.command()
@click.argument("name")
@pass_cli_context
@click.pass_context
def test(ctx: click.Context, cli: CliContext, name: str) -> None:
    """Send a test message to a channel. Ends with status 1 when it is not delivered."""
    with _opened(cli) as database, _editing(cli) as editing:
        id_ = editing.test(name)
        until_s = time.monotonic() + _TEST_WAIT_S
        while True:
            delivery = database.deliveries.get(id_)
            is_over = delivery is None or delivery.state in ("sent", "failed") or delivery.error is not None
            if is_over or time.monotonic() > until_s:
                break
            time.sleep(_POLL_S)
    if delivery is not None and delivery.state == "sent":
        click.echo(f"The message was accepted by {name}.")
        return
    reason = delivery.error if delivery is not None else None
    click.echo(f"Not delivered: {reason if reason is not None else 'the alarm engine does not run'}.", err=True)
    ctx.exit(1)


@alarms.command()
@click.option("--skip", type=click.IntRange(0), default=0, help="Omit so many of the newest.")
@json_option
@pass_cli_context
def deliveries(cli: CliContext, skip: int, as_json: bool) -> None:
    """List messages about alarms and what became of them, newest first."""
    with _opened(cli) as database:
        found = database.deliveries.recent(skip=skip)
    print_list(
        found,
        lambda one: {
            "id": one.id,
            "channel": one.channel,
            "state": one.state,
            "attempts": one.attempts,
            "title": one.notice.title[:_TEXT],
            "error": "" if one.error is None else one.error[:_TEXT],
        },
        as_json=as_json,
        none="No message was sent yet.",
    )


def _field(text: str) -> tuple[str, object]:
    """Return name and value of FIELD=VALUE; a value that is JSON is taken as such."""
    import msgspec

    name, sign, value = text.partition("=")
    if not sign or not name:
        raise InvalidRequestError(f"{text[:60]!r} is not of the form FIELD=VALUE")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value


def _who() -> str:
    """Return who acts, as the history of alarms names them."""
    return f"{getpass.getuser()} (command line)"


@contextmanager
def _opened(cli: CliContext) -> Iterator[AlarmDatabase]:
    from pioreactor.storage.leader.alarms import AlarmDatabase
    from pioreactor.storage.leader.migrate import upgrade

    upgrade(location := cli.database_location())
    database = AlarmDatabase(location, now=cli.runtime.clock.now)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _editing(cli: CliContext) -> Iterator[ChannelEditing]:
    from pioreactor.storage.leader.alarms.channel_editing import ChannelEditing
    from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets

    with _opened(cli) as database:
        yield ChannelEditing(database, ChannelSecrets(cli.paths.secrets))
