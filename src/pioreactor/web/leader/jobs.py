"""Routes of the leader about jobs on its units: start, change, stop, and what runs."""

from typing import Any

from litestar import Router, get, patch, post
from litestar.params import FromPath, JSONBody

from pioreactor import topics
from pioreactor.exc import NotAssignedAnExperimentError, SettingError
from pioreactor.http.fanout import Failed, report
from pioreactor.jobs.payloads import encode_payload
from pioreactor.jobs.settings import Setting
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.notifications import require_broker
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import (
    RunJob,
    UpdateBioreactor,
    UpdateJob,
    experiment_name,
    job_name,
    setting_name,
    unit_name,
)
from pioreactor.web.tasks import Accepted

_STOP_TIMEOUT_S = 30.0
_CAPABILITIES_TIMEOUT_S = 15.0


def _paths(rest: str) -> list[str]:
    return [f"/workers/{{unit:str}}/{rest}", f"/units/{{unit:str}}/{rest}"]


def _run(leader: LeaderServices, unit: str, job: str, experiment: str, wish: RunJob | None) -> Accepted:
    name, where = job_name(job), experiment_name(experiment)
    wanted = wish if wish is not None else RunJob()
    rows = {row.pioreactor_unit: row for row in leader.active_workers_in(unit_name(unit), where)}

    def body(who: str) -> dict[str, Any]:
        row = rows[who]
        environment = {**wanted.env, "EXPERIMENT": where, "HOSTNAME": who, "ACTIVE": "1"}
        if row.model_name and row.model_version:
            environment |= {"MODEL_NAME": row.model_name, "MODEL_VERSION": row.model_version}
        return {
            "options": wanted.options,
            "args": wanted.args,
            "env": environment,
            "config_overrides": wanted.config_overrides,
        }

    path = f"/unit_api/jobs/run/job_name/{name}"
    return leader.start_asking(f"starting {name}", rows, "PATCH", path, json=body, timeout_s=10.0)


