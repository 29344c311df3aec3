"""Routes of a unit about its reactor model."""

import logging

import msgspec
from litestar import Router, get, put, route
from litestar.params import JSONBody

from pioreactor.exc import NotFoundError, PioreactorError
from pioreactor.identity.unit_model import change_model
from pioreactor.models import ReactorModel, find_model, load_models
from pioreactor.web.request_bodies import WorkerModel
from pioreactor.web.route_declarations import PATCH_OR_POST
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.services import UnitPorts, UnitServices

_REPORT_TIMEOUT_S = 5.0
_log = logging.getLogger(__name__)


class ModelAnswer(msgspec.Struct, omit_defaults=True):
    """A reactor model; only name and version where it is not described on the unit or the leader."""

    model_name: str | None
    model_version: str | None
    display_name: str | None = None
    reactor_capacity_ml: float | None = None
    reactor_diameter_mm: float | None = None
    reactor_max_fill_volume_ml: float | None = None
    max_temp_to_reduce_heating: float | None = None
    max_temp_to_disable_heating: float | None = None
    max_temp_to_shutdown: float | None = None
    is_legacy: bool | None = None
    is_contrib: bool | None = None

    @classmethod
    def of(cls, model: ReactorModel) -> "ModelAnswer":
        return msgspec.convert(model, cls, from_attributes=True)


@get("/model", sync_to_thread=True)
def unit_model(unit: UnitPorts) -> ModelAnswer:
    """Return the model of this unit; 404 when none was chosen."""
    chosen = unit.runtime.identity.model()
    if chosen is None:
        raise NotFoundError(f"{unit.name} has no reactor model", remedy="Run: pio model set NAME VERSION")
    try:
        return ModelAnswer.of(find_model(load_models(unit.paths.models), *chosen))
    except NotFoundError:
        return ModelAnswer(*chosen)


@put("/model", sync_to_thread=True)
def set_unit_model(unit: UnitPorts, data: JSONBody[WorkerModel]) -> WorkerModel:
    """Set the model of this unit; 400 for a model that the unit does not know, 409 while activities run."""
    change_model(unit.stores, unit.paths.models, data.model_name, data.model_version)
    if unit.others is not None and unit.runtime.identity.leader_hostname:
        unit.tasks.start("reporting the model", lambda: _report(unit, data), pool="requests")
    return data


class HardwareCheck(msgspec.Struct):
    """What was found; `missing` are chips of the unit's model that do not respond."""

    pioreactor_unit: str
    is_hat_present: bool
    missing: list[str]


@route("/hardware/check", http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def check_hardware(unit: UnitPorts) -> Accepted:
    """Ask each chip that the unit's model has whether it is there, as `pio status` does."""

    def work() -> HardwareCheck:
        rig = unit.runtime.open_rig()
        present = rig.is_hat_present()
        return HardwareCheck(unit.name, present, list(rig.missing()) if present else [])

    return unit.tasks.start("the check of the hardware", work)


def _report(unit: UnitServices, model: WorkerModel) -> str:
    """Tell the leader, which lists the models of all units; a leader that does not answer keeps the former one."""
    assert unit.others is not None
    leader, path = unit.runtime.identity.leader_hostname, f"/api/workers/{unit.name}/reported_model"
    try:
        unit.others.fetch(leader, "PUT", path, json=model, timeout_s=_REPORT_TIMEOUT_S)
    except PioreactorError as error:
        _log.warning("The model of this unit was not reported to the leader: %s", error)
        raise
    return "ok"


ROUTES = Router(
    "/",
    route_handlers=[unit_model, set_unit_model, check_hardware],
    tags=["model of a unit"],
    opt=needs("cluster", change="manage"),
)
