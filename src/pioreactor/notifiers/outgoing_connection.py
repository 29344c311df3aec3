"""Connections to servers that a person named: to an address that may be used, within a time."""

import ipaddress
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pioreactor.notifiers.ports import TIMEOUT_S, DeliveryError

_METADATA: Final = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
"""Where clouds serve the credentials of a machine to any program that asks from it."""


class AddressRefusedError(DeliveryError):
    """A webhook must not reach this machine itself, or addresses that only it can reach."""

    code = "address_refused"
    status = 403
    remedy = "To allow it, set [alarms] allow_local_webhooks = True in the configuration of the leader."


def check_address(address: str) -> None:
    """Raise `AddressRefusedError` for loopback, link-local, multicast, unspecified and metadata addresses."""
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    if mapped is not None:
        found = mapped
    is_refused = found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified
    if is_refused or found in _METADATA or (found.version == 4 and found.is_reserved):
        raise AddressRefusedError(f"the host has the address {found}, which webhooks must not reach", is_final=True)


def resolve(host: str, port: int, *, allow_local: bool) -> list[tuple[str, int]]:
    """Return the addresses of a host, each of which may be used; raise `DeliveryError`, `AddressRefusedError`."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise DeliveryError(f"{host} has no address: {error}") from error
    addresses = list(dict.fromkeys((str(entry[4][0]), int(entry[4][1])) for entry in found))
    if not allow_local:
        for address, _ in addresses:
            check_address(address)
    return addresses


def connect(host: str, port: int, *, allow_local: bool) -> socket.socket:
    """Connect to a host. Its name is resolved once: what was checked is what is connected to."""
    failure: OSError | None = None
    for address in resolve(host, port, allow_local=allow_local):
        try:
            return socket.create_connection(address, timeout=TIMEOUT_S / 2)
        except OSError as error:
            failure = error
    raise DeliveryError(f"{host} cannot be reached: {failure}") from failure


@contextmanager
def within(sock: socket.socket, seconds: float = TIMEOUT_S) -> Iterator[None]:
    """Cut the connection when the block takes too long, also with a server that sends a byte now and then."""

    def cut() -> None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed already

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
