"""Routes of the leader about channels: where messages about alarms go, and what became of them."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from litestar import Router, delete, get, post, put
from litestar.params import FromPath, JSONBody, QueryParameter

from pioreactor.alarms.channel_fields import CHANNEL_FIELDS, ChannelField
from pioreactor.alarms.channels import Channel, ChannelKind
from pioreactor.alarms.records import Delivery
from pioreactor.exc import NotFoundError
from pioreactor.storage.leader.alarms.channel_editing import ChannelEditing
from pioreactor.storage.leader.alarms.channel_secrets import ChannelSecrets
from pioreactor.storage.leader.alarms.delivery_queue import PAGE
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Whole, unit_name
from pioreactor.web.security.route_rights import needs

Rows = Annotated[int, QueryParameter(ge=1, le=PAGE)]
Skip = Annotated[int, QueryParameter(ge=0, le=2**31)]


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


@put("/alarms/channels/{name:str}", sync_to_thread=True)
def put_alarm_channel(leader: LeaderPorts, name: FromPath[str], data: JSONBody[dict[str, object]]) -> Channel:
    """Make a channel, or change fields of one; a secret that is masked or not given stays."""
    return _editing(leader).put(_channel_name(name), data)


@delete("/alarms/channels/{name:str}", status_code=200, sync_to_thread=True)
def remove_alarm_channel(leader: LeaderPorts, name: FromPath[str]) -> Status:
    """Remove a channel with its secrets, and what waits for it."""
    _editing(leader).remove(_channel_name(name))
    return Status()


@post("/alarms/channels/{name:str}/test", status_code=202, sync_to_thread=True)
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


ROUTES = Router(
    "/",
    route_handlers=[
        *(alarm_channels, put_alarm_channel, remove_alarm_channel, test_alarm_channel),
        *(alarm_deliveries, one_alarm_delivery),
    ],
    tags=["alarms"],
    opt=needs("alarms", change="manage"),
)
