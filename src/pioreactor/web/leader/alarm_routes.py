"""Routes of the leader about alarms: what is open, what was, what people do about it, and the rules."""

from typing import Annotated

import msgspec
from litestar import Request, Router, delete, get, patch, post
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from pioreactor.alarms.records import Alarm, AlarmEvent
from pioreactor.storage.leader.alarms.alarm_table import PAGE
from pioreactor.storage.leader.alarms.rule_table import RuleInForce, rules_in_force
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import AcknowledgeAlarms, ShelveAlarm, Whole, setting_name
from pioreactor.web.security.identity import identity_of
from pioreactor.web.security.route_rights import needs

Rows = Annotated[int, QueryParameter(ge=1, le=PAGE)]
Skip = Annotated[int, QueryParameter(ge=0, le=2**31)]
AnyRequest = Request[object, object, State]


class AlarmWithLife(msgspec.Struct):
    alarm: Alarm
    events: list[AlarmEvent]


@get("/alarms", sync_to_thread=True)
def open_alarms(leader: LeaderPorts) -> list[Alarm]:
    """Return the alarms that stand, or that no one has acknowledged, the most severe first; shelved ones as well."""
    return leader.database.alarms.alarms.open()


@get("/alarms/history", sync_to_thread=True)
def alarm_history(
    leader: LeaderPorts,
    skip: Skip = 0,
    limit: Rows = PAGE,
    unit: FromQuery[str] = "",
    experiment: FromQuery[str] = "",
) -> list[Alarm]:
    """Return a page of alarms, closed ones included, newest first."""
    return leader.database.alarms.alarms.history(skip=skip, limit=limit, unit=unit, experiment=experiment)


@get("/alarms/by_id/{id_:str}", sync_to_thread=True)
def one_alarm(leader: LeaderPorts, id_: FromPath[Whole]) -> AlarmWithLife:
    """Return an alarm with everything that happened to it, oldest first."""
    return AlarmWithLife(leader.database.alarms.alarms.get(id_), leader.database.alarms.alarms.events(id_))


@post("/alarms/acknowledge", status_code=200, sync_to_thread=True)
def acknowledge_alarms(request: AnyRequest, leader: LeaderPorts, data: JSONBody[AcknowledgeAlarms]) -> list[Alarm]:
    """Acknowledge alarms, with a note; 409 for one that was acknowledged before."""
    return leader.database.alarms.alarms.acknowledge(data.ids, username=_name(request), note=data.note)


@post("/alarms/by_id/{id_:str}/shelve", status_code=200, sync_to_thread=True)
def shelve_alarm(request: AnyRequest, leader: LeaderPorts, id_: FromPath[Whole], data: JSONBody[ShelveAlarm]) -> Alarm:
    """Send no messages about an alarm for some hours, also when it is raised again."""
    return leader.database.alarms.alarms.shelve(id_, hours=data.hours, username=_name(request), note=data.note)


@post("/alarms/by_id/{id_:str}/unshelve", status_code=200, sync_to_thread=True)
def unshelve_alarm(request: AnyRequest, leader: LeaderPorts, id_: FromPath[Whole]) -> Alarm:
    """End the time for which an alarm is shelved."""
    return leader.database.alarms.alarms.unshelve(id_, username=_name(request))


@get("/alarms/rules", sync_to_thread=True)
def alarm_rules(leader: LeaderPorts) -> list[RuleInForce]:
    """Return the rules of alarms, with where they come from."""
    return _rules(leader)


@patch("/alarms/rules/{name:str}", opt=needs("alarms", change="manage"), sync_to_thread=True)
def change_alarm_rule(
    request: AnyRequest, leader: LeaderPorts, name: FromPath[str], data: JSONBody[dict[str, object]]
) -> RuleInForce:
    """Change fields of a rule or of its condition, or make a rule of a new name from title and condition."""
    leader.database.alarms.rules.change(setting_name(name), data, username=_name(request))
    return next(one for one in _rules(leader) if one.rule.name == name)


@delete("/alarms/rules/{name:str}", status_code=200, opt=needs("alarms", change="manage"), sync_to_thread=True)
def reset_alarm_rule(request: AnyRequest, leader: LeaderPorts, name: FromPath[str]) -> Status:
    """Return a rule to what its job declares; delete one that a person made."""
    leader.database.alarms.rules.reset(setting_name(name), username=_name(request))
    return Status()


def _rules(leader: LeaderServices) -> list[RuleInForce]:
    rules = leader.database.alarms.rules
    rules.declare(rule for job in leader.unit.catalog.jobs() for rule in job.alarm_rules)
    return rules_in_force(rules.all(), leader.unit.runtime.settings.alarm_rules)


def _name(request: AnyRequest) -> str:
    """Return who sends a request, as the history of alarms names them."""
    identity = identity_of(request.scope)
    return identity.name if identity is not None else ""


ROUTES = Router(
    "/",
    route_handlers=[
        *(open_alarms, alarm_history, one_alarm, acknowledge_alarms, shelve_alarm, unshelve_alarm),
        *(alarm_rules, change_alarm_rule, reset_alarm_rule),
    ],
    tags=["alarms"],
    opt=needs("alarms"),
)