@patch(_paths("jobs/run/job_name/{job:str}/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def run_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    experiment: FromPath[str],
    data: JSONBody[RunJob | None] = None,
) -> Accepted:
    """Start a job on one unit or on all (`$broadcast`) that are active and in the experiment."""
    return _run(leader, unit, job, experiment, data)


@post(_paths("jobs/run/job_name/{job:str}/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def post_run_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    experiment: FromPath[str],
    data: JSONBody[RunJob | None] = None,
) -> Accepted:
    return _run(leader, unit, job, experiment, data)


def _stop(leader: LeaderServices, unit: str, job: str | None, experiment: str) -> Accepted:
    """Stop over HTTP, which hears when the jobs have ended; a unit whose web server is away is told over MQTT."""
    where = experiment_name(experiment)
    wish = {"experiment": where} if job is None else {"experiment": where, "job_name": job_name(job)}
    units = leader.units_of(unit_name(unit))

    def work() -> Any:
        answers = leader.ask_all(units, "POST", "/unit_api/jobs/stop", json=wish, timeout_s=_STOP_TIMEOUT_S)
        for answer in answers:
            if isinstance(answer, Failed) and answer.kind == "connection_error" and job is not None:
                leader.bus.publish(topics.set_setting(answer.unit, where, job, "state"), "disconnected")
        return report(answers)

    return leader.unit.tasks.start("stopping jobs", work, pool="asking")


@patch(_paths("jobs/stop/job_name/{job:str}/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def stop_on_units(leader: LeaderPorts, unit: FromPath[str], job: FromPath[str], experiment: FromPath[str]) -> Accepted:
    """Stop a job; the task's result says for each unit whether the job has ended."""
    return _stop(leader, unit, job, experiment)


@post(_paths("jobs/stop/job_name/{job:str}/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def post_stop_on_units(
    leader: LeaderPorts, unit: FromPath[str], job: FromPath[str], experiment: FromPath[str]
) -> Accepted:
    return _stop(leader, unit, job, experiment)


@patch(_paths("jobs/stop/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def stop_all_on_units(leader: LeaderPorts, unit: FromPath[str], experiment: FromPath[str]) -> Accepted:
    """Stop every job of the experiment."""
    return _stop(leader, unit, None, experiment)


@post(_paths("jobs/stop/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def post_stop_all_on_units(leader: LeaderPorts, unit: FromPath[str], experiment: FromPath[str]) -> Accepted:
    return _stop(leader, unit, None, experiment)


def _update(leader: LeaderServices, unit: str, job: str, experiment: str, wish: UpdateJob) -> Status:
    name, where = job_name(job), experiment_name(experiment)
    if unit != UNIVERSAL_IDENTIFIER:
        leader.units_of(unit_name(unit))
    for setting, value in wish.settings.items():
        _check_setting(leader, name, setting_name(setting), value)
    require_broker(leader.bus)
    for setting, value in wish.settings.items():
        plain = setting.removeprefix("$")
        leader.bus.publish(topics.set_setting(unit, where, name, plain), encode_payload(value))
    return Status("accepted")


def _check_setting(leader: LeaderServices, job: str, setting: str, value: Any) -> None:
    """Refuse what the job's declaration refuses; a job the leader does not know decides for itself."""
    if setting.removeprefix("$") == "state":
        return
    declared = next((known for known in leader.unit.catalogue.jobs() if known.job_name == job), None)
    if declared is None or job.endswith("_automation"):
        return
    known = declared.published.get(setting)
    if known is None:
        raise SettingError(f"{job} has no setting {setting}", remedy=f"It has {', '.join(declared.settings)}.")
    if not isinstance(known, Setting):
        raise SettingError(f"{setting} of {job} is reported by the unit and cannot be set")
    known.decode(encode_payload(value))


@patch(_paths("jobs/update/job_name/{job:str}/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def update_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    experiment: FromPath[str],
    data: JSONBody[UpdateJob],
) -> Status:
    """Send new values of settings to running jobs; the unit confirms by publishing them."""
    return _update(leader, unit, job, experiment, data)


@post(_paths("jobs/update/job_name/{job:str}/experiments/{experiment:str}"), status_code=202, sync_to_thread=True)
def post_update_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    experiment: FromPath[str],
    data: JSONBody[UpdateJob],
) -> Status:
    return _update(leader, unit, job, experiment, data)


@get(_paths("jobs/running"), status_code=202, sync_to_thread=True)
def running_on_units(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    return leader.start_asking("running jobs", leader.units_of(unit_name(unit)), "GET", "/unit_api/jobs/running")


def _members(leader: LeaderServices, unit: str, experiment: str) -> list[str]:
    where = experiment_name(experiment)
    units = leader.workers_of(unit_name(unit))
    if where == UNIVERSAL_EXPERIMENT:
        return units
    members = set(leader.members_of(where))
    found = [name for name in units if name in members]
    if not found:
        raise NotAssignedAnExperimentError(f"{unit} is not assigned to {where}")
    return found


@get(
    "/workers/{unit:str}/jobs/settings/job_name/{job:str}/experiments/{experiment:str}",
    status_code=202,
    sync_to_thread=True,
)
def settings_on_units(
    leader: LeaderPorts, unit: FromPath[str], job: FromPath[str], experiment: FromPath[str]
) -> Accepted:
    path = f"/unit_api/jobs/settings/job_name/{job_name(job)}"
    return leader.start_asking("settings", _members(leader, unit, experiment), "GET", path)


@get(
    "/workers/{unit:str}/jobs/settings/job_name/{job:str}/setting/{setting:str}/experiments/{experiment:str}",
    status_code=202,
    sync_to_thread=True,
)
def setting_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    setting: FromPath[str],
    experiment: FromPath[str],
) -> Accepted:
    path = f"/unit_api/jobs/settings/job_name/{job_name(job)}/setting/{setting_name(setting)}"
    return leader.start_asking("setting", _members(leader, unit, experiment), "GET", path)


@get(_paths("capabilities"), status_code=202, sync_to_thread=True)
def capabilities_of_units(leader: LeaderPorts, unit: FromPath[str]) -> Accepted:
    units = leader.units_of(unit_name(unit))
    return leader.start_asking(
        "capabilities", units, "GET", "/unit_api/capabilities", timeout_s=_CAPABILITIES_TIMEOUT_S
    )


@post("/workers/{unit:str}/blink", status_code=202, sync_to_thread=True)
def blink(leader: LeaderPorts, unit: FromPath[str]) -> Status:
    """Make a unit blink, so that it is found on the bench."""
    require_broker(leader.bus)
    for name in leader.workers_of(unit_name(unit)):
        leader.bus.publish(topics.monitor(name, "flicker_led_response_okay"), "1")
    return Status("accepted")


@patch("/workers/{unit:str}/bioreactor/update/experiments/{experiment:str}", status_code=202, sync_to_thread=True)
def correct_vials(
    leader: LeaderPorts, unit: FromPath[str], experiment: FromPath[str], data: JSONBody[UpdateBioreactor]
) -> Accepted:
    """Say what really is in the vials."""
    from urllib.parse import quote

    path = f"/unit_api/bioreactor/experiments/{quote(experiment_name(experiment), safe='$')}"
    units = _members(leader, unit, experiment)
    return leader.start_asking("correcting vials", units, "PATCH", path, json={"values": data.values})


ROUTES = Router(
    "/",
    route_handlers=[
        *(run_on_units, post_run_on_units, stop_on_units, post_stop_on_units, stop_all_on_units),
        *(post_stop_all_on_units, update_on_units, post_update_on_units, running_on_units, settings_on_units),
        *(setting_on_units, capabilities_of_units, blink, correct_vials),
    ],
    tags=["jobs"],
)
