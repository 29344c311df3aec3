"""Home Assistant's MQTT discovery: a retained message for each entity of each unit, kept in step with the cluster."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from pioreactor import measurements, topics
from pioreactor.cluster.delegate import Delegate, delegate_of
from pioreactor.exc import NotPermittedError, PioreactorError
from pioreactor.messaging.accounts import HOME_ASSISTANT_PREFIX
from pioreactor.messaging.ports import Message
from pioreactor.models import ReactorModel, load_models, models_of_units
from pioreactor.settings.sections import HomeAssistantSettings
from pioreactor.states import JobState
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.version import __version__
from pioreactor.web.leader.home_assistant.entities import Entity, entities_of

if TYPE_CHECKING:
    from pioreactor.web.leader.services import LeaderServices

EVERY_S: Final = 5.0
_log = logging.getLogger("pioreactor.web")

FILTER: Final = f"{HOME_ASSISTANT_PREFIX}/+/+/+/config"
BIRTH: Final = f"{HOME_ASSISTANT_PREFIX}/status"
"""Home Assistant says `online` there when it has started, and then reads what is announced."""
_OWN: Final = "pioreactor_"
_ONLINE: Final = f"{{{{ 'online' if value in {[s.value for s in JobState][:3]} else 'offline' }}}}"
"""A job is there in its states init, ready and sleeping."""
_DEVICE_CLASSES: Final[Mapping[str, str]] = {"°C": "temperature", "V": "voltage", "mL": "volume_storage"}
"""Kinds of quantities that Home Assistant knows, by unit, for values that rise and fall."""
_MAX: Final = 1e9
"""Bound of numbers that have none: Home Assistant would take 1 to 100. The job checks what it gets."""

_BOOLEAN: Final[dict[str, object]] = {"payload_on": "True", "payload_off": "False"}

Component = str
Config = dict[str, object]


@dataclass(frozen=True, slots=True)
class DiscoveredUnit:
    """A unit that is announced; `experiment` None: it is assigned to none, and only its services are."""

    name: str
    experiment: str | None
    model: ReactorModel | None
    may_be_commanded: bool


def is_own(topic: str) -> bool:
    """Return whether a discovery topic is one of ours; those of other devices are left alone."""
    parts = topic.split("/")
    return len(parts) == 5 and parts[2].startswith(_OWN)


def discovery_messages(units: Sequence[DiscoveredUnit], entities: Sequence[Entity], *, leader: str) -> dict[str, bytes]:
    """Return the retained messages by topic."""
    found: dict[str, bytes] = {}
    for unit in units:
        for entity in entities:
            experiment = unit.experiment if entity.belongs_to_experiment else UNIVERSAL_EXPERIMENT
            if experiment is None:
                continue
            component, config = _config(unit, entity, experiment, leader)
            node = _OWN + re.sub(r"[^A-Za-z0-9_-]", "_", unit.name)
            topic = f"{HOME_ASSISTANT_PREFIX}/{component}/{node}/{entity.key}/config"
            found[topic] = msgspec.json.encode(config)
    return found | _alarms(leader)


def _config(unit: DiscoveredUnit, entity: Entity, experiment: str, leader: str) -> tuple[Component, Config]:
    component, own = _component(unit, entity)
    config: Config = {
        "name": entity.label,
        "unique_id": f"{_OWN}{unit.name}_{entity.key}",
        "state_topic": topics.setting(unit.name, experiment, entity.job, entity.name),
        "device": {
            "identifiers": [f"{_OWN}{unit.name}"],
            "name": unit.name,
            "manufacturer": "Pioreactor",
            "sw_version": __version__,
            **({"model": unit.model.display_name} if unit.model is not None else {}),
        },
        **_shared(),
        "availability": _availability(unit, entity, experiment),
        "availability_mode": "all",
        **own,
    }
    if entity.field is not None:
        config["value_template"] = f"{{{{ value_json.{entity.field} if value_json is defined else none }}}}"
    if not entity.is_shown:
        config["enabled_by_default"] = False
    if component in ("number", "switch", "select"):
        config["command_topic"] = topics.home_assistant_command(leader, unit.name, entity.job, entity.name)
        config["qos"] = 1
    return component, config


def _shared() -> Config:
    return {"origin": {"name": "Pioreactor software", "sw_version": __version__}}


def _availability(unit: DiscoveredUnit, entity: Entity, experiment: str) -> list[Config]:
    states = [topics.state(unit.name, UNIVERSAL_EXPERIMENT, "monitor")]
    if entity.depends_on_its_job:
        states.append(topics.state(unit.name, experiment, entity.job))
    return [{"topic": topic, "value_template": _ONLINE} for topic in states]


def _component(unit: DiscoveredUnit, entity: Entity) -> tuple[Component, Config]:
    """Return the kind of entity with the fields that only it has."""
    is_number = entity.datatype in ("float", "integer")
    of_unit: Config = {"unit_of_measurement": entity.unit} if is_number and entity.unit else {}
    if entity.setting is not None and unit.may_be_commanded and entity.has_control:
        return _control(unit, entity, of_unit)
    if entity.datatype == "boolean":
        return "binary_sensor", _BOOLEAN
    return "sensor", of_unit | (_measured(entity) if is_number else _text(entity))


def _control(unit: DiscoveredUnit, entity: Entity, of_unit: Config) -> tuple[Component, Config]:
    if entity.options:
        return "select", {"options": list(entity.options)}
    return ("switch", _BOOLEAN) if entity.datatype == "boolean" else ("number", of_unit | _bounds(unit, entity))


def _measured(entity: Entity) -> Config:
    kind = _DEVICE_CLASSES.get(entity.unit) if entity.unit is not None else None
    found: Config = {"state_class": "measurement"}
    return found | {"device_class": kind} if kind is not None else found


def _text(entity: Entity) -> Config:
    found: Config = {"device_class": "enum", "options": list(entity.options)} if entity.options else {}
    return found | ({"entity_category": "diagnostic"} if entity.name == "state" else {})


def _bounds(unit: DiscoveredUnit, entity: Entity) -> Config:
    assert entity.setting is not None
    setting = entity.setting if unit.model is None else entity.setting.for_model(unit.model)
    return {
        "min": setting.ge if setting.ge is not None else -_MAX,
        "max": setting.le if setting.le is not None else _MAX,
        "step": 1 if entity.datatype == "integer" else 0.001,
        "mode": "box",
    }


def _alarms(leader: str) -> dict[str, bytes]:
    """Return the number of open alarms, an entity of the cluster."""
    config: Config = {
        "name": "Open alarms",
        "unique_id": f"{_OWN}{leader}_open_alarms",
        "state_topic": topics.alarm_summary(leader),
        "value_template": "{{ value_json.open.values() | sum if value_json is defined else none }}",
        "state_class": "measurement",
        "device": {"identifiers": [f"{_OWN}cluster_{leader}"], "name": f"Cluster of {leader}"},
        **_shared(),
    }
    return {f"{HOME_ASSISTANT_PREFIX}/sensor/{_OWN}cluster/open_alarms/config": msgspec.json.encode(config)}


class DiscoveryPublisher:
    """Publishes what is missing and withdraws what is not true any more, of earlier runs of the server as well."""

    def __init__(self, leader: LeaderServices, settings: Callable[[], HomeAssistantSettings]) -> None:
        """`settings` returns those that are in force."""
        self._leader = leader
        self._settings = settings
        self._announced: dict[str, bytes] = {}
        self._source: object = None
        self._wanted: dict[str, bytes] = {}

    def run(self, pause: Callable[[float], bool]) -> None:
        """Poll until `pause`, which waits for a number of seconds, returns True."""
        self.subscribe()
        while not pause(EVERY_S):
            try:
                self.poll()
            except (PioreactorError, OSError) as error:
                _log.error("Units were not announced to Home Assistant: %s", error)

    def subscribe(self) -> None:
        """Learn what the broker keeps, and when Home Assistant starts."""
        self._leader.bus.subscribe(FILTER, self._on_announced)
        self._leader.bus.subscribe(BIRTH, self._on_birth)

    def poll(self) -> None:
        """Publish what has changed; nothing while the broker is away."""
        if self._leader.bus.is_connected():
            wanted = self.messages()
            self._withdraw(set(self._announced) - set(wanted))
            self._announce(wanted)

    def _withdraw(self, announced: set[str]) -> None:
        for topic in announced:
            self._leader.bus.publish(topic, b"", retain=True)
            self._announced.pop(topic, None)

    def _announce(self, wanted: Mapping[str, bytes]) -> None:
        for topic, payload in wanted.items():
            if self._announced.get(topic) != payload:
                self._leader.bus.publish(topic, payload, retain=True)
                self._announced[topic] = payload

    def messages(self) -> dict[str, bytes]:
        """Return what is to be announced; it is made again only when something that it depends on has changed."""
        settings, leader = self._settings(), self._leader
        if not settings.enabled:
            return {}
        delegate = delegate_of(leader.database.people, settings.token, now=leader.unit.clock.now())
        units = self._units(delegate)
        source = (units, measurements.revision(), len(leader.unit.catalog.jobs()))
        if source != self._source:
            entities = entities_of(leader.unit.catalog, measurements.all_specs())
            self._wanted = discovery_messages(units, entities, leader=leader.unit.name)
            self._source = source
        return self._wanted

    def _units(self, delegate: Delegate | None) -> list[DiscoveredUnit]:
        database = self._leader.database
        experiments = {row.pioreactor_unit: row.experiment for row in database.assignments.all()}
        workers = database.workers.active()
        named = [(row.pioreactor_unit, row.model_name, row.model_version) for row in workers]
        models = models_of_units(named, load_models(self._leader.unit.paths.models))
        return [
            DiscoveredUnit(
                unit, experiments.get(unit), models.get(unit), _allows(delegate, unit, experiments.get(unit))
            )
            for unit, *_ in named
        ]

    def _on_announced(self, message: Message) -> None:
        if not is_own(message.topic):
            return
        if message.payload:
            self._announced[message.topic] = message.payload
        else:
            self._announced.pop(message.topic, None)

    def _on_birth(self, message: Message) -> None:
        """Announce everything again when Home Assistant starts: the broker may have lost what it kept."""
        if message.payload == b"online" and not message.retain and self._settings().enabled:
            self._announced.clear()


def _allows(delegate: Delegate | None, unit: str, experiment: str | None) -> bool:
    if delegate is None or experiment is None:
        return False
    try:
        delegate.check(unit, experiment, experiment_of=lambda _: experiment)
    except NotPermittedError:
        return False
    return True
