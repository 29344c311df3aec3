"""Routes of the leader that start, change and stop jobs on its units."""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias, get_args

from litestar import Request, Router, post, route
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor import topics
from pioreactor.exc import JobNotRunningError, SettingError
from pioreactor.http.fanout import Answered, Failed, UnitReport, report
from pioreactor.http.units import decoded
from pioreactor.jobs.command_sender import DEADLINE_S, CommandOutcome, CommandSender
from pioreactor.jobs.payloads import encode_payload
from pioreactor.jobs.settings import AnySetting, Setting
from pioreactor.models import ReactorModel, load_models, models_of_units
from pioreactor.states import JobState
from pioreactor.structs.commands import deed
from pioreactor.types import UNIVERSAL_IDENTIFIER
from pioreactor.web.leader.notifications import require_broker, write_log
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices, reported
from pioreactor.web.ports import DeclaredAutomation, DeclaredJob, Kind
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
from pioreactor.web.security.audit_recorder import AuditNotes, notes_of, present_requester
from pioreactor.web.security.identity import person_named
from pioreactor.web.security.route_rights import needs
from pioreactor.web.tasks import Accepted
from pioreactor.web.unit.jobs import SettingsAnswer

_START_TIMEOUT_S = 20.0
"""Above the time that a unit waits for a job to become ready [s]."""
_LOOK_UP_TIMEOUT_S = 3.0
_STOP_TIMEOUT_S = 30.0
_STATES = (JobState.READY.value, JobState.SLEEPING.value, JobState.DISCONNECTED.value)
"""States that a job can be told to enter."""
_ABSENT = "job_not_running"
_FAILURES: Final[Mapping[str, tuple[str, int, str | None]]] = {
    "refused": ("refused", 409, None),
    "expired": ("expired", 504, "Compare the clocks of the units."),
    "not_running": (_ABSENT, 404, "Start the job."),
    "no_answer": ("no_answer", 504, "Check that the unit is on and connected."),
}
"""Kind, status and remedy by the status of a command."""
_UNDONE: Final = needs("units", tool="reversible")
_Declared: TypeAlias = DeclaredJob | DeclaredAutomation


def _on_units(rest: str) -> list[str]:
    return [f"{prefix}/jobs/{rest}/experiments/{{experiment:str}}" for prefix in (WORKERS, UNITS)]


@route(_on_units("run/job_name/{job:str}"), http_method=PATCH_OR_POST, status_code=202, sync_to_thread=True)
def run_on_units(
    leader: LeaderPorts,
    unit: FromPath[str],
    job: FromPath[str],
    experiment: FromPath[str],
    request: Request[object, object, State],
    data: JSONBody[RunJob | None] = None,
) -> Accepted:
    """Start a job on one unit or on all (`$broadcast`) that are active and in the experiment."""
    job, experiment = job_name(job), experiment_name(experiment)
    wanted = data if data is not None else RunJob()
    check_environment(wanted.env, OF_A_RUN, fixed={} if unit == UNIVERSAL_IDENTIFIER else {"HOSTNAME": unit})
    workers = [row.pioreactor_unit for row in leader.active_workers_in(unit_name(unit), experiment)]
    requested_by = person_named(request.scope)

    def body(name: str) -> RunJob:
        own = {"EXPERIMENT": experiment, "HOSTNAME": name, "ACTIVE": "1"}
        by = {"REQUESTED_BY": requested_by} if requested_by else {}
        return RunJob(wanted.options, {**wanted.env, **own, **by}, wanted.args, wanted.config_overrides)

    path = f"/unit_api/jobs/run/job_name/{job}"
    return leader.start_asking(f"starting {job}", workers, "PATCH", path, json=body, timeout_s=_START_TIMEOUT_S)


@route(
    _on_units("stop/job_name/{job:str}"), http_method=PATCH_OR_POST, status_code=202, opt=_UNDONE, sync_to_thread=True
)
def stop_on_units(leader: LeaderPorts, unit: FromPath[str], job: FromPath[str], experiment: FromPath[str]) -> Accepted:
    """Stop a job; the task's result reports for each unit whether the job has ended."""
    return _stop(leader, unit, job_name(job), experiment)


