"""Addresses of units under the names plugins import."""

from __future__ import annotations

import ipaddress

from pioreactor.http.addresses import base_url
from pioreactor.runtime.context import current


def resolve_to_address(pioreactor_unit: str) -> str:
    """Return the host of a unit, with its port where `[cluster.addresses]` names one."""
    configured = (current().settings.cluster_addresses.get(pioreactor_unit) or "").strip()
    return configured if configured else add_local(pioreactor_unit)


def add_local(hostname: str) -> str:
    return hostname if "." in hostname else f"{hostname}.local"


def is_ipv4_address(text: str) -> bool:
    """Return whether a text is an IPv4 address, such as 192.168.1.7."""
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def get_ip() -> str:
    """Return this machine's address towards its network."""
    return current().computer.ipv4()


def url_of(pioreactor_unit: str) -> str:
    """Return `http://host:port` of a unit's web server."""
    settings = current().settings
    return base_url(pioreactor_unit, settings.cluster_addresses, port=settings.ui.port, proto=settings.ui.proto)
