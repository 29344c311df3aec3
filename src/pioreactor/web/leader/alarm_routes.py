"""Routes of the leader about alarms: what is open and what was, what people do about it, rules, and channels."""

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from litestar import Request, Router, delete, get, patch, post, put
from litestar.datastructures import State
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from pioreactor.alarms.channel_fields import CHANNEL_FIELDS, ChannelField
from pioreactor.alarms.channels import Channel, ChannelKind
from pioreactor.alarms.records import Alarm, AlarmEvent, Delivery
from pioreactor.exc import NotFoundError
from pioreactor.storage.leader.alarms.alarm_table import PAGE
from pioreactor.storage.leader.alarms.channel_editing import ChannelEditing
from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets
from pioreactor.storage.leader.alarms.rule_table import RuleInForce, rules_in_force
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import AcknowledgeAlarms, ShelveAlarm, Whole, setting_name, unit_name
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.identity import identity_of
from pioreactor.web.security.route_rights import check_limits, needs

Rows = Annotated[int, QueryParameter(ge=1, le=PAGE)]
Skip = Annotated[int, QueryParameter(ge=0, le=2**31)]
AnyRequest = Request[object, object, State]
_OF_ONE_UNIT = needs("alarms", checks_limits_itself=True)
"""A person who is limited to some units may do this about their alarms."""


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


@post("/alarms/acknowledge", status_code=200, opt=_OF_ONE_UNIT, sync_to_thread=True)
def acknowledge_alarms(request: AnyRequest, leader: LeaderPorts, data: JSONBody[AcknowledgeAlarms]) -> list[Alarm]:
    """Acknowledge alarms, with a note; 409 for one that was acknowledged before."""
    before = _before(request, leader, data.ids)
    after = leader.database.alarms.alarms.acknowledge(data.ids, username=_name(request), note=data.note)
    note_values(before=before, after=after)
    return after


@post("/alarms/by_id/{id_:str}/shelve", status_code=200, opt=_OF_ONE_UNIT, sync_to_thread=True)
def shelve_alarm(request: AnyRequest, leader: LeaderPorts, id_: FromPath[Whole], data: JSONBody[ShelveAlarm]) -> Alarm:
    """Send no messages about an alarm for some hours, also when it is raised again."""
    before = _before(request, leader, [id_])
    after = leader.database.alarms.alarms.shelve(id_, hours=data.hours, username=_name(request), note=data.note)
    note_values(before=before, after=[after])
    return after


@post("/alarms/by_id/{id_:str}/unshelve", status_code=200, opt=_OF_ONE_UNIT, sync_to_thread=True)
def unshelve_alarm(request: AnyRequest, leader: LeaderPorts, id_: FromPath[Whole]) -> Alarm:
    """End the time for which an alarm is shelved."""
    before = _before(request, leader, [id_])
    after = leader.database.alarms.alarms.unshelve(id_, username=_name(request))
    note_values(before=before, after=[after])
    return after


@get("/alarms/rules", sync_to_thread=True)
def alarm_rules(leader: LeaderPorts) -> list[RuleInForce]:
    """Return the rules of alarms, with where they come from."""
    return _rules(leader)


@patch("/alarms/rules/{name:str}", opt=needs("alarms", change="manage"), sync_to_thread=True)
def change_alarm_rule(
    request: AnyRequest, leader: LeaderPorts, name: FromPath[str], data: JSONBody[dict[str, object]]
) -> RuleInForce:
    """Change fields of a rule or of its condition, or make a rule of a new name from title and condition."""
    before = _rule(leader, name)
    leader.database.alarms.rules.change(setting_name(name), data, username=_name(request))
    [after] = _rule(leader, name)
    note_values(before=before, after=[after])
    return after


@delete("/alarms/rules/{name:str}", status_code=200, opt=needs("alarms", change="manage"), sync_to_thread=True)
def reset_alarm_rule(request: AnyRequest, leader: LeaderPorts, name: FromPath[str]) -> Status:
    """Return a rule to what its job declares; delete one that a person made."""
    before = _rule(leader, name)
    leader.database.alarms.rules.reset(setting_name(name), username=_name(request))
    note_values(before=before, after=_rule(leader, name))
    return Status()


def _rule(leader: LeaderServices, name: str) -> list[RuleInForce]:
    """Return the rule of a name, in a list; an empty one where there is none."""
    return [one for one in _rules(leader) if one.rule.name == name]


