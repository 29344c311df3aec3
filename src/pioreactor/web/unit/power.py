"""Routes of a unit that end the machine's day."""

import subprocess
from collections.abc import Sequence

from litestar import Router, route

from pioreactor.exc import PioreactorError
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, relayed
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices

_NOT_AGAIN_WITHIN_S = 15.0
_PATIENCE_S = 30.0


class PowerRefusedError(PioreactorError):
    """The machine refused to reboot or to shut down."""

    code = "power_refused"
    status = 409
    remedy = "The account of the web server must be allowed to do this: packaging/polkit has the rule."


def _end(unit: UnitServices, what: str) -> Accepted:
    unit.launcher.debounce("power", within_s=_NOT_AGAIN_WITHIN_S)
    return unit.tasks.start(what, lambda: _ask(what, unit.power[what]), lock="power")


def _ask(what: str, command: Sequence[str]) -> str:
    try:
        asked = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PowerRefusedError(f"{what} was not possible: {error}") from error
    if asked.returncode != 0:
        raise PowerRefusedError(f"{what} was refused: {asked.stderr.strip()[-200:]}")
    return "ok"


@relayed(UNITS, target="units", method="POST")
@route("/system/reboot", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def reboot(unit: UnitPorts) -> Accepted:
    """Restart the machine; its jobs end, and what the unit resumes by itself comes back."""
    return _end(unit, "reboot")


@relayed(UNITS, target="units", method="POST")
@route("/system/shutdown", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def shutdown(unit: UnitPorts) -> Accepted:
    """Switch the machine off."""
    return _end(unit, "shutdown")


ROUTES = Router("/", route_handlers=[reboot, shutdown], tags=["unit"])
