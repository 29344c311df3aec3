"""`pio calibrations`: make, look at, choose and delete the calibrations of this unit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from pioreactor.cli.cli_context import CliContext, cli_context_of, pass_cli_context
from pioreactor.cli.lazy_group import SuggestingGroup
from pioreactor.cli.options import json_option, yes_option
from pioreactor.cli.render import print_pairs, print_result, print_rows, print_table
from pioreactor.exc import InvalidRequestError, NotFoundError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pioreactor.calibrations.curves import CurveData
    from pioreactor.calibrations.models import CalibrationBase
    from pioreactor.calibrations.registry import CalibrationProtocol
    from pioreactor.calibrations.sessions.actions import Executor, Payload
    from pioreactor.runtime.context import Runtime

device_option = click.option("--device", required=True, help="Device, for example media_pump, stirring, od90.")
name_option = click.option("--name", required=True, help="Name of the calibration.")


class _Extensible(SuggestingGroup):
    """Group that imports plugins, which may add commands, only for an unknown command: the import takes time."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not cli_context_of(ctx).has_runtime:
            from pioreactor.plugin_management import get_plugins

            get_plugins()
        return super().resolve_command(ctx, args)


@click.group(cls=_Extensible)
def calibrations() -> None:
    """Make, look at, choose and delete the calibrations of this unit."""


@calibrations.command(name="list")
@click.option("--device", default=None, help="Only this device.")
@json_option
@pass_cli_context
def list_(cli: CliContext, device: str | None, as_json: bool) -> None:
    """Print the calibrations that are kept here, and which are in use."""
    from pioreactor.calibrations import store
    from pioreactor.cli.artifact_commands import day

    runtime = cli.runtime
    active = store.active_names(runtime)
    rows: list[dict[str, object]] = [
        {
            "device": each,
            "name": one.calibration_name,
            "active": active.get(each) == one.calibration_name,
            "type": one.calibration_type,
            "made_at": one.created_at if as_json else day(one.created_at),
        }
        for each, ones in store.list_all(runtime).items()
        for one in ones
        if device in (None, each)
    ]
    print_rows(rows, ["device", "name", "active", "type", "made_at"], as_json=as_json, none="No calibrations.")


@calibrations.command()
@json_option
@pass_cli_context
def protocols(cli: CliContext, as_json: bool) -> None:
    """Print the ways to calibrate the devices of this unit."""
    from pioreactor.calibrations import registry

    with _on(cli):
        rows = [registry.describe(device, one) for device, one in registry.all_protocols()]
    print_rows(rows, ["target_device", "protocol_name", "title"], as_json=as_json, none="No protocols.")


@calibrations.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@device_option
@click.option("--protocol-name", default=None, help="One of `pio calibrations protocols`; default: the first.")
@click.option("--resume", is_flag=True, help="Resume the unfinished session of this device.")
@click.option("-y", "--yes", is_flag=True, help="Take defaults where there are any; save without setting active.")
@click.pass_context
def run(ctx: click.Context, device: str, protocol_name: str | None, resume: bool, yes: bool) -> None:
    """Calibrate a device, step by step. Further `--name value` pairs answer the first question of that name.

    `undo` as an answer goes back a step. Ctrl-C leaves the session unfinished; `--resume` continues it.
    """
    from pioreactor.calibrations.sessions import session_store
    from pioreactor.calibrations.sessions.terminal import ClickTalk, run_session_in_cli
    from pioreactor.cli.setting_options import keyword_options

    cli = cli_context_of(ctx)
    extra = keyword_options(ctx.args)
    with _on(cli) as runtime:
        former = session_store.latest_unfinished(runtime, device, protocol_name) if resume else None
        if resume and former is None:
            raise NotFoundError(f"{device} has no unfinished session", remedy="Leave --resume out to start one.")
        protocol = _protocol(device, former.protocol_name if former is not None else protocol_name)
        if not protocol.step_registry:
            _print_saved(runtime, device, protocol().run(device, **extra))
            return
        session = former if former is not None else protocol.start_session(device)
        try:
            talk = ClickTalk(yes=yes)
            run_session_in_cli(protocol.step_registry, session, talk=talk, given=extra, executor=_executor(cli))
        except (KeyboardInterrupt, click.Abort):
            click.echo(f"\nNot finished. Resume with: pio calibrations run --device {device} --resume", err=True)
            raise
        saved = session.result.get("saved", []) if session.result is not None else []
        for each in saved:
            _offer_to_use(runtime, each, yes=yes)


