"""Where messages are exchanged: who is connected, who listens, what is retained, who may do what."""

import logging
from pathlib import Path
from typing import Protocol

import msgspec

from pioreactor import topics
from pioreactor.exc import InvalidRequestError
from pioreactor.messaging.accounts import Permissions, read_passwords, read_permissions, verify_password
from pioreactor.messaging.embedded.packets import Publication
from pioreactor.messaging.router import Route, Router

log = logging.getLogger(__name__)

_NOBODY = Permissions()


class Client(Protocol):
    """A connected client, as the exchange sees it."""

    client_id: str
    username: str

    def deliver(self, publication: Publication) -> None: ...

    def evict(self, *, announce: bool = True) -> None:
        """End the connection as if it were lost; say its will if asked to `announce` it."""
        ...


class _Stored(msgspec.Struct, array_like=True):
    topic: str
    payload: bytes
    qos: int


class Exchange:
    """The broker without its sockets. Runs on one thread."""

    def __init__(self, password_file: Path, permission_file: Path, retained_file: Path | None = None) -> None:
        self._password_file = password_file
        self._permission_file = permission_file
        self._retained_file = retained_file
        self._clients: dict[str, Client] = {}
        self._router: Router[tuple[Client, int]] = Router()
        self._routes: dict[Client, dict[str, Route[tuple[Client, int]]]] = {}
        self._retained: dict[str, Publication] = {}
        self._unsaved = False
        self.read_accounts()
        self._read_retained()

    def read_accounts(self) -> None:
        """Read who may connect and do what; whoever may no longer connect is disconnected."""
        self._passwords = read_passwords(self._password_file.read_text(encoding="utf-8"))
        self._permissions = read_permissions(self._permission_file.read_text(encoding="utf-8"))
        for client in list(self._clients.values()):
            if client.username not in self._passwords:
                client.evict()

    def admits(self, username: str | None, password: str | None) -> bool:
        """Say whether the password is right; nobody is admitted without one."""
        if username is None or password is None or username not in self._passwords:
            return False
        return verify_password(password, self._passwords[username])

    def arrive(self, client: Client) -> None:
        """Take in a client; another one of the same name is ended, as MQTT asks."""
        previous = self._clients.get(client.client_id)
        if previous is not None:
            previous.evict()
        self._clients[client.client_id] = client
        self._routes[client] = {}

    def leave(self, client: Client, *, will: Publication | None) -> None:
        """Forget a client, and say its will if it left without goodbye."""
        for route in self._routes.pop(client, {}).values():
            self._router.remove(route)
        if self._clients.get(client.client_id) is client:
            del self._clients[client.client_id]
        if will is not None:
            self.publish(client.username, will)

    def subscribe(self, client: Client, topic_filter: str, qos: int) -> int | None:
        """Return the quality granted (0 or 1) or None for a malformed filter. Retained messages follow separately."""
        granted = min(qos, 1)
        self.unsubscribe(client, topic_filter)
        try:
            self._routes[client][topic_filter] = self._router.add(topic_filter, (client, granted))
        except InvalidRequestError:
            return None
        return granted

    def unsubscribe(self, client: Client, topic_filter: str) -> None:
        route = self._routes[client].pop(topic_filter, None)
        if route is not None:
            self._router.remove(route)

    def repeat_retained(self, client: Client, topic_filter: str, qos: int) -> None:
        if topic_filter in self._retained:
            found = [self._retained[topic_filter]]
        else:
            found = [kept for topic, kept in self._retained.items() if topics.matches(topic_filter, topic)]
        permissions = self._permissions.get(client.username, _NOBODY)
        for kept in found:
            if permissions.may_read(kept.topic):
                client.deliver(_with_qos(kept, qos))

    def publish(self, username: str, publication: Publication) -> None:
        """Store and pass on a message; one that its sender may not write is dropped, as Mosquitto does."""
        topic = publication.topic
        if not self._permissions.get(username, _NOBODY).may_write(topic):
            log.warning("%s may not write to %s", username, topic)
            return
        if publication.retain:
            self._keep(publication)
        qualities: dict[Client, int] = {}
        for client, qos in self._router.targets(topic):
            qualities[client] = max(qos, qualities.get(client, 0))
        live = Publication(topic, publication.payload, publication.qos, False)
        for client, qos in qualities.items():
            if self._permissions.get(client.username, _NOBODY).may_read(topic):
                client.deliver(_with_qos(live, qos))

    def evict_all(self) -> None:
        """End all connections without sending wills: the broker leaves, not they."""
        for client in list(self._clients.values()):
            client.evict(announce=False)

    def save(self) -> None:
        """Write what is retained, if it changed; a crash leaves the earlier file."""
        if self._retained_file is None or not self._unsaved:
            return
        stored = [_Stored(kept.topic, kept.payload, kept.qos) for kept in self._retained.values()]
        partial = self._retained_file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_bytes(msgspec.msgpack.encode(stored))
        partial.replace(self._retained_file)
        self._unsaved = False

    def _keep(self, publication: Publication) -> None:
        self._unsaved = True
        if publication.payload:
            self._retained[publication.topic] = Publication(
                publication.topic, publication.payload, publication.qos, True
            )
        else:
            self._retained.pop(publication.topic, None)

    def _read_retained(self) -> None:
        if self._retained_file is None or not self._retained_file.exists():
            return
        try:
            stored = msgspec.msgpack.decode(self._retained_file.read_bytes(), type=list[_Stored])
        except msgspec.DecodeError as error:
            log.error("Retained messages cannot be read from %s: %s. Starting without.", self._retained_file, error)
            return
        for kept in stored:
            self._retained[kept.topic] = Publication(kept.topic, kept.payload, kept.qos, True)


def _with_qos(publication: Publication, qos: int) -> Publication:
    return Publication(publication.topic, publication.payload, min(publication.qos, qos), publication.retain)
