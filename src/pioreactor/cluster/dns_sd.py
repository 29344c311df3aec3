"""Finding workers that wait to join, by DNS-SD over multicast. Networks without multicast need typed addresses."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final

from pioreactor.cluster.pairing_protocol import Offer, Waiting

if TYPE_CHECKING:
    from zeroconf import ServiceInfo, ServiceListener, Zeroconf

SERVICE: Final = "_pioreactor-join._tcp.local."
SEARCH_S: Final = 3.0


class Announcement:
    """Announces a worker while it waits. Use as a context manager; without a network it announces nothing."""

    def __init__(self, offer: Offer, address: str, port: int) -> None:
        self._offer = offer
        self._address = address
        self._port = port
        self._zeroconf: Zeroconf | None = None

    def __enter__(self) -> Announcement:
        from zeroconf import IPVersion, ServiceInfo, Zeroconf

        info = ServiceInfo(
            SERVICE,
            f"{self._offer.unit}.{SERVICE}",
            port=self._port,
            addresses=[socket.inet_aton(self._address)],
            properties={"unit": self._offer.unit, "version": self._offer.version},
            server=f"{self._offer.unit}.local.",
        )
        try:
            self._zeroconf = Zeroconf(interfaces=[self._address], ip_version=IPVersion.V4Only)
            self._zeroconf.register_service(info, allow_name_change=True)
        except OSError:
            self._close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._zeroconf is not None:
            self._zeroconf.close()
            self._zeroconf = None


def search(address: str, *, unit: str | None = None, seconds: float = SEARCH_S) -> list[Waiting]:
    """Return the workers that announce themselves in the network of `address`, sorted by name.

    With `unit` the search ends as soon as a worker of that name is found.
    """
    from zeroconf import IPVersion, ServiceBrowser, Zeroconf

    found: dict[str, Waiting] = {}
    is_found = threading.Event()
    try:
        zeroconf = Zeroconf(interfaces=[address], ip_version=IPVersion.V4Only)
    except OSError:
        return []
    try:
        ServiceBrowser(
            zeroconf,
            SERVICE,
            listener=_listener(found, lambda waiting: is_found.set() if waiting.unit == unit else None),
        )
        is_found.wait(seconds)
    finally:
        zeroconf.close()
    return sorted(found.values(), key=lambda waiting: waiting.unit)


def _listener(found: dict[str, Waiting], on_found: Callable[[Waiting], None]) -> ServiceListener:
    from zeroconf import ServiceListener

    class Listener(ServiceListener):
        def add_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            info = zc.get_service_info(type_, name)
            waiting = _waiting(info) if info is not None else None
            if waiting is not None:
                found[name] = waiting
                on_found(waiting)

        def update_service(self, zc: Zeroconf, type_: str, name: str) -> None:
            self.add_service(zc, type_, name)

        def remove_service(self, zc: Zeroconf, type_: str, name: str) -> None:  # noqa: ARG002  as in the base
            found.pop(name, None)

    return Listener()


def _waiting(info: ServiceInfo) -> Waiting | None:
    """Return what an announcement says; None for one that is incomplete or too long.

    Every machine in the network can announce anything.
    """
    properties = {
        key.decode("utf-8", "replace"): (value or b"").decode("utf-8", "replace")
        for key, value in info.properties.items()
    }
    addresses = info.parsed_addresses()
    unit = properties.get("unit", "")
    if not addresses or info.port is None or not 0 < len(unit) <= 63:
        return None
    return Waiting(unit, addresses[0], info.port, properties.get("version", "")[:40])