@route(_on_units("stop"), http_method=PATCH_OR_POST, status_code=202, opt=_UNDONE, sync_to_thread=True)
def stop_all_on_units(leader: LeaderPorts, unit: FromPath[str], experiment: FromPath[str]) -> Accepted:
    """Stop every job of the experiment."""
    return _stop(leader, unit, None, experiment)


def _stop(leader: LeaderServices, unit: str, job: str | None, experiment: str) -> Accepted:
    """Stop over HTTP, which confirms the end of the jobs; over MQTT where a unit's web server cannot be reached."""
    experiment = experiment_name(experiment)
    body = {"experiment": experiment} if job is None else {"experiment": experiment, "job_name": job}
    units = leader.units_of(unit_name(unit))
    by = present_requester()
    for name in units if by else ():
        what = f"asked {name} to stop {job if job is not None else 'all jobs'}"
        write_log(leader, name, experiment, deed(by, what), task="stop")

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
    request: Request[object, object, State],
    data: JSONBody[UpdateJob],
) -> Accepted:
    """Send new values of settings to running jobs; the task's result reports what each unit did about them.

    A unit that does not answer within 10 s does not carry them out later either.
    """
    job, experiment = job_name(job), experiment_name(experiment)
    by, notes = person_named(request.scope), notes_of(request.scope)
    sender = send_to_job(leader, unit, job, experiment, data.settings, requested_by=by)

    def work() -> dict[str, UnitReport]:
        outcomes = sender.wait()
        if notes is not None:
            for outcome in outcomes:
                _record_outcome(notes, outcome, job=job, experiment=experiment)
        return reported(_answers(unit, outcomes))

    return leader.unit.tasks.start(f"changing {job}", work, pool="requests")


def send_to_job(
    leader: LeaderServices, unit: str, job: str, experiment: str, settings: Mapping[str, object], *, requested_by: str
) -> CommandSender:
    """Check values by the declarations of the job, and send them; the result waits for the answers.

    Raise `SettingError` for what the job refuses in any case, and `BrokerUnreachableError`.
    """
    units = leader.units_of(unit_name(unit))
    declared = _declared(leader, unit, job, experiment)
    for setting, value in settings.items():
        _check_setting(declared, job, _model_of(leader, unit), setting_name(setting), value)
    require_broker(leader.bus)
    values = {setting.removeprefix("$"): encode_payload(value) for setting, value in settings.items()}
    bus, clock = leader.bus, leader.unit.clock
    sender = CommandSender(
        bus, clock, unit=unit, experiment=experiment, job=job, units=units, requested_by=requested_by
    )
    sender.send(values, wait_s=DEADLINE_S)
    return sender


def _record_outcome(notes: AuditNotes, outcome: CommandOutcome, *, job: str, experiment: str) -> None:
    """Record what a unit did about a command: the value before and after, or why it refused."""
    if outcome.status == "not_running":
        return
    before = f"{outcome.previous} → " if outcome.previous is not None else ""
    became = f"{before}{outcome.value}" if outcome.is_success else outcome.status
    notes.follow_up(
        action="setting_changed",
        text=f"{job} on {outcome.unit}: {outcome.setting} {became}",
        outcome="done" if outcome.is_success else "failed",
        unit=outcome.unit,
        experiment=experiment,
        details={"before": outcome.previous, "after": outcome.value, "reason": outcome.reason},
    )


def _answers(unit: str, outcomes: Sequence[CommandOutcome]) -> list[Answered[object] | Failed]:
    """Return one answer for each unit. Of a broadcast, units that do not run the job are omitted."""
    by_unit: dict[str, list[CommandOutcome]] = {}
    for outcome in outcomes:
        by_unit.setdefault(outcome.unit, []).append(outcome)
    answers = {name: _answer_of(name, outcomes) for name, outcomes in by_unit.items()}
    running = [answer for answer in answers.values() if not (isinstance(answer, Failed) and answer.kind == _ABSENT)]
    return running if unit == UNIVERSAL_IDENTIFIER and running else list(answers.values())


def _answer_of(unit: str, outcomes: Sequence[CommandOutcome]) -> Answered[object] | Failed:
    failed = [outcome for outcome in outcomes if not outcome.is_success]
    if not failed:
        found = {each.setting: {"status": each.status, "value": each.value, "reason": each.reason} for each in outcomes}
        return Answered(unit, {"settings": found})
    first = failed[0]
    kind, status, remedy = _FAILURES[first.status]
    no_answer = f"no answer within {DEADLINE_S:g} s; {first.setting} will not be changed later"
    message = "; ".join(each.reason if each.reason is not None else no_answer for each in failed)
    return Failed(unit, kind, message, status, remediation=remedy)


