"""`pio status`: checks this unit."""

from __future__ import annotations

from dataclasses import asdict

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_result
from pioreactor.cli.status_checks import Finding, Verdict, run_checks, worst

_COLORS: dict[Verdict, str] = {"OK": "green", "WARN": "yellow", "FAIL": "red"}


@click.command()
@json_option
@pass_cli_context
@click.pass_context
def status(ctx: click.Context, cli: CliContext, as_json: bool) -> None:
    """Check this unit and report problems: OK, WARN or FAIL for each check, and what to do about it.

    The exit code is 1 if one fails.
    """
    findings: list[Finding] = []
    for finding in run_checks(cli):
        findings.append(finding)
        if not as_json:
            verdict = click.style(f"{finding.verdict:<4}", fg=_COLORS[finding.verdict])
            click.echo(f"{verdict}  {finding.check:<26}{finding.details}")
            if finding.remedy is not None:
                click.echo(f"      {'':<26}{finding.remedy}")
    overall = worst(findings)
    print_result(
        {"status": overall, "checks": [asdict(finding) for finding in findings]},
        as_json,
        f"{click.style(overall, fg=_COLORS[overall], bold=True)} overall.",
    )
    ctx.exit(1 if overall == "FAIL" else 0)
