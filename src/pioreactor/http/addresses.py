"""Addresses of units' web servers."""

from collections.abc import Mapping


def base_url(unit: str, addresses: Mapping[str, str | None], *, port: int = 80, proto: str = "http") -> str:
    """Return `http://host:port` of a unit.

    `addresses` is `[cluster.addresses]` (unit = host or host:port); a unit without an entry is `<unit>.local`.
    """
    configured = (addresses.get(unit) or "").strip()
    host = configured if configured else f"{unit}.local"
    bracketed = host.startswith("[")
    has_port = ":" in (host.rpartition("]")[2] if bracketed else host)
    return f"{proto}://{host}" if has_port else f"{proto}://{host}:{port}"
