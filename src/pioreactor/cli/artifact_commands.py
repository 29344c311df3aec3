"""What `pio calibrations` and `pio estimators` have in common: choosing, deleting, plots, and the date in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import click

from pioreactor.exc import NotFoundError

if TYPE_CHECKING:
    from pioreactor.calibrations.curves import CurveData
    from pioreactor.calibrations.judged_store import Judgment
    from pioreactor.runtime.context import Runtime
    from pioreactor.science.curves import Curve

CURVE_POINTS = 120


class Store(Protocol):
    """`calibrations.store` or `estimators.store`."""

    def names(self, runtime: Runtime, device: str, /) -> list[str]: ...

    def delete(self, runtime: Runtime, device: str, name: str, /) -> None: ...

    def set_active(self, runtime: Runtime, device: str, name: str | None, /) -> None: ...


def choose(store: Store, runtime: Runtime, kind: str, device: str, name: str | None) -> None:
    """Use the one of this name from the device's next start on, none for None, and say so."""
    store.set_active(runtime, device, name)
    click.echo(f"{device} uses {name!r}." if name is not None else f"{device} uses no {kind}.")


def remove(store: Store, runtime: Runtime, kind: str, device: str, name: str, *, yes: bool) -> None:
    """Delete one after asking, unless the answer is `yes` already."""
    if name not in store.names(runtime, device):
        raise NotFoundError(f"{device} has no {kind} {name!r}", remedy=f"See: pio {kind}s list")
    if not yes:
        click.confirm(f"Delete {kind} {name!r} of {device}? It cannot be brought back.", abort=True)
    store.delete(runtime, device, name)
    click.echo(f"Deleted {name!r} of {device}.")


def print_judgment(device: str, name: str, judgment: Judgment, *, active: bool) -> None:
    """Print how good a calibration is, each doubt, and how to use it if doubts kept it from becoming active."""
    click.echo(f"{judgment.summary[:1].upper()}{judgment.summary[1:]}.")
    if judgment.ratio is not None:
        click.echo(f"For equal readings it gives {judgment.ratio:g} times the values of {judgment.compared_with!r}.")
    for doubt in judgment.doubts:
        click.secho(f"Doubtful: {doubt}", fg="yellow", err=True)
    if judgment.doubts and not active:
        click.echo(f"It is not in use. To use it: pio calibrations set-active --device {device} --name '{name}'")


def day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def plot(
    points: tuple[Sequence[float], Sequence[float]],
    curve: Curve | None,
    *,
    title: str,
    labels: tuple[str, str],
    span: tuple[float, float] | None = None,
) -> None:
    """Print points and the curve through them; a sentence where the plotting package is not installed."""
    try:
        import plotext
    except ImportError:
        click.echo("(No plot: install pioreactor[simulation] to see one.)")
        return
    xs, ys = list(points[0]), list(points[1])
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plot_size(min(100, plotext.terminal_width() or 80), 24)
    if xs:
        plotext.scatter(xs, ys, marker="o", label="recorded")
    known = span if span is not None else (min(xs), max(xs)) if xs else None
    if curve is not None and known is not None and known[0] < known[1]:
        low, high = known
        at = [low + (high - low) * k / (CURVE_POINTS - 1) for k in range(CURVE_POINTS)]
        plotext.plot(at, [curve.evaluate(x) for x in at], marker="braille", label="curve")
    plotext.title(title)
    plotext.xlabel(labels[0])
    plotext.ylabel(labels[1])
    click.echo(plotext.build())


def formula(data: CurveData) -> str:
    """Return a curve in a line: a polynomial spelled out, a piecewise curve by its knots."""
    if hasattr(data, "knots"):
        return f"{len(data.knots)} knots from {data.knots[0]:g} to {data.knots[-1]:g}"
    from pioreactor.calibrations.utils import curve_to_functional_form

    return curve_to_functional_form("poly", data)