def _executor(cli: CliContext) -> Executor:
    """Perform hardware actions on this unit, and request those of other units over the network."""
    from pioreactor.calibrations.sessions.actions import perform_here
    from pioreactor.procedures.protocols.od_fusion_offset import ESTIMATORS_OF_UNIT, estimators_in, question_for

    def perform(action: str, payload: Payload) -> dict[str, object]:
        if action == ESTIMATORS_OF_UNIT and payload["unit"] != cli.runtime.unit:
            unit = payload["unit"]
            return estimators_in(cli.ask_leader("GET", question_for(unit), timeout_s=20.0), unit)
        return perform_here(action, payload)

    return perform


def _offer_to_use(runtime: Runtime, saved: Mapping[str, object], *, yes: bool) -> None:
    import msgspec

    from pioreactor.calibrations import store as calibration_store
    from pioreactor.calibrations.judged_store import Judgment
    from pioreactor.cli.artifact_commands import print_judgment
    from pioreactor.estimators import store as estimator_store

    device, name = str(saved["device"]), str(saved["name"])
    click.echo(f"Saved {saved['kind']} {name!r} of {device}.")
    doubtful = False
    if "judgment" in saved:
        judgment = msgspec.convert(saved["judgment"], Judgment)
        print_judgment(device, name, judgment, active=True)
        doubtful = bool(judgment.doubts)
    if yes or not _confirm_use(device, doubtful=doubtful):
        click.echo(f"It is not in use. To use it: pio {saved['kind']}s set-active --device {device} --name '{name}'")
        return
    keeper = estimator_store if saved["kind"] == "estimator" else calibration_store
    keeper.set_active(runtime, device, name)
    click.echo(f"{device} uses {name!r} from its next start on.")


def _confirm_use(device: str, *, doubtful: bool) -> bool:
    """Ask whether to use what was saved; for a doubtful one, only a person at a terminal may say yes."""
    if not doubtful:
        return click.confirm(f"Use it for {device} from now on?", default=True)
    return sys.stdin.isatty() and click.confirm(f"Use it for {device} in spite of that?", default=False)


def _print_saved(runtime: Runtime, device: str, found: object) -> None:
    """Keep what a plugin's protocol returned, which has no session to do it."""
    from pioreactor.calibrations.judgment import save_judged
    from pioreactor.calibrations.models import CalibrationBase
    from pioreactor.cli.artifact_commands import print_judgment

    for calibration in found if isinstance(found, list) else [found]:
        if isinstance(calibration, CalibrationBase):
            saved = save_judged(runtime, device, calibration, activate=False)
            click.echo(f"Saved calibration {saved.name!r} of {device}.")
            print_judgment(device, saved.name, saved.judgment, active=saved.active)


@calibrations.command()
@device_option
@name_option
@json_option
@pass_cli_context
def display(cli: CliContext, device: str, name: str, as_json: bool) -> None:
    """Print a calibration: what it is, its curve, and what was recorded."""
    from pioreactor.calibrations import store

    calibration = store.load(cli.runtime, device, name)
    print_result(
        calibration,
        as_json,
        lambda: _show(calibration, calibration.curve_data_, active=store.active_name(cli.runtime, device) == name),
    )


@calibrations.command(name="set-active")
@device_option
@click.option("--name", default=None, help="Name of the calibration; none given: use none.")
@pass_cli_context
def set_active(cli: CliContext, device: str, name: str | None) -> None:
    """Use a calibration from the device's next start on; without --name, none. Doubts about it are printed."""
    from pioreactor.calibrations import judgment, store
    from pioreactor.cli import artifact_commands

    judged = None if name is None else judgment.judge_usable(cli.runtime, device, store.load(cli.runtime, device, name))
    artifact_commands.choose(store, cli.runtime, "calibration", device, name)
    if name is not None and judged is not None:
        artifact_commands.print_judgment(device, name, judged, active=True)


