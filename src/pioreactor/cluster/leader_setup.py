"""What turns a machine into the leader of a new cluster. Every step may be done again, and keeps what is there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pioreactor.cluster.certificates import make_authority, make_request, names_in, sign, write_private
from pioreactor.cluster.membership import (
    BROKER_PASSWORD_FILE,
    Membership,
    make_folders,
    read_membership,
    refuse_member,
    set_own_values,
    tls_files,
    write_membership,
)
from pioreactor.exc import ConflictError
from pioreactor.identity.unit_tokens import WorkerTokens
from pioreactor.messaging.accounts import Account, Role, make_password
from pioreactor.messaging.broker_files import BrokerFiles
from pioreactor.settings.editing import set_value
from pioreactor.settings.load import load_settings
from pioreactor.storage.paths import Paths

VIEWER: Final = "viewer"
VIEWER_PASSWORD_FILE: Final = "viewer_password"


@dataclass(frozen=True, slots=True)
class LeaderPlan:
    """`address` is where other units find the leader: a host name or an IP address."""

    unit: str
    address: str
    port: int
    broker_port: int = 1883
    is_simulated: bool = False
    names: Sequence[str] = ()
    """Further names and addresses that its certificate is for."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was done."""

    name: str
    detail: str


def broker_files(paths: Paths) -> BrokerFiles:
    """Return the files of a leader's broker."""
    return BrokerFiles(paths.dot_pioreactor / "broker")


def set_up_leader(paths: Paths, plan: LeaderPlan, *, now: datetime) -> Iterator[Step]:
    """Do all steps, yielding each when it is done. Raise `ConflictError` on a unit that has another leader."""
    refuse_member(paths, unless_leader=plan.unit)
    _refuse_other_leader(paths, plan.unit)
    make_folders(paths)
    known = read_membership(paths)
    cluster = known.cluster if known is not None else secrets.token_hex(8)
    for name, do in _steps(paths, plan, cluster):
        yield Step(name, do())
    if known is None:
        write_membership(paths, Membership(cluster, plan.unit, plan.unit, now.isoformat(timespec="seconds")))


def _steps(paths: Paths, plan: LeaderPlan, cluster: str) -> list[tuple[str, Callable[[], str]]]:
    return [
        ("certificates", lambda: _make_certificates(paths, plan, cluster)),
        ("configuration", lambda: _write_configuration(paths, plan)),
        ("tokens", lambda: _make_tokens(paths)),
        ("broker", lambda: _make_broker_accounts(paths, plan)),
    ]


def _refuse_other_leader(paths: Paths, unit: str) -> None:
    leader = load_settings(paths.global_config, paths.local_config).cluster.leader_hostname
    if leader not in ("", unit):
        raise ConflictError(
            f"this unit's configuration names {leader} as its leader",
            remedy=f"Join it from {leader}, or run `pio cluster leave` first.",
        )


def _make_certificates(paths: Paths, plan: LeaderPlan, cluster: str) -> str:
    tls = tls_files(paths)
    make_authority(tls, cluster)
    names = [plan.unit, f"{plan.unit}.local", "localhost", "127.0.0.1", plan.address, *plan.names]
    if not tls.certificate.exists() or not set(names) <= names_in(tls.certificate):
        write_private(tls.certificate, sign(tls, make_request(tls.key, plan.unit), names))
    return f"{tls.certificate} for {', '.join(dict.fromkeys(names))}"


def _write_configuration(paths: Paths, plan: LeaderPlan) -> str:
    if not paths.global_config.exists():
        paths.global_config.write_text("# The configuration that all units of this cluster share.\n", encoding="utf-8")
    values = {
        ("cluster.topology", "leader_hostname"): plan.unit,
        ("cluster.topology", "leader_address"): plan.address,
        ("cluster.addresses", plan.unit): plan.address,
        ("mqtt", "broker_address"): plan.address,
        ("mqtt", "broker_port"): str(plan.broker_port),
        ("ui", "port"): str(plan.port),
        ("ui", "proto"): "https",
    }
    for (section, key), value in values.items():
        set_value(paths.global_config, section, key, value)
    set_own_values(paths, plan.unit, is_simulated=plan.is_simulated)
    return str(paths.global_config)


def _make_tokens(paths: Paths) -> str:
    WorkerTokens(paths.secrets).prepare()
    return f"{paths.secrets}"


def _make_broker_accounts(paths: Paths, plan: LeaderPlan) -> str:
    files = broker_files(paths)
    files.write_configuration(port=plan.broker_port)
    roles: dict[str, tuple[str, Role]] = {
        plan.unit: (BROKER_PASSWORD_FILE, "leader"),
        VIEWER: (VIEWER_PASSWORD_FILE, "viewer"),
    }
    for account, (secret, role) in roles.items():
        path = paths.secrets / secret
        if account in files.accounts() and path.exists():
            continue
        password = make_password()
        write_private(path, password + "\n")
        files.set_account(Account(account, password, role))
    return f"{files.configuration}, port {plan.broker_port}"
