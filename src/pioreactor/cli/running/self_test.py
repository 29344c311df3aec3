"""`pio run self_test`."""

from __future__ import annotations

from dataclasses import asdict

import click

from pioreactor.procedures.self_test.run import Outcome, run_self_tests, select
from pioreactor.runtime import context


@click.command(name="self_test")
@click.option("-k", "substring", default=None, metavar="TEXT", help="Only tests with this in their name.")
@click.option("--retry-failed", is_flag=True, help="Only tests that failed the last time.")
@click.option("--list", "only_list", is_flag=True, help="Print the names of the tests and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def self_test(ctx: click.Context, substring: str | None, retry_failed: bool, only_list: bool, as_json: bool) -> None:
    """Check every part of this reactor. Ends with status 1 when a test fails; each failure says what to check.

    Put a vial with water and a stir bar into the reactor first.
    """
    tests = select(context.current(), substring, retry_failed=retry_failed)
    if only_list:
        for name, test in tests.items():
            words = (test.__doc__ or "").strip().splitlines()
            click.echo(f"{name}: {words[0]}" if words else name)
        return
    outcomes = run_self_tests(tests, heard=(lambda _: None) if as_json else _say) if tests else []
    failed = sum(not outcome.passed for outcome in outcomes)
    if as_json:
        from pioreactor.cli.render import print_json

        print_json([asdict(outcome) for outcome in outcomes])
    elif not outcomes:
        click.echo("No test failed the last time.")
    else:
        click.echo(f"{len(outcomes) - failed} passed, {failed} failed.")
    if failed:
        ctx.exit(1)


def _say(outcome: Outcome) -> None:
    if outcome.passed:
        click.echo(f"{click.style('passed', fg='green')}  {outcome.name}")
        return
    click.echo(f"{click.style('FAILED', fg='red')}  {outcome.name}: {outcome.message}")
    if outcome.remedy:
        click.echo(f"        Try: {outcome.remedy}")
