"""What people ask about Home Assistant over HTTP, and what Home Assistant asks of units over MQTT."""

import logging
from collections.abc import Callable
from typing import Final

import msgspec
from litestar import Router, delete, get, put
from litestar.params import JSONBody

from pioreactor import topics
from pioreactor.audit.change_policy import is_named
from pioreactor.cluster import home_assistant
from pioreactor.cluster.delegate import Delegate, delegate_of
from pioreactor.cluster.home_assistant import HomeAssistantStatus
from pioreactor.exc import InvalidRequestError, NotPermittedError, PioreactorError
from pioreactor.messaging.ports import Message
from pioreactor.settings.load import load_settings
from pioreactor.settings.schema import Settings
from pioreactor.structs.audit import AuditedChange, Outcome
from pioreactor.web.leader.home_assistant.discovery import DiscoveryPublisher
from pioreactor.web.leader.home_assistant.entities import entities_of
from pioreactor.web.leader.jobs import send_to_job, update_on_units
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Body, job_name, setting_name, unit_name
from pioreactor.web.security.audit_recorder import action_of, note_values
from pioreactor.web.security.guards import only_signed_in
from pioreactor.web.security.route_rights import needs

_log = logging.getLogger("pioreactor.web")
_MAX_BYTES: Final = 200
_ACTION: Final = action_of(update_on_units)


class HomeAssistantCommands:
    """Receives commands, which only the leader and the account of Home Assistant may publish."""

    def __init__(self, leader: LeaderServices, settings: Callable[[], Settings]) -> None:
        """`settings` returns those that are in force."""
        self._leader = leader
        self._settings = settings

    def subscribe(self) -> None:
        """Receive commands from now on."""
        self._leader.bus.subscribe(topics.home_assistant_command(self._leader.unit.name), self._on_command)

    def _on_command(self, message: Message) -> None:
        # A command that the broker has kept is as old as it likes.
        if message.retain:
            return
        try:
            self._leader.unit.tasks.start("a command of Home Assistant", lambda: self.handle(message), pool="requests")
        except PioreactorError as error:
            _log.warning("A command of Home Assistant was not carried out: %s", error)

    def handle(self, message: Message) -> None:
        """Carry out one command, and record what became of it; errors are logged."""
        *_, unit, job, setting, _set = message.topic.split("/")
        value = message.payload[:_MAX_BYTES].decode("utf-8", "replace")
        delegate = None
        try:
            unit, job, setting = unit_name(unit, broadcast=False), job_name(job), setting_name(setting)
            if len(message.payload) > _MAX_BYTES:
                raise InvalidRequestError(f"the value is longer than {_MAX_BYTES} bytes")
            delegate, experiment = self._permitted(unit)
            self._check_announced(job, setting)
            self._check_unquestioned()
            sender = send_to_job(self._leader, unit, job, experiment, {setting: value}, requested_by=delegate.username)
            [outcome] = sender.wait()
        except PioreactorError as error:
            refused: Outcome = "refused" if isinstance(error, NotPermittedError) else "failed"
            _log.warning("Home Assistant asked for %s of %s on %s = %s: %s", setting, job, unit, value, error)
            self._record(delegate, unit, job, setting, value, refused, str(error))
            return
        done: Outcome = "done" if outcome.is_success else "failed"
        self._record(delegate, unit, job, setting, value, done, outcome.reason, before=outcome.previous)

    def _check_announced(self, job: str, setting: str) -> None:
        """Refuse what Home Assistant was not offered, such as the states of jobs."""
        entities = entities_of(self._leader.unit.catalog, ())
        if (job, setting) not in {(one.job, one.name) for one in entities if one.setting is not None}:
            raise NotPermittedError(f"{setting} of {job} cannot be changed from Home Assistant")

    def _check_unquestioned(self) -> None:
        """Refuse what the lab wants a reason or a signature for: no person is there to give one."""
        asked = self._settings().audit
        for what, names in (("reason", asked.reason_required), ("signature", asked.signature_required)):
            if is_named(_ACTION, names):
                raise NotPermittedError(
                    f"the lab asks for a {what} for this change ({_ACTION}), which Home Assistant cannot give",
                    remedy="Make the change in the panel.",
                )

    def _permitted(self, unit: str) -> tuple[Delegate, str]:
        """Return the person of the token, and the experiment of the unit."""
        settings, database = self._settings().home_assistant, self._leader.database
        delegate = delegate_of(database.people, settings.token, now=self._leader.unit.clock.now())
        if delegate is None or not settings.enabled:
            raise NotPermittedError(
                "Home Assistant only reads", remedy="Give it a token: `pio home-assistant enable --token NAME`."
            )
        experiment = database.assignments.experiment_of(unit)
        if experiment is None:
            raise InvalidRequestError(f"{unit} is assigned to no experiment", remedy="Assign it in the inventory.")
        delegate.check(unit, experiment, experiment_of=database.assignments.experiment_of)
        return delegate, experiment

    def _record(
        self,
        delegate: Delegate | None,
        unit: str,
        job: str,
        setting: str,
        value: str,
        outcome: Outcome,
        reason: str | None,
        *,
        before: str | None = None,
    ) -> None:
        details = {"before": before, "after": value, "reason": reason, "by": "Home Assistant"}
        change = AuditedChange(
            actor_kind="token" if delegate is not None else "none",
            actor=delegate.username if delegate is not None else "Home Assistant",
            token=delegate.token if delegate is not None else None,
            action="setting_changed",
            summary=f"{job} on {unit}: {setting} → {value}, by Home Assistant"[:200],
            outcome=outcome,
            unit=unit[:200],
            details=msgspec.json.encode(details).decode(),
        )
        try:
            self._leader.audit_trail.append(change)
        except PioreactorError as error:
            _log.error("A command of Home Assistant is missing in the audit trail, %s: %s", change.summary, error)


