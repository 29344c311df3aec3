"""`pio jobs`: what runs on this unit, and changes to its settings."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.fast_start import LISTED
from pioreactor.cli.lazy_group import SuggestingGroup, unknown
from pioreactor.cli.options import json_option, underscored
from pioreactor.cli.render import print_pairs, print_result, print_rows, print_table
from pioreactor.exc import ConflictError, JobNotRunningError, NotFoundError, PioreactorError
from pioreactor.jobs.command_sender import DEADLINE_S, CommandOutcome, CommandSender
from pioreactor.runtime.context import Runtime
from pioreactor.storage.ports import JobRecord


class _Outcome(Enum):
    """Outcome of a request."""

    SENT = "sent"
    CHANGED = "changed"
    REFUSED = "refused"
    NO_ANSWER = "no answer"


@click.group(cls=SuggestingGroup)
def jobs() -> None:
    """List and inspect jobs of this unit, change their settings."""


@jobs.command(name="list")
@click.argument("which", type=click.Choice(["all", "running"]), default="all")
@click.option("-n", "limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most this many.")
@json_option
@pass_cli_context
def list_(cli: CliContext, which: str, limit: int, as_json: bool) -> None:
    """Print the jobs of this unit, newest first; `pio jobs list running` only running ones."""
    registry = cli.runtime.stores.jobs()
    records = registry.running() if which == "running" else registry.history(limit=limit)
    _print_records(records[:limit], as_json=as_json)


@jobs.command()
@json_option
@pass_cli_context
def running(cli: CliContext, as_json: bool) -> None:
    """Print the running jobs."""
    _print_records(cli.runtime.stores.jobs().running(), as_json=as_json)


@jobs.command()
@click.option("--job-id", type=int, help="Number of the job, from `pio jobs list`.")
@click.option("--job-name", help="Name of the job; the newest of that name is shown.")
@json_option
@pass_cli_context
def info(cli: CliContext, job_id: int | None, job_name: str | None, as_json: bool) -> None:
    """Print one job with its published settings."""
    registry = cli.runtime.stores.jobs()
    record = _one(cli, job_id, job_name)
    settings = {name: _text(value) for name, value in registry.settings(record.job_id).items()}
    rows = [{"setting": name, "value": value} for name, value in settings.items()]
    print_result(
        {**asdict(record), "settings": settings},
        as_json,
        lambda: print_pairs(asdict(record)),
        "",
        lambda: print_table(rows, ["setting", "value"], none="No settings."),
    )


@jobs.command(name="set", context_settings={"ignore_unknown_options": True})  # -2.5 is a value
@click.argument("job")
@click.argument("setting")
@click.argument("value")
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 60),
    default=3.0,
    show_default=True,
    help="Wait this long for the job's response [s]; 0: do not wait.",
)
@pass_cli_context
def set_(cli: CliContext, job: str, setting: str, value: str, wait_s: float) -> None:
    """Change a setting of a running job and wait for the job's answer.

    A command that is not answered in time has expired: the job does not carry it out later.

    Units and ranges of settings are in `pio run JOB --help`. `state` takes ready, sleeping or disconnected.
    """
    runtime = cli.runtime
    name = underscored(job)
    record = next(iter(runtime.stores.jobs().running(job_name=name)), None)
    if record is None:
        raise JobNotRunningError(f"{name} is not running on {runtime.unit}", remedy=f"Start it: pio run {name}")
    name_of_setting = underscored(setting).removeprefix("$")
    outcome, words = _change_setting(runtime, record, name_of_setting, value, wait_s=wait_s)
    if outcome in (_Outcome.REFUSED, _Outcome.NO_ANSWER):
        known = list(runtime.stores.jobs().settings(record.job_id))
        if known and name_of_setting not in known and name_of_setting != "state":
            raise NotFoundError(
                unknown(name_of_setting, known, kind=f"setting of {name}"),
                remedy=f"See: pio jobs info --job-name {name}",
            )
    if outcome is _Outcome.REFUSED:
        raise ConflictError(f"{name} refused: {words}")
    if outcome is _Outcome.NO_ANSWER:
        raise PioreactorError(words, remedy="Check the log: pio logs")
    click.echo(words)


@jobs.command()
@click.option("--job-id", type=int, help="Number of the job, from `pio jobs list`.")
@click.option("--job-name", help="Name of the job; the newest of that name is used.")
@pass_cli_context
def purge(cli: CliContext, job_id: int | None, job_name: str | None) -> None:
    """Delete the record of a job that has ended."""
    registry = cli.runtime.stores.jobs()
    record = _one(cli, job_id, job_name)
    if any(each.job_id == record.job_id for each in registry.running()):
        raise ConflictError(
            f"{record.job_name} ({record.job_id}) is running",
            remedy=f"Run: pio kill --job-id {record.job_id}",
        )
    registry.purge(record.job_id)
    click.echo(f"Deleted the record of {record.job_name} ({record.job_id}).")


def _one(cli: CliContext, job_id: int | None, job_name: str | None) -> JobRecord:
    if (job_id is None) == (job_name is None):
        raise click.UsageError("Choose a job: --job-id or --job-name.")
    registry = cli.runtime.stores.jobs()
    if job_id is not None:
        found = registry.get(job_id)
    else:
        name = underscored(job_name) if job_name is not None else ""
        found = next((record for record in registry.history(limit=10_000) if record.job_name == name), None)
    if found is None:
        raise NotFoundError(f"no such job: {job_id if job_id is not None else job_name}")
    return found


def _print_records(records: list[JobRecord], *, as_json: bool) -> None:
    rows = [asdict(record) for record in records]
    print_rows(rows, LISTED, as_json=as_json, none="No jobs.")


def _text(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _change_setting(
    runtime: Runtime, record: JobRecord, setting: str, value: str, *, wait_s: float
) -> tuple[_Outcome, str]:
    """Send the command and wait up to `wait_s` for the job's answer to it; return the outcome and a message.

    With a wait of 0 the answer is not waited for, and the command expires after `DEADLINE_S`.
    """
    unit, experiment, job = record.unit, record.experiment, record.job_name
    bus = runtime.buses.connect("pio-jobs-set")
    try:
        sender = CommandSender(bus, runtime.clock, unit=unit, experiment=experiment, job=job, units=[unit])
        if wait_s == 0:
            sender.send({setting: value.encode()}, wait_s=DEADLINE_S)
            if not bus.flush(1.0):
                return _Outcome.NO_ANSWER, "the broker does not respond; nothing was sent"
            return _Outcome.SENT, f"Sent {setting} = {value} to {job}; it expires after {DEADLINE_S:g} s."
        sender.send({setting: value.encode()}, wait_s=wait_s)
        (outcome,) = sender.wait()
        if outcome.status == "no_answer" and not bus.is_connected():
            return _Outcome.NO_ANSWER, f"the broker does not respond, and {job} did not answer within {wait_s:g} s"
    finally:
        bus.close()
    return _as_result(outcome, job, value, wait_s)


def _as_result(outcome: CommandOutcome, job: str, value: str, wait_s: float) -> tuple[_Outcome, str]:
    setting = outcome.setting
    match outcome.status:
        case "accepted":
            now = outcome.value if outcome.value is not None else value
            asked = "" if _same(now, value) else f" ({value} was requested)"
            return _Outcome.CHANGED, f"{setting} of {job} is {now}{asked}."
        case "deferred":
            return _Outcome.SENT, f"{job} is busy; it sets {setting} to {value} next."
        case "refused" | "expired" | "not_running":
            return _Outcome.REFUSED, outcome.reason if outcome.reason is not None else "it gave no reason"
        case "no_answer":
            expired = "it will not be carried out later"
            return _Outcome.NO_ANSWER, f"{job} did not answer the change of {setting} within {wait_s:g} s; {expired}"


def _same(one: str, other: str) -> bool:
    try:
        return float(one) == float(other)
    except ValueError:
        return one.casefold() == other.casefold()
