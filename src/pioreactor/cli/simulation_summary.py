"""The summary of a simulation on one screen: what happened, and how OD and growth went."""

from __future__ import annotations

import click

from pioreactor.cli.simulated_run import Results, UnitResults

POINTS = 240


def show(results: Results, truth: dict[str, list[dict[str, float]]]) -> None:
    """Print plots of the first unit, if `truth` has any, a line for each unit, and where the results are."""
    for name in list(truth)[:1]:
        _plot(name, truth[name])
    for unit, facts in results["units"].items():
        click.echo(_line(unit, facts))
    rows = sum(results["rows"].values())
    seconds = results.get("seconds", 0.0)
    factor = results["hours"] * 3600 / seconds if seconds else 0
    click.echo(f"\n{rows} rows in {len(results['rows'])} tables, {results['hours']:g} h in {seconds:.1f} s "
               f"({factor:,.0f} × real time)")  # fmt: skip
    click.echo(f"Database: {results['database']}\nSHA-256 of all rows: {results['tables_sha256']}")
    for job in results["failed_jobs"]:
        click.echo(click.style(f"Failed: {job}", fg="red"))


def _line(unit: str, facts: UnitResults) -> str:
    parts = [
        f"{unit}: OD {facts['od_mean']:.3f} ± {facts['od_sd_percent']:.2f} %",
        f"growth {facts['growth_rate_mean']:.3f} /h",
        f"{facts['celsius_mean']:.2f} °C",
        f"media {facts['media_ml_per_h']:.2f} mL/h",
        f"volume ≤ {facts['volume_max_ml']:.2f} mL",
    ]
    if "target" in facts:
        share = 100 * facts["filtered_od_within_5_percent_of_target"]
        parts.append(f"within ±5 % of target {facts['target']:g}: {share:.1f} % of the time")
    return ", ".join(parts)


def _plot(unit: str, moments: list[dict[str, float]]) -> None:
    try:
        import plotext
    except ImportError:  # installed without the extra; the results are written all the same
        click.echo("No plots: pip install 'pioreactor[simulation]'.")
        return

    step = max(1, len(moments) // POINTS)
    shown = moments[::step]
    hours = [moment["time_h"] for moment in shown]
    width = min(110, plotext.terminal_width() or 100)
    for key, title in (("od", f"{unit}: true OD"), ("growth_rate", f"{unit}: true growth rate [1/h]")):
        plotext.clear_figure()
        plotext.theme("clear")
        plotext.plot_size(width, 11)
        plotext.plot(hours, [moment[key] for moment in shown], marker="braille")
        plotext.title(title)
        plotext.xlabel("hours")
        click.echo(plotext.build())
