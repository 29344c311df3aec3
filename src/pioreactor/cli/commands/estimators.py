"""`pio estimators`: look at, choose and delete what fuses several readings of this unit into one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_pairs, print_result, print_rows, print_table
from pioreactor.exc import InvalidRequestError

if TYPE_CHECKING:
    from pioreactor.estimators.models import ODFusionEstimator

device_option = click.option("--device", default="od_fused", show_default=True, help="Device of the estimator.")
name_option = click.option("--name", required=True, help="Name of the estimator.")


@click.group(cls=SuggestingGroup)
def estimators() -> None:
    """Look at, choose and delete the estimators of this unit; `pio calibrations run --device od_fused` makes one."""


@estimators.command(name="list")
@json_option
@pass_cli_context
def list_(cli: CliContext, as_json: bool) -> None:
    """Print the estimators that are kept here, and which are in use."""
    from pioreactor.cli.artifact_commands import day
    from pioreactor.estimators import store

    active = store.active_names(cli.runtime)
    rows: list[dict[str, object]] = [
        {
            "device": device,
            "name": one.estimator_name,
            "active": active.get(device) == one.estimator_name,
            "type": str(type(one).__struct_config__.tag),
            "made_at": one.created_at if as_json else day(one.created_at),
        }
        for device, ones in store.list_all(cli.runtime).items()
        for one in ones
    ]
    print_rows(rows, ["device", "name", "active", "type", "made_at"], as_json=as_json, none="No estimators.")


@estimators.command()
@json_option
@pass_cli_context
def protocols(cli: CliContext, as_json: bool) -> None:
    """Print the ways to make an estimator on this unit."""
    import pioreactor.procedures.protocols  # noqa: F401  importing registers them
    from pioreactor.calibrations import registry
    from pioreactor.estimators.store import OD_FUSED
    from pioreactor.runtime import context

    with context.using(cli.runtime):
        found = [(device, one) for device, one in registry.all_protocols() if device == OD_FUSED]
    rows = [registry.describe(device, one) for device, one in found]
    print_rows(
        rows,
        ["target_device", "protocol_name", "title"],
        as_json=as_json,
        none="No protocol fits this unit's photodiodes.",
    )


@estimators.command(name="set-active")
@device_option
@click.option("--name", default=None, help="Name of the estimator; none given: use none.")
@pass_cli_context
def set_active(cli: CliContext, device: str, name: str | None) -> None:
    """Use an estimator from the next start of od_reading on; without --name, none. Doubts about it are printed."""
    from pioreactor.cli import artifact_commands
    from pioreactor.estimators import estimator_judgment, store

    judged = (
        None
        if name is None
        else estimator_judgment.judge_usable(cli.runtime, device, store.load(cli.runtime, device, name))
    )
    artifact_commands.choose(store, cli.runtime, "estimator", device, name)
    if name is not None and judged is not None:
        artifact_commands.print_judgment(device, name, judged, active=True)


@estimators.command()
@device_option
@name_option
@yes_option
@pass_cli_context
def delete(cli: CliContext, device: str, name: str, yes: bool) -> None:
    """Delete an estimator; if it is in use, it is so no longer."""
    from pioreactor.cli import artifact_commands
    from pioreactor.estimators import store

    artifact_commands.remove(store, cli.runtime, "estimator", device, name, yes=yes)


@estimators.command()
@device_option
@name_option
@json_option
@pass_cli_context
def analyze(cli: CliContext, device: str, name: str, as_json: bool) -> None:
    """Show an estimator: each angle's curve, and what it makes of its own standards."""
    from pioreactor.estimators import store
    from pioreactor.estimators.models import ODFusionEstimator

    estimator = store.load(cli.runtime, device, name)
    if not isinstance(estimator, ODFusionEstimator):
        raise InvalidRequestError(f"{name!r} is no estimator of fused OD")
    print_result({"estimator": estimator, "standards": _standards(estimator)}, as_json, lambda: _show(estimator))


def _show(estimator: ODFusionEstimator) -> None:
    from pioreactor.cli.artifact_commands import day, plot

    print_pairs(
        {
            "estimator_name": estimator.estimator_name,
            "made_on": estimator.calibrated_on_pioreactor_unit,
            "made_at": day(estimator.created_at),
            "ir_led_intensity": f"{estimator.ir_led_intensity:g} %",
            "range": f"{10**estimator.min_logc:.4g}–{10**estimator.max_logc:.4g}",
        }
    )
    for angle in estimator.angles:
        points = _points(estimator, angle)
        spline = estimator.mu_splines[angle].curve
        span = (estimator.min_logc, estimator.max_logc)
        plot(points, spline, title=f"{angle}°", labels=("log10 concentration", "ln reading"), span=span)
    print_table(_standards(estimator), ["concentration", "estimate"], none="Nothing was recorded.")


def _points(estimator: ODFusionEstimator, angle: str) -> tuple[list[float], list[float]]:
    import math

    from pioreactor.estimators.estimator_judgment import recorded_by_angle

    recorded = recorded_by_angle(estimator).get(angle, {"x": [], "y": []})
    pairs = [(x, y) for x, y in zip(recorded["x"], recorded["y"], strict=True) if x > 0 and y > 0]
    return [math.log10(x) for x, _ in pairs], [math.log(y) for _, y in pairs]


def _standards(estimator: ODFusionEstimator) -> list[dict[str, float]]:
    """Return each standard with what the estimator makes of its mean readings."""
    from pioreactor.estimators.estimator_judgment import recorded_by_angle

    levels: dict[float, dict[str, list[float]]] = {}
    for angle, recorded in recorded_by_angle(estimator).items():
        for x, y in zip(recorded["x"], recorded["y"], strict=True):
            levels.setdefault(x, {}).setdefault(angle, []).append(y)
    rows = []
    for concentration, readings in sorted(levels.items()):
        if set(estimator.angles) <= set(readings):
            means = {angle: sum(values) / len(values) for angle, values in readings.items()}
            rows.append({"concentration": concentration, "estimate": round(estimator.fusion.estimate(means), 6)})
    return rows