class EnableHomeAssistant(Body):
    """`token`: id or name of the token whose rights its commands have; null: it only reads."""

    token: str | None = None
    renew_password: bool = False


@get("/home_assistant", sync_to_thread=True)
def home_assistant_status(leader: LeaderPorts) -> HomeAssistantStatus:
    """Return whether units are announced to Home Assistant, and the person of its token."""
    return _status(leader)


@get("/home_assistant/entities", sync_to_thread=True)
def home_assistant_entities(leader: LeaderPorts) -> dict[str, msgspec.Raw]:
    """Return what is announced to Home Assistant: retained messages by topic; empty while it is switched off."""
    messages = DiscoveryPublisher(leader, lambda: _settings(leader).home_assistant).messages()
    return {topic: msgspec.Raw(payload) for topic, payload in messages.items()}


@put("/home_assistant", guards=[only_signed_in], sync_to_thread=True)
def enable_home_assistant(leader: LeaderPorts, data: JSONBody[EnableHomeAssistant]) -> HomeAssistantStatus:
    """Tell Home Assistant of the units; a password that was made for its account is in this answer alone."""
    before = _status(leader)
    password = home_assistant.enable(
        leader.unit.paths,
        leader.database.people,
        token=data.token,
        renew=data.renew_password,
        now=leader.unit.clock.now(),
    )
    answer = _status(leader)
    note_values(before=before, after=answer)
    answer.password = password
    return answer


@delete("/home_assistant", status_code=200, guards=[only_signed_in], sync_to_thread=True)
def disable_home_assistant(leader: LeaderPorts) -> HomeAssistantStatus:
    """Withdraw what was announced, and remove the account at the broker."""
    before = _status(leader)
    home_assistant.disable(leader.unit.paths)
    after = _status(leader)
    note_values(before=before, after=after)
    return after


def _settings(leader: LeaderServices) -> Settings:
    return load_settings(leader.unit.paths.global_config, leader.unit.paths.local_config)


def _status(leader: LeaderServices) -> HomeAssistantStatus:
    return home_assistant.status(
        leader.unit.paths, _settings(leader), leader.database.people, now=leader.unit.clock.now()
    )


ROUTES = Router(
    "/",
    route_handlers=[home_assistant_status, home_assistant_entities, enable_home_assistant, disable_home_assistant],
    tags=["home assistant"],
    opt=needs("people", change="manage"),
)
