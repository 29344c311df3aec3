"""Switches Home Assistant's view of the cluster on and off: its settings, its account at the broker, and its token."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from pioreactor.cluster.delegate import delegate_of
from pioreactor.cluster.leader_setup import broker_files
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.identity import access_tokens
from pioreactor.messaging.accounts import HOME_ASSISTANT, Account, make_password
from pioreactor.settings.editing import set_value
from pioreactor.settings.schema import Settings
from pioreactor.storage.paths import Paths

if TYPE_CHECKING:
    from pioreactor.storage.leader.repositories.people import People


class HomeAssistantStatus(msgspec.Struct):
    """`token` null: it only reads; `commands_by`: the person of the token, null where the token is not good."""

    enabled: bool
    token: str | None
    commands_by: str | None
    broker_address: str
    broker_port: int
    username: str
    has_account: bool
    password: str | None = None
    """Shown once, when it is made."""


def status(paths: Paths, settings: Settings, people: People, *, now: datetime) -> HomeAssistantStatus:
    """Return what is switched on, and where Home Assistant connects to."""
    own = settings.home_assistant
    delegate = delegate_of(people, own.token, now=now)
    return HomeAssistantStatus(
        enabled=own.enabled,
        token=own.token if own.token else None,
        commands_by=delegate.username if delegate is not None else None,
        broker_address=settings.broker_host,
        broker_port=settings.mqtt.broker_port,
        username=HOME_ASSISTANT,
        has_account=HOME_ASSISTANT in broker_files(paths).accounts(),
    )


def enable(paths: Paths, people: People, *, token: str | None, renew: bool = False, now: datetime) -> str | None:
    """Switch discovery on; return a password that was made for the account.

    `token` is the id or the name of the token whose rights commands have; None: Home Assistant only reads. There is no
    password where the account has one already, or where another program manages the broker's accounts.
    """
    id_ = _checked_token(people, token, now=now) if token is not None else ""
    role: Final = "home_assistant_commands" if id_ else "home_assistant"
    files, password = broker_files(paths), None
    if files.configuration.exists():
        if renew or HOME_ASSISTANT not in files.accounts():
            password = make_password()
            files.set_account(Account(HOME_ASSISTANT, password, role))
        else:
            files.set_permissions(Account(HOME_ASSISTANT, "not changed", role))
    set_value(paths.local_config, "home_assistant", "token", id_)
    set_value(paths.local_config, "home_assistant", "enabled", "true")
    return password


def disable(paths: Paths) -> None:
    """Switch discovery off, and remove the account; what was announced is withdrawn within seconds. Idempotent."""
    set_value(paths.local_config, "home_assistant", "enabled", "false")
    set_value(paths.local_config, "home_assistant", "token", "")
    broker_files(paths).remove_account(HOME_ASSISTANT)


def _checked_token(people: People, id_or_name: str, *, now: datetime) -> str:
    """Return the id of a token that may change settings of some unit; raise an error that says why it may not."""
    found = access_tokens.find(people, id_or_name)
    delegate = delegate_of(people, found.id, now=now)
    if delegate is None:
        raise NotFoundError(f"the token {found.name!r} has expired", remedy="Make another one: `pio tokens create`.")
    if delegate.rights.role == "viewer":
        raise ConflictError(f"the token {found.name!r} only reads", remedy="Take one of an operator, or none.")
    if "units" not in (delegate.rights.areas if delegate.rights.areas is not None else ("units",)):
        raise InvalidRequestError(f"the token {found.name!r} is not for units", remedy="Make one for the area `units`.")
    return found.id
