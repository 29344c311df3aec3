"""`pio run self_test`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from pioreactor.procedures.self_test.self_test_runner import Outcome, run_self_tests, select
from pioreactor.runtime import context


@click.command(name="self_test")
@click.option("-k", "--k", "substring", default=None, metavar="TEXT", help="Only tests with this in their name.")
@click.option("--retry-failed", is_flag=True, help="Only tests that failed the last time.")
@click.option("--list", "only_list", is_flag=True, help="Print the names of the tests and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.pass_context
def self_test(ctx: click.Context, substring: str | None, retry_failed: bool, only_list: bool, as_json: bool) -> None:
    """Check every part of this reactor. The exit code is 1 if a test fails; each failure states what to check.

    Put a vial with water and a stir bar into the reactor first.
    """
    tests = select(context.current(), substring, retry_failed=retry_failed)
    if only_list:
        for name, test in tests.items():
            lines = (test.__doc__ or "").strip().splitlines()
            click.echo(f"{name}: {lines[0]}" if lines else name)
        return
    report = _Report(len(tests), quiet=as_json)
    outcomes = run_self_tests(tests, on_begun=report.on_begun, on_outcome=report.on_outcome) if tests else []
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


class _Report:
    """Printer of results; on a terminal it also shows which test runs, as some take a minute."""

    def __init__(self, count: int, *, quiet: bool) -> None:
        self._count = count
        self._quiet = quiet
        self._begun = 0

    def on_begun(self, name: str) -> None:
        self._begun += 1
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{self._begun} of {self._count}  {name} …", nl=False, err=True)

    def on_outcome(self, outcome: Outcome) -> None:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)
        if self._quiet:
            return
        if outcome.passed:
            click.echo(f"{click.style('passed', fg='green')}  {outcome.name}")
            return
        click.echo(f"{click.style('FAILED', fg='red')}  {outcome.name}: {outcome.message}")
        if outcome.remedy:
            click.echo(f"        Try: {outcome.remedy}")