def _declared(leader: LeaderServices, unit: str, job: str, experiment: str) -> Sequence[_Declared]:
    """Return the declarations that a command for a job has to satisfy, any one of them.

    For an automation these are the ones that run; where no unit answers, every one of its kind.
    Raise `JobNotRunningError` when all units answered and none of them runs it, and for a job that the leader does not
    know and that no unit runs.
    """
    kind = next((kind for kind in get_args(Kind) if job == f"{kind}_automation"), None)
    if kind is None:
        jobs = [known for known in leader.unit.catalog.jobs() if known.job_name == job]
        if not jobs:
            _require_running(leader, leader.units_of(unit), job)
        return jobs
    known = leader.unit.catalog.automations(kind)
    names = _running_automations(leader, unit, job, experiment)
    running = [each for each in known if each.automation_name in names]
    return running if running else known


def _require_running(leader: LeaderServices, units: list[str], job: str) -> None:
    answers = leader.ask_all(units, "GET", f"/unit_api/jobs/running/{job}")
    if not any(isinstance(answer, Answered) and answer.value for answer in answers):
        raise JobNotRunningError(f"there is no job {job}, and no unit that was asked runs one of that name")


def _running_automations(leader: LeaderServices, unit: str, job: str, experiment: str) -> set[str]:
    """Return the names of the automations that units report; raise `JobNotRunningError` when all report none."""
    units = leader.workers_in(unit, experiment) if unit == UNIVERSAL_IDENTIFIER else [unit]
    path = f"/unit_api/jobs/settings/job_name/{job}"
    answers = leader.ask_all(units, "GET", path, timeout_s=_LOOK_UP_TIMEOUT_S)
    absent = [answer for answer in answers if isinstance(answer, Failed) and answer.status_code == 404]
    if answers and len(absent) == len(answers):
        raise JobNotRunningError(f"{job} is not running on {', '.join(units)}", remedy=f"Start it: pio run {job}")
    return {_automation_name(answer.value) for answer in answers if isinstance(answer, Answered)}


def _automation_name(answer: object) -> str:
    settings = decoded(answer, SettingsAnswer).settings
    return str(settings.get("automation_name", ""))


def _model_of(leader: LeaderServices, unit: str) -> ReactorModel | None:
    """Return the model of a unit; None for a broadcast, whose units refuse for themselves."""
    rows = [row for row in leader.database.workers.all() if row.pioreactor_unit == unit]
    units = ((row.pioreactor_unit, row.model_name, row.model_version) for row in rows)
    return models_of_units(units, load_models(leader.unit.paths.models)).get(unit)


def _check_setting(
    declared: Sequence[_Declared], job: str, model: ReactorModel | None, setting: str, value: object
) -> None:
    """Refuse what all declarations refuse; a job that the leader does not know checks for itself."""
    name = setting.removeprefix("$")
    payload = encode_payload(value)
    if name == "state":
        if value not in _STATES:
            raise SettingError(f"state must be one of {', '.join(_STATES)}, not {value!r}")
        return
    refusals = []
    for each in declared:
        try:
            known = _settable(each, job, name)
            (known if model is None else known.for_model(model)).decode(payload)
        except SettingError as error:
            refusals.append(error)
        else:
            return
    if refusals:
        raise refusals[-1]


def _settable(declared: _Declared, job: str, name: str) -> AnySetting:
    """Return a setting by its name; raise `SettingError` where the job has none or it is read-only."""
    automation = getattr(declared, "automation_name", "")
    what = f"{job} ({automation})" if automation else job
    known = declared.published.get(name)
    if known is None:
        raise SettingError(f"{what} has no setting {name}", remedy=f"It has {', '.join(declared.settings)}.")
    if not isinstance(known, Setting):
        raise SettingError(f"{name} of {what} is read-only")
    return known


@post(f"{WORKERS}/blink", status_code=202, opt=_UNDONE, sync_to_thread=True)
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
    opt=needs("units"),
)