def _rules(leader: LeaderServices) -> list[RuleInForce]:
    rules = leader.database.alarms.rules
    rules.declare(rule for job in leader.unit.catalog.jobs() for rule in job.alarm_rules)
    return rules_in_force(rules.all(), leader.settings.read().alarm_rules)


class Channels(msgspec.Struct):
    """Channels, secrets among their options masked, and the fields of each kind."""

    channels: list[Channel]
    kinds: Mapping[ChannelKind, tuple[ChannelField, ...]]


class Queued(msgspec.Struct):
    delivery_id: int


@get("/alarms/channels", sync_to_thread=True)
def alarm_channels(leader: LeaderPorts) -> Channels:
    """Return the channels, and the fields of each kind of channel."""
    return Channels(_editing(leader).all(), CHANNEL_FIELDS)


@put("/alarms/channels/{name:str}", opt=needs("alarms", change="manage"), sync_to_thread=True)
def put_alarm_channel(leader: LeaderPorts, name: FromPath[str], data: JSONBody[dict[str, object]]) -> Channel:
    """Make a channel, or change fields of one; a secret that is masked or not given stays."""
    before = _channel(leader, name)
    after = _editing(leader).put(_channel_name(name), data)
    note_values(before=before, after=[after])
    return after


@delete("/alarms/channels/{name:str}", status_code=200, opt=needs("alarms", change="manage"), sync_to_thread=True)
def remove_alarm_channel(leader: LeaderPorts, name: FromPath[str]) -> Status:
    """Remove a channel with its secrets, and what waits for it."""
    note_values(before=_channel(leader, name))
    _editing(leader).remove(_channel_name(name))
    return Status()


def _channel(leader: LeaderServices, name: str) -> list[Channel]:
    """Return the channel of a name, in a list, its secrets masked; an empty one where there is none."""
    return [one for one in _editing(leader).all() if one.name == name]


@post("/alarms/channels/{name:str}/test", status_code=202, opt=needs("alarms", change="manage"), sync_to_thread=True)
def test_alarm_channel(leader: LeaderPorts, name: FromPath[str]) -> Queued:
    """Queue a test message; `/alarms/deliveries/<id>` says what became of it."""
    return Queued(_editing(leader).test(_channel_name(name)))


@get("/alarms/deliveries", sync_to_thread=True)
def alarm_deliveries(leader: LeaderPorts, skip: Skip = 0, limit: Rows = PAGE) -> list[Delivery]:
    """Return a page of messages, newest first: queued, being sent, sent, or failed, with the reason."""
    return leader.database.alarms.deliveries.recent(skip=skip, limit=limit)


@get("/alarms/deliveries/{id_:str}", sync_to_thread=True)
def one_alarm_delivery(leader: LeaderPorts, id_: FromPath[Whole]) -> Delivery:
    """Return one message."""
    found = leader.database.alarms.deliveries.get(id_)
    if found is None:
        raise NotFoundError(f"there is no message {id_}")
    return found


def _channel_name(name: str) -> str:
    return unit_name(name, broadcast=False)


def _editing(leader: LeaderServices) -> ChannelEditing:
    return ChannelEditing(leader.database.alarms, ChannelSecrets(leader.unit.paths.secrets))


def _before(request: AnyRequest, leader: LeaderServices, ids: Iterable[int]) -> list[Alarm]:
    """Return the alarms that a person wants to change, within the limits of that person."""
    found = [leader.database.alarms.alarms.get(id_) for id_ in ids]
    for alarm in found:
        check_limits(request.scope, area="alarms", unit=alarm.pioreactor_unit, experiment=alarm.experiment)
    return found


def _name(request: AnyRequest) -> str:
    """Return who sends a request, as the history of alarms names them."""
    identity = identity_of(request.scope)
    return identity.name if identity is not None else ""


ROUTES = Router(
    "/",
    route_handlers=[
        *(open_alarms, alarm_history, one_alarm, acknowledge_alarms, shelve_alarm, unshelve_alarm),
        *(alarm_rules, change_alarm_rule, reset_alarm_rule),
        *(alarm_channels, put_alarm_channel, remove_alarm_channel, test_alarm_channel),
        *(alarm_deliveries, one_alarm_delivery),
    ],
    tags=["alarms"],
    opt=needs("alarms"),
)
