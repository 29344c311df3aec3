"""The embedded broker without its sockets: clients, subscriptions, retained messages and permissions."""

import logging
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from pioreactor import topics
from pioreactor.exc import InvalidRequestError
from pioreactor.messaging.accounts import Permissions, read_passwords, read_permissions, verify_password
from pioreactor.messaging.packets import Publication
from pioreactor.messaging.router import Route, Router
from pioreactor.private_files import write_atomically

log = logging.getLogger(__name__)

_NO_PERMISSIONS = Permissions()
MAX_RETAINED_MESSAGES = 20_000
MAX_RETAINED_BYTES = 32 * 1024 * 1024
"""Per account; topics and payloads. Further messages are delivered, and not retained."""
MAX_SUBSCRIPTIONS = 1_000
"""Per client."""


@dataclass(slots=True)
class _Budget:
    messages: int = 0
    size: int = 0
    is_exceeded: bool = False


class Client(Protocol):
    """A connected client, as the core uses it."""

    client_id: str
    username: str

    def deliver(self, publication: Publication) -> None: ...

    def evict(self, *, send_will: bool = True) -> None:
        """Close the connection; publish its will if `send_will`."""
        ...


class _Stored(msgspec.Struct, array_like=True):
    topic: str
    payload: bytes
    qos: int
    username: str = ""
    """Whose budget it counts against; unknown in files of earlier versions."""