@calibrations.command()
@device_option
@name_option
@yes_option
@pass_cli_context
def delete(cli: CliContext, device: str, name: str, yes: bool) -> None:
    """Delete a calibration; if it is in use, it is so no longer."""
    from pioreactor.calibrations import store
    from pioreactor.cli import artifact_commands

    artifact_commands.remove(store, cli.runtime, "calibration", device, name, yes=yes)


@calibrations.command()
@device_option
@name_option
@click.option(
    "--fit", type=click.Choice(["poly", "spline", "akima"]), default=None, help="Kind of curve; default: its own."
)
@click.option("--degree", type=click.IntRange(0, 5), default=None, help="Degree of a polynomial; default: by AICc.")
@click.option("--save-as", default=None, help="Keep the new curve under this name.")
@json_option
@pass_cli_context
def analyze(
    cli: CliContext,
    device: str,
    name: str,
    fit: str | None,
    degree: int | None,
    save_as: str | None,
    as_json: bool,
) -> None:
    """Fit a curve to what was recorded, anew, and show it; --save-as keeps it."""
    import msgspec

    from pioreactor.calibrations import store
    from pioreactor.calibrations.fitting import fit_curve
    from pioreactor.calibrations.utils import residual_sd

    runtime = cli.runtime
    calibration = store.load(runtime, device, name)
    kind = fit if fit is not None else str(type(calibration.curve_data_).__struct_config__.tag)
    recorded = calibration.recorded_data
    if len(recorded["x"]) < 2:
        raise InvalidRequestError(f"{name!r} has too few recorded points to fit a curve to")
    curve = fit_curve(
        recorded["x"], recorded["y"], kind, complexity=degree if kind == "poly" and degree is not None else "auto"
    )
    sd = residual_sd(curve, recorded["x"], recorded["y"])
    if save_as is not None:
        store.save(runtime, device, msgspec.structs.replace(calibration, calibration_name=save_as, curve_data_=curve))
    saved = f"Saved as {save_as!r}. To use it: pio calibrations set-active --device {device} --name '{save_as}'"
    print_result(
        {"fit": kind, "curve_data_": curve, "residual_sd": sd, "saved_as": save_as},
        as_json,
        lambda: _show(calibration, curve, active=store.active_name(runtime, device) == name),
        f"Standard deviation of what the curve leaves: {sd:.4g} ({calibration.y})",
        *([saved] if save_as is not None else []),
    )


def _show(calibration: CalibrationBase, curve: CurveData, *, active: bool) -> None:
    from pioreactor.cli.artifact_commands import day, formula, plot

    hidden = ("curve_data_", "recorded_data", "created_at", "x", "y")
    fields = {f: getattr(calibration, f) for f in calibration.__struct_fields__ if f not in hidden}
    print_pairs(
        {
            "calibration_type": calibration.calibration_type,
            **fields,
            "made_at": day(calibration.created_at),
            "active": active,
            "curve": formula(curve),
        }
    )
    recorded = calibration.recorded_data
    plot(
        (recorded["x"], recorded["y"]),
        curve.curve,
        title=calibration.calibration_name,
        labels=(calibration.x, calibration.y),
    )
    rows = [{calibration.x: x, calibration.y: y} for x, y in zip(recorded["x"], recorded["y"], strict=True)]
    print_table(rows, [calibration.x, calibration.y], none="Nothing was recorded.")


def _protocol(device: str, name: str | None) -> type[CalibrationProtocol]:
    from pioreactor.calibrations import registry

    if name is not None:
        return registry.get_protocol(device, name)
    offered = [one for one in registry.protocols_of(device) if one.is_offered(device)]
    if not offered:
        raise NotFoundError(f"{device} has no calibration protocol here", remedy="See: pio calibrations protocols")
    return offered[0]


def _on(cli: CliContext) -> AbstractContextManager[Runtime]:
    """Register built-in protocols and those of plugins, and make the command's unit the current one."""
    import pioreactor.procedures.protocols  # noqa: F401  importing registers them
    from pioreactor.runtime import context

    if not cli.has_runtime:
        from pioreactor.plugin_management import get_plugins

        get_plugins()
    return context.using(cli.runtime)
