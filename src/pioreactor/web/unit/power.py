"""Shutdown and reboot routes."""

import subprocess
from collections.abc import Sequence

from litestar import Router, route

from pioreactor.exc import PioreactorError
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices

_DEBOUNCE_S = 15.0
_TIMEOUT_S = 30.0


class PowerRefusedError(PioreactorError):
    """The operating system refused to reboot or to shut down."""

    code = "power_refused"
    status = 409
    remedy = "Allow it for the account of the web server: see packaging/polkit."


def _start(unit: UnitServices, what: str) -> Accepted:
    unit.launcher.debounce("power", within_s=_DEBOUNCE_S)
    return unit.tasks.start(what, lambda: _run(what, unit.power[what]), lock="power")


def _run(what: str, command: Sequence[str]) -> str:
    try:
        finished = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PowerRefusedError(f"{what} failed: {error}") from error
    if finished.returncode != 0:
        raise PowerRefusedError(f"{what} was refused: {finished.stderr.strip()[-200:]}")
    return "ok"


@relayed(UNITS, target="units", method="POST")
@route("/system/reboot", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def reboot(unit: UnitPorts) -> Accepted:
    """Reboot the computer; its jobs end, and those that the unit resumes start again."""
    return _start(unit, "reboot")


@relayed(UNITS, target="units", method="POST")
@route("/system/shutdown", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def shutdown(unit: UnitPorts) -> Accepted:
    """Shut the computer down."""
    return _start(unit, "shutdown")


ROUTES = Router("/", route_handlers=[reboot, shutdown], tags=["unit"])
