"""HTTP requests to other units, with the token that this unit has for each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pioreactor import mureq
from pioreactor.http.units import TARGET_HEADER
from pioreactor.runtime.context import current
from pioreactor.utils.networking import resolve_to_address


def create_webserver_path(address: str, endpoint: str) -> str:
    """Return the URL of an endpoint; the address may include a port."""
    ui = current().settings.ui
    where = address if ":" in address else f"{address}:{ui.port}"
    return f"{ui.proto}://{where}/{endpoint.lstrip('/')}"


def ask(
    method: str,
    address: str,
    endpoint: str,
    *,
    unit: str | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> mureq.Response:
    """Send a request to a unit, with the token for it; `unit` is its name where the address does not tell.

    A worker has one for its leader and for itself; what it sends to others without one is refused by them.
    """
    from pioreactor.exc import NotAuthenticatedError
    from pioreactor.identity.unit_tokens import credential_for

    runtime = current()
    leader = runtime.settings.cluster.leader_hostname
    try:
        token = credential_for(
            runtime.paths.secrets, unit if unit is not None else _unit_at(address), own=runtime.unit, leader=leader
        )
    except NotAuthenticatedError:
        token = None
    own = {"Authorization": f"Bearer {token}"} if token else {}
    given = {**own, **(headers if headers is not None else {})}
    url = create_webserver_path(address, endpoint)
    return mureq.request(method, url, headers=given, **options)


def _unit_at(address: str) -> str:
    """Return the unit that has this address; else its first label, as in `unit2.local`."""
    settings = current().settings
    if address == settings.cluster.leader_address:
        return settings.cluster.leader_hostname
    for unit, configured in settings.cluster_addresses.items():
        if configured and address == configured.strip():
            return unit
    return address.partition(":")[0].partition(".")[0]


def ask_leader(method: str, endpoint: str, **options: Any) -> mureq.Response:
    return ask(method, current().settings.cluster.leader_address, endpoint, **options)


get_from, put_into, patch_into = partial(ask, "GET"), partial(ask, "PUT"), partial(ask, "PATCH")
post_into, delete_from = partial(ask, "POST"), partial(ask, "DELETE")
get_from_leader, put_into_leader = partial(ask_leader, "GET"), partial(ask_leader, "PUT")
patch_into_leader, post_into_leader = partial(ask_leader, "PATCH"), partial(ask_leader, "POST")
delete_from_leader = partial(ask_leader, "DELETE")


def ask_unit(
    method: str,
    unit: str,
    endpoint: str,
    *,
    address: str | None = None,
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> mureq.Response:
    """Send a request to a unit by name; another unit at its address refuses a change with 409.

    A unit that gets to a change only after the timeout does not make it.
    """
    where = address if address is not None else resolve_to_address(unit)
    given = {TARGET_HEADER: unit, **(headers if headers is not None else {})}
    return ask(method, where, endpoint, unit=unit, headers=given, has_deadline=True, **options)


get_from_unit, put_into_unit = partial(ask_unit, "GET"), partial(ask_unit, "PUT")
patch_into_unit, post_into_unit = partial(ask_unit, "PATCH"), partial(ask_unit, "POST")
delete_from_unit = partial(ask_unit, "DELETE")
