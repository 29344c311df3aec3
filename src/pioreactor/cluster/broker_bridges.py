"""Brokers of benches: each serves the units of one bench, and is bridged to the site's broker, the leader's.

The folder of a bench's broker is made on the leader. It has the accounts of the bench's units, with the passwords that
they have already, and the bench's own account at the site's broker, which writes below its units' names only.
Telemetry goes up, commands go down, and nothing comes back to where it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from pioreactor import topics
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.messaging.accounts import PREFIX_OF_BENCHES, Account, make_password, read_passwords, read_permissions
from pioreactor.messaging.broker_files import BrokerFiles
from pioreactor.types import UNIVERSAL_IDENTIFIER

MAX_UNITS: Final = 50
"""Of one bench."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_BRIDGE: Final = """\

connection {account}
address {address}:{port}
remote_clientid {account}
remote_username {account}
remote_password {password}
cleansession false
notifications false
try_private true
keepalive_interval 30
restart_timeout 1 30
"""


class Bridge(msgspec.Struct):
    """A bench with its units; `account` is its name at the site's broker."""

    bench: str
    units: list[str]
    account: str


@dataclass(frozen=True, slots=True)
class BridgePlan:
    """`leader` is the unit of the site's broker, at `address` and `port`; units of the bench use `units_port`."""

    bench: str
    units: Sequence[str]
    leader: str
    address: str
    port: int = 1883
    units_port: int = 1883
    interface: str = "0.0.0.0"
    """Of the bench's machine, on which its units connect."""


def bridges(site: BrokerFiles) -> list[Bridge]:
    """Return the benches that have an account at the site's broker."""
    text = site.permissions.read_text(encoding="utf-8") if site.permissions.exists() else ""
    return [
        Bridge(name.removeprefix(PREFIX_OF_BENCHES), sorted(topic.split("/")[1] for topic in may.write), name)
        for name, may in sorted(read_permissions(text).items())
        if name.startswith(PREFIX_OF_BENCHES)
    ]


def add_bridge(site: BrokerFiles, plan: BridgePlan, folder: Path) -> Bridge:
    """Give a bench an account at the site's broker, and write the folder of its own broker.

    Copy the folder to the bench's machine at the same path: the configuration names it. Raise `ConflictError` for a
    bench that there is, a unit of another one, and a folder that is not empty; `NotFoundError` for a unit without an
    account.
    """
    _check(site, plan, folder)
    account = Account(f"{PREFIX_OF_BENCHES}{plan.bench}", make_password(), "bench", units=tuple(sorted(plan.units)))
    bench = BrokerFiles(folder)
    bench.write_configuration(port=plan.units_port, interface=plan.interface, more=_configuration(plan, account))
    hashes = read_passwords(site.passwords.read_text(encoding="utf-8"))
    for unit in plan.units:
        bench.add_unit(unit, hashes[unit])
    site.set_account(account)
    return Bridge(plan.bench, list(account.units), account.name)


def remove_bridge(site: BrokerFiles, bench: str) -> None:
    """Remove the account of a bench; from then on the site's broker takes nothing from it."""
    account = f"{PREFIX_OF_BENCHES}{bench}"
    if account not in site.accounts():
        raise NotFoundError(f"there is no bench {bench[:64]!r}", remedy="`pio broker list` names them.")
    site.remove_account(account)


def check_bench_name(name: str) -> str:
    """Return a name that a bench may have; raise `InvalidRequestError` for any other."""
    if not _NAME.fullmatch(name):
        raise InvalidRequestError(f"{name[:64]!r} is not a name: use a-z, 0-9 and `-`, at most 31 characters")
    return name


def _check(site: BrokerFiles, plan: BridgePlan, folder: Path) -> None:
    check_bench_name(plan.bench)
    if not site.configuration.exists():
        raise ConflictError("the broker is not set up by `pio cluster init`", remedy="Run this on the leader.")
    if f"{PREFIX_OF_BENCHES}{plan.bench}" in site.accounts():
        raise ConflictError(f"there is a bench {plan.bench} already", remedy="Remove it first, or choose another name.")
    if folder.exists() and any(folder.iterdir()):
        raise ConflictError(f"{folder} is not empty", remedy="Choose a new folder.")
    _check_units(site, plan)


def _check_units(site: BrokerFiles, plan: BridgePlan) -> None:
    if not 1 <= len(set(plan.units)) <= MAX_UNITS:
        raise InvalidRequestError(f"a bench has 1 to {MAX_UNITS} units", remedy="Make several benches.")
    workers = set(site.accounts()) - {plan.leader}
    taken = {unit: bridge.bench for bridge in bridges(site) for unit in bridge.units}
    for unit in plan.units:
        if unit not in workers:
            raise NotFoundError(f"{unit[:64]!r} is no worker with an account here", remedy="Let it join first.")
        if unit in taken:
            raise ConflictError(f"{unit} belongs to the bench {taken[unit]}", remedy="A unit has one broker.")


def _configuration(plan: BridgePlan, account: Account) -> str:
    head = _BRIDGE.format(account=account.name, address=plan.address, port=plan.port, password=account.password)
    up = [f"topic {topics.ROOT}/{unit}/# out 1" for unit in account.units]
    down = [f"topic {topic} in 1" for topic in _commands(plan.leader, account.units)]
    return head + "\n".join([*up, *down]) + "\n"


def _commands(leader: str, units: Sequence[str]) -> Iterator[str]:
    """Yield what the leader publishes for units: commands, their assignment, and which records are stored."""
    for unit in units:
        command = topics.set_setting(unit, "+", "+", "+")
        yield from (command, topics.announcement(command))
        yield from (topics.assignment(unit), topics.journal_acknowledged(unit))
    for everywhere in (UNIVERSAL_IDENTIFIER, leader):
        yield f"{topics.ROOT}/{everywhere}/#"
