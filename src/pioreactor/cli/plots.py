"""Plots in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import click

_WIDEST = 110
_HEIGHT = 16


def plot_with_band(
    xs: Sequence[float], ys: Sequence[float], half_widths: Sequence[float], *, title: str, xlabel: str
) -> None:
    """Print a curve and the edges of the band around it; says so when the plotting library is not installed."""
    try:
        import plotext
    except ImportError:
        click.echo("(No plot: pip install plotext)", err=True)
        return
    plotext.clear_figure()
    plotext.theme("clear")
    width = plotext.terminal_width()
    plotext.plot_size(min(_WIDEST, width if width else _WIDEST), _HEIGHT)
    # What is not known yet is as wide as can be; it must not press everything else flat.
    widest = 4 * median(half_widths) if half_widths else 0.0
    for sign in (-1, 1):
        edge = [y + sign * min(half, widest) for y, half in zip(ys, half_widths, strict=True)]
        plotext.plot(xs, edge, marker="dot")
    plotext.plot(xs, ys, marker="braille")
    plotext.title(title)
    plotext.xlabel(xlabel)
    click.echo(plotext.build())
