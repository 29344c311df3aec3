"""The files of a demo cluster's units: secrets and configuration. What exists from an earlier start is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pioreactor.demo.plan import LEADER, VIEWER, DemoPlan
from pioreactor.messaging.accounts import Account, make_password
from pioreactor.settings.editing import set_value
from pioreactor.storage.paths import Paths

FOUR_PHOTODIODES: Final = "\n[od_config.photodiode_channel]\n1=REF\n2=90\n3=135\n4=45\n"


def broker_accounts(plan: DemoPlan) -> list[Account]:
    """Return an account for each unit and one for browsers, with passwords made at the first start."""
    viewer = Account(VIEWER, secret(plan.paths(LEADER), "viewer_password"), "viewer")
    units = [
        Account(unit, secret(plan.paths(unit), "broker_password"), "leader" if unit == LEADER else "unit")
        for unit in plan.units
    ]
    return [*units, viewer]


def secret(paths: Paths, name: str) -> str:
    """Return a secret of a unit, making one if there is none."""
    paths.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = paths.secrets / name
    if path.exists():
        return path.read_text().strip()
    chosen = make_password()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(chosen + "\n")
    return chosen


def write_configuration(plan: DemoPlan, unit: str, *, broker_port: int) -> None:
    """Write a unit's share of the cluster's configuration, and what it needs to know in its own file."""
    paths = plan.paths(unit)
    paths.run_pioreactor.mkdir(parents=True, exist_ok=True, mode=0o700)
    for folder in (paths.cache, paths.locks, paths.plugins, paths.storage):
        folder.mkdir(parents=True, exist_ok=True)
    paths.global_config.write_text(_shared_configuration(plan, broker_port), encoding="utf-8")
    if not paths.local_config.exists():
        paths.local_config.write_text("", encoding="utf-8")
    _set_own_values(plan, unit, paths.local_config)


def _shared_configuration(plan: DemoPlan, broker_port: int) -> str:
    addresses = "\n".join(f"{name}={plan.host_of(name)}:{plan.port_of(name)}" for name in plan.units)
    leader_address = f"{plan.host_of(LEADER)}:{plan.port_of(LEADER)}"
    return (
        "# Written by pio demo at each start. Changes for one unit belong into its unit_config.ini.\n"
        f"[cluster.topology]\nleader_hostname={LEADER}\nleader_address={leader_address}\n\n"
        f"[cluster.addresses]\n{addresses}\n\n"
        f"[mqtt]\nbroker_address={plan.host_of(LEADER)}\nbroker_port={broker_port}\n\n"
        "[bioreactor]\ninitial_volume_ml=14\nefflux_tube_volume_ml=14\n\n"
        # Processes of a clock that is faster than theirs cannot meet the gap between two OD readings.
        f"[camera]\nenabled=1\nuse_ir_led={int(plan.speed <= 1.0)}\n\n"
        "[logging]\nconsole_log_level=INFO\n" + (FOUR_PHOTODIODES if plan.has_four_photodiodes else "")
    )


def _set_own_values(plan: DemoPlan, unit: str, file: Path) -> None:
    """Set what differs between units and starts; the rest of the file stays as a person left it."""
    values = {
        ("mqtt", "username"): unit,
        ("hardware", "rig"): "sim",
        ("simulation", "socket"): str(plan.twin_socket(unit)),
        ("logging", "log_file"): str(plan.paths(unit).log_file),
    }
    for (section, key), value in values.items():
        set_value(file, section, key, value)