class BrokerCore:
    """State and rules of the broker. Not thread-safe: everything runs on one thread."""

    def __init__(self, password_file: Path, permission_file: Path, retained_file: Path | None = None) -> None:
        self._password_file = password_file
        self._permission_file = permission_file
        self._retained_file = retained_file
        self._clients: dict[str, Client] = {}
        self._router: Router[tuple[Client, int]] = Router()
        self._routes: dict[Client, dict[str, Route[tuple[Client, int]]]] = {}
        self._retained: dict[str, Publication] = {}
        self._retained_by: dict[str, str] = {}
        self._budgets: defaultdict[str, _Budget] = defaultdict(_Budget)
        self._has_unsaved = False
        self.load_accounts()
        self._load_retained()

    def load_accounts(self) -> None:
        """Read the password and permission files; disconnect clients whose account is gone."""
        self._passwords = read_passwords(self._password_file.read_text(encoding="utf-8"))
        self._permissions = read_permissions(self._permission_file.read_text(encoding="utf-8"))
        for client in list(self._clients.values()):
            if client.username not in self._passwords:
                client.evict()

    def authenticate(self, username: str | None, password: str | None) -> bool:
        """Return whether name and password are right; anonymous clients are refused."""
        if username is None or password is None or username not in self._passwords:
            return False
        return verify_password(password, self._passwords[username])

    def may_use_client_id(self, client_id: str, username: str | None) -> bool:
        """Return whether no client of another account has this id: an account must not disconnect another's clients."""
        present = self._clients.get(client_id)
        return present is None or present.username == username

    def connect(self, client: Client) -> None:
        """Add a client; evict an earlier client of the same id, as MQTT asks."""
        previous = self._clients.get(client.client_id)
        if previous is not None:
            previous.evict()
        self._clients[client.client_id] = client
        self._routes[client] = {}

    def disconnect(self, client: Client, *, will: Publication | None) -> None:
        """Remove a client, and publish its will if there is one."""
        if self._clients.get(client.client_id) is client:
            del self._clients[client.client_id]
        for route in self._routes.pop(client, {}).values():
            self._router.remove(route)
        if will is not None:
            self.publish(client.username, will)

    def subscribe(self, client: Client, topic_filter: str, qos: int) -> int | None:
        """Return the granted QoS (0 or 1), None for a malformed filter or too many. `send_retained` follows."""
        granted = min(qos, 1)
        self.unsubscribe(client, topic_filter)
        if len(self._routes[client]) >= MAX_SUBSCRIPTIONS:
            log.warning("%s is refused a further subscription", client.client_id)
            return None
        try:
            self._routes[client][topic_filter] = self._router.add(topic_filter, (client, granted))
        except InvalidRequestError:
            return None
        return granted

    def unsubscribe(self, client: Client, topic_filter: str) -> None:
        """Remove a subscription if there is one."""
        route = self._routes[client].pop(topic_filter, None)
        if route is not None:
            self._router.remove(route)

    def send_retained(self, client: Client, topic_filter: str, qos: int) -> None:
        """Deliver the retained messages that match a filter."""
        if topic_filter in self._retained:
            found = [self._retained[topic_filter]]
        else:
            found = [message for topic, message in self._retained.items() if topics.matches(topic_filter, topic)]
        permissions = self._permissions.get(client.username, _NO_PERMISSIONS)
        for message in found:
            if permissions.may_read(message.topic):
                client.deliver(_with_qos(message, qos))

    def publish(self, username: str, publication: Publication) -> None:
        """Retain and deliver a message; drop it if its sender may not write the topic, as Mosquitto does."""
        topic = publication.topic
        if not self._permissions.get(username, _NO_PERMISSIONS).may_write(topic):
            log.warning("%s may not publish to %s; the message is dropped", username, topic)
            return
        if publication.retain:
            self._retain(username, publication)
        qos_by_client: dict[Client, int] = {}
        for client, qos in self._router.targets(topic):
            qos_by_client[client] = max(qos, qos_by_client.get(client, 0))
        live = Publication(topic, publication.payload, publication.qos, False)
        for client, qos in qos_by_client.items():
            if self._permissions.get(client.username, _NO_PERMISSIONS).may_read(topic):
                client.deliver(_with_qos(live, qos))

    def evict_all(self) -> None:
        """Close all connections without wills: the broker stops, the clients have not failed."""
        for client in list(self._clients.values()):
            client.evict(send_will=False)

    def save(self) -> None:
        """Write the retained messages if they changed, atomically."""
        if self._retained_file is None or not self._has_unsaved:
            return
        stored = [
            _Stored(message.topic, message.payload, message.qos, self._retained_by[topic])
            for topic, message in self._retained.items()
        ]
        write_atomically(self._retained_file, msgspec.msgpack.encode(stored), mode=0o600)
        self._has_unsaved = False

    def _retain(self, username: str, publication: Publication) -> None:
        self._has_unsaved = True
        self._drop(publication.topic)
        if not publication.payload:
            return
        budget = self._budgets[username]
        if budget.messages >= MAX_RETAINED_MESSAGES or budget.size + _size(publication) > MAX_RETAINED_BYTES:
            if not budget.is_exceeded:
                log.warning("%s has used up its retained messages; further ones are not retained", username)
            budget.is_exceeded = True
            return
        budget.is_exceeded = False
        self._keep(username, Publication(publication.topic, publication.payload, publication.qos, True))

    def _keep(self, username: str, publication: Publication) -> None:
        self._retained[publication.topic] = publication
        self._retained_by[publication.topic] = username
        self._budgets[username].messages += 1
        self._budgets[username].size += _size(publication)

    def _drop(self, topic: str) -> None:
        previous = self._retained.pop(topic, None)
        if previous is not None:
            budget = self._budgets[self._retained_by.pop(topic)]
            budget.messages -= 1
            budget.size -= _size(previous)

    def _load_retained(self) -> None:
        if self._retained_file is None or not self._retained_file.exists():
            return
        try:
            stored = msgspec.msgpack.decode(self._retained_file.read_bytes(), type=list[_Stored])
        except msgspec.DecodeError as error:
            log.error("Cannot read retained messages from %s: %s. Starting without them.", self._retained_file, error)
            return
        for message in stored:
            self._keep(message.username, Publication(message.topic, message.payload, message.qos, True))


def _size(publication: Publication) -> int:
    return len(publication.topic) + len(publication.payload)


def _with_qos(publication: Publication, qos: int) -> Publication:
    return Publication(publication.topic, publication.payload, min(publication.qos, qos), publication.retain)
