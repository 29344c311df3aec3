"""Routes of the leader that start, change and stop jobs on its units."""

from litestar import Router, post, route
from litestar.params import FromPath, JSONBody

from pioreactor import topics
from pioreactor.exc import JobNotRunningError, SettingError
from pioreactor.http.fanout import Answered, Failed, UnitReport, report
from pioreactor.jobs.payloads import encode_payload
from pioreactor.jobs.settings import Setting
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.notifications import require_broker
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import (
    OF_A_RUN,
    RunJob,
    UpdateJob,
    check_environment,
    experiment_name,
    job_name,
    setting_name,
    unit_name,
)
from pioreactor.web.route_declarations import PATCH_OR_POST, UNITS, WORKERS
from pioreactor.web.tasks import Accepted

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 30.0


def _on_units(rest: str) -> list[str]:
    return [f"{prefix}/jobs/{rest}/experiments/{{experiment:str}}" for prefix in (WORKERS, UNITS)]


@route(_on_units("run/job_name/{job:str}"), http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def run_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    experiment: FromPath[str],
    data: JSONBody[RunJob | None] = None,
) -> Accepted:
    """Start a job on one unit or on all (`$broadcast`) that are active and in the experiment."""
    job, experiment = job_name(job), experiment_name(experiment)
    request = data if data is not None else RunJob()
    check_environment(request.env, OF_A_RUN, fixed={} if unit == UNIVERSAL_IDENTIFIER else {"HOSTNAME": unit})
    workers = {row.pioreactor_unit: row for row in leader.active_workers_in(unit_name(unit), experiment)}

    def body(name: str) -> RunJob:
        worker = workers[name]
        environment = {**request.env, "EXPERIMENT": experiment, "HOSTNAME": name, "ACTIVE": "1"}
        if worker.model_name and worker.model_version:
            environment |= {"MODEL_NAME": worker.model_name, "MODEL_VERSION": worker.model_version}
        return RunJob(request.options, environment, request.args, request.config_overrides)

    path = f"/unit_api/jobs/run/job_name/{job}"
    return leader.start_asking(f"starting {job}", workers, "PATCH", path, json=body, timeout_s=_START_TIMEOUT_S)


@route(_on_units("stop/job_name/{job:str}"), http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def stop_on_units(leader: LeaderPorts, unit: FromPath[str], job: FromPath[str], experiment: FromPath[str]) -> Accepted:
    """Stop a job; the task's result reports for each unit whether the job has ended."""
    return _stop(leader, unit, job_name(job), experiment)


@route(_on_units("stop"), http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def stop_all_on_units(leader: LeaderPorts, unit: FromPath[str], experiment: FromPath[str]) -> Accepted:
    """Stop every job of the experiment."""
    return _stop(leader, unit, None, experiment)


def _stop(leader: LeaderServices, unit: str, job: str | None, experiment: str) -> Accepted:
    """Stop over HTTP, which confirms the end of the jobs; over MQTT where a unit's web server cannot be reached."""
    experiment = experiment_name(experiment)
    body = {"experiment": experiment} if job is None else {"experiment": experiment, "job_name": job}
    units = leader.units_of(unit_name(unit))

    def work() -> dict[str, UnitReport]:
        answers = leader.ask_all(units, "POST", "/unit_api/jobs/stop", json=body, timeout_s=_STOP_TIMEOUT_S)
        for answer in answers:
            if isinstance(answer, Failed) and answer.kind == "connection_error" and job is not None:
                leader.bus.publish(topics.set_setting(answer.unit, experiment, job, "state"), "disconnected")
        return report(answers)

    return leader.unit.tasks.start("stopping jobs", work, pool="requests")


@route(_on_units("update/job_name/{job:str}"), http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def update_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    experiment: FromPath[str],
    data: JSONBody[UpdateJob],
) -> Status:
    """Send new values of settings to running jobs; the unit confirms by publishing them."""
    job, experiment = job_name(job), experiment_name(experiment)
    units = leader.units_of(unit_name(unit))
    _check_job(leader, job, units)
    for setting, value in data.settings.items():
        _check_setting(leader, job, setting_name(setting), value)
    require_broker(leader.bus)
    for setting, value in data.settings.items():
        topic = topics.set_setting(unit, experiment, job, setting.removeprefix("$"))
        leader.bus.publish(topic, encode_payload(value))
    return Status("accepted")


def _check_job(leader: LeaderServices, job: str, units: list[str]) -> None:
    """Raise `JobNotRunningError` for a job that the leader does not know and that none of the units runs."""
    if any(known.job_name == job for known in leader.unit.catalog.jobs()):
        return
    answers = leader.ask_all(units, "GET", f"/unit_api/jobs/running/{job}")
    if not any(isinstance(answer, Answered) and answer.value for answer in answers):
        raise JobNotRunningError(f"there is no job {job}, and no unit that was asked runs one of that name")


def _check_setting(leader: LeaderServices, job: str, setting: str, value: object) -> None:
    """Refuse what the job's declaration refuses; a job that the leader does not know checks for itself."""
    if setting.removeprefix("$") == "state":
        return
    declared = next((known for known in leader.unit.catalog.jobs() if known.job_name == job), None)
    if declared is None or job.endswith("_automation"):
        return
    known = declared.published.get(setting)
    if known is None:
        raise SettingError(f"{job} has no setting {setting}", remedy=f"It has {', '.join(declared.settings)}.")
    if not isinstance(known, Setting):
        raise SettingError(f"{setting} of {job} is read-only")
    known.decode(encode_payload(value))


@post(f"{WORKERS}/blink", status_code=202, sync_to_thread=True)
def blink(leader: LeaderPorts, unit: FromPath[str]) -> Status:
    """Make the LED of a unit blink, to find it among others."""
    require_broker(leader.bus)
    for name in leader.workers_of(unit_name(unit)):
        leader.bus.publish(topics.monitor(name, "flicker_led_response_okay"), "1")
    return Status("accepted")


ROUTES = Router(
    "/",
    route_handlers=[run_on_units, stop_on_units, stop_all_on_units, update_on_units, blink],
    tags=["jobs"],
)
