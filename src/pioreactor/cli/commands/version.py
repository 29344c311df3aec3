"""`pio version`: the software's version, and with -v what it runs on."""

from __future__ import annotations

from pathlib import Path

import click

from pioreactor.cli.cli_context import CliContext, pass_cli_context
from pioreactor.cli.options import json_option
from pioreactor.cli.render import print_pairs, print_result
from pioreactor.exc import PioreactorError
from pioreactor.version import __version__

_DEVICE_TREE = Path("/proc/device-tree")


@click.command()
@click.option("-v", "--verbose", is_flag=True, help="Also HAT, reactor model, machine and operating system.")
@json_option
@pass_cli_context
def version(cli: CliContext, verbose: bool, as_json: bool) -> None:
    """Print the version of the software."""
    facts = {"software": __version__, **(_machine(cli) if verbose else {})}
    print_result(facts, as_json, lambda: print_pairs(facts) if verbose else click.echo(__version__))


def _machine(cli: CliContext) -> dict[str, str]:
    import platform

    product = _device_tree("hat/product_ver")
    return {
        "python": platform.python_version(),
        "unit": _unit(cli),
        "model": _model(cli),
        "rig": cli.settings.hardware.rig,
        "hat": f"{product[-2]}.{product[-1]}" if len(product) >= 2 else "none",
        "hat serial": _device_tree("hat/uuid"),
        "machine": _device_tree("model") if _device_tree("model") else platform.machine(),
        "operating system": _operating_system(),
    }


def _unit(cli: CliContext) -> str:
    from pioreactor.identity.unit import unit_name

    try:
        return unit_name(cli.environment)
    except PioreactorError as error:
        return str(error)


def _model(cli: CliContext) -> str:
    try:
        model = cli.runtime.identity.model()
    except PioreactorError as error:
        return f"unknown: {error}"
    return " ".join(model) if model is not None else "none chosen"


def _operating_system() -> str:
    import platform

    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.platform())
    except OSError:
        return platform.platform()


def _device_tree(name: str) -> str:
    try:
        return (_DEVICE_TREE / name).read_text(errors="replace").strip("\0\n ")
    except OSError:
        return ""
