"""`pio estimate`: re-runs the estimators of units on recorded data."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pioreactor.exc import InvalidRequestError

if TYPE_CHECKING:
    from pioreactor.science.growth_rate.replay import RecordingSummary

_PROGRESS_STEPS = 1000
_POINTS = 400
_MAX_PLOT_WIDTH, _PLOT_HEIGHT = 110, 16
_IN = click.Path(path_type=Path, exists=True, dir_okay=False, readable=True)


@click.group()
def estimate() -> None:
    """Re-run an estimator on recorded data."""


@estimate.command(name="growth-rate")
@click.argument("readings", type=_IN, metavar="READINGS.csv[.gz]")
@click.option("--doses", type=_IN, default=None, metavar="DOSES.csv", help="Recorded doses.")
@click.option("--column", default="od_reading", show_default=True, help="The column of optical densities.")
@click.option("--unit", default=None, help="Only this unit's readings.")
@click.option("--experiment", default=None, help="Only readings of this experiment.")
@click.option("--channel", default=None, help="Only this photodiode channel.")
@click.option("--smooth", is_flag=True, help="Smooth: use later readings as well, which a unit cannot do live.")
@click.option(
    "--vial-volume-ml", type=click.FloatRange(0, 1000, min_open=True), default=14.0, show_default=True,
    help="Volume in the vial before the first dose and after removing waste [mL].",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="OUT.csv[.gz]",
    help="Output file, with a row for each reading.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def growth_rate(
    readings: Path,
    doses: Path | None,
    column: str,
    unit: str | None,
    experiment: str | None,
    channel: str | None,
    smooth: bool,
    vial_volume_ml: float,
    out: Path,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Re-run the growth-rate estimator [1/h] on recorded data.

    READINGS has a column `time_h` or `timestamp` and one of optical densities, as an exported dataset has; DOSES has
    the same kind of time, `event` (add_media, remove_waste, …) and `volume_change_ml` or `nominal_volume_ml`. OUT gets
    time_h, growth_rate, growth_rate_sd, od_filtered, pump_gain and outlier; where READINGS hold several experiments,
    units or channels, each is estimated by itself, and its rows begin with those columns.
    """
    from pioreactor.science.growth_rate.replay import estimate_each

    if out.exists() and not overwrite:
        raise InvalidRequestError(f"{out} exists already", remedy="Choose another name, or pass --overwrite.")
    with click.progressbar(length=_PROGRESS_STEPS, label="Estimating", file=sys.stderr) as bar:
        reached = 0

        def progress(share: float) -> None:
            nonlocal reached
            step = round(_PROGRESS_STEPS * share) - reached
            if step > 0:
                reached += step
                bar.update(step)

        only = {"pioreactor_unit": unit, "experiment": experiment, "channel": channel}
        summaries = estimate_each(
            readings,
            out=out,
            doses=doses,
            column=column,
            smoothed=smooth,
            vial_volume_ml=vial_volume_ml,
            only={name: value for name, value in only.items() if value is not None},
            progress=progress,
        )
    if as_json:
        import json

        facts = [_facts(summary) for summary in summaries]
        click.echo(json.dumps(facts[0] if len(facts) == 1 else facts))
        return
    if len(summaries) == 1:
        _plot(summaries[0].out)
    for summary in summaries:
        _show(summary)
    click.echo(f"Written: {out}")


def _facts(summary: RecordingSummary) -> dict[str, object]:
    from dataclasses import asdict

    facts = {**asdict(summary), "out": str(summary.out)}
    return facts if summary.series else {name: value for name, value in facts.items() if name != "series"}


def _plot(out: Path) -> None:
    time_h, rate, sd = _read(out)
    _plot_with_band(
        time_h, rate, [2 * one for one in sd], title="growth rate [1/h], with its 95 % band", xlabel="hours"
    )


def _show(summary: RecordingSummary) -> None:
    if summary.series:
        click.echo(", ".join(f"{name} {value}" for name, value in summary.series.items()))
    click.echo(
        f"{summary.readings} readings ({summary.left_out} skipped), {summary.outliers} outliers, "
        f"{summary.level_shifts} level shifts, {summary.doses} doses; noise {100 * summary.noise_cv:.2f} %"
    )
    if summary.doses:
        click.echo(f"Pump output: {100 * summary.pump_gain:.1f} ± {200 * summary.pump_gain_sd:.1f} % of requested.")


def _plot_with_band(
    xs: Sequence[float], ys: Sequence[float], half_widths: Sequence[float], *, title: str, xlabel: str
) -> None:
    """Print a curve and the edges of the band around it; says so when the plotting library is not installed."""
    from statistics import median

    try:
        import plotext
    except ImportError:
        click.echo("(No plot: pip install plotext)", err=True)
        return
    plotext.clear_figure()
    plotext.theme("clear")
    width = plotext.terminal_width()
    plotext.plot_size(min(_MAX_PLOT_WIDTH, width if width else _MAX_PLOT_WIDTH), _PLOT_HEIGHT)
    # What is not known yet is as wide as can be; it must not press everything else flat.
    widest = 4 * median(half_widths) if half_widths else 0.0
    for sign in (-1, 1):
        edge = [y + sign * min(half, widest) for y, half in zip(ys, half_widths, strict=True)]
        plotext.plot(xs, edge, marker="dot")
    plotext.plot(xs, ys, marker="braille")
    plotext.title(title)
    plotext.xlabel(xlabel)
    click.echo(plotext.build())


def _read(out: Path) -> tuple[list[float], list[float], list[float]]:
    """Return hours, growth rate and its standard deviation, thinned to what fits on a screen."""
    import csv
    import gzip

    with gzip.open(out, "rt") if out.suffix == ".gz" else out.open() as file:
        rows = list(csv.DictReader(file))
    shown = rows[:: max(1, len(rows) // _POINTS)]
    return (
        [float(row["time_h"]) for row in shown],
        [float(row["growth_rate"]) for row in shown],
        [float(row["growth_rate_sd"]) for row in shown],
    )
