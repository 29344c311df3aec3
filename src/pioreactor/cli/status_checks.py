"""The checks of `pio status`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pioreactor.cli.cli_context import CliContext
from pioreactor.exc import CalibrationError, PioreactorError
from pioreactor.settings.faulty_values import within_model
from pioreactor.structs.encoding import to_timestamp
from pioreactor.version import __version__

Verdict = Literal["OK", "WARN", "FAIL"]
_ORDER: tuple[Verdict, ...] = ("OK", "WARN", "FAIL")

_LITTLE_DISK_GB = 3.0
"""The same threshold as the monitor's."""
_BROKER_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    verdict: Verdict
    details: str


_Check = Callable[[CliContext], tuple[Verdict, str]]


def run_checks(cli: CliContext) -> Iterator[Finding]:
    """Run all checks in order; a check that raises an error has failed."""
    for name, look in _CHECKS.items():
        try:
            verdict, details = look(cli)
        except (PioreactorError, OSError) as error:
            verdict, details = "FAIL", str(error)
        yield Finding(name, verdict, details)


def worst(findings: list[Finding]) -> Verdict:
    return max((finding.verdict for finding in findings), key=_ORDER.index, default="OK")


_NO_REACTOR = "this leader has no reactor"


def _configuration(cli: CliContext) -> tuple[Verdict, str]:
    settings = within_model(cli.settings, cli.runtime.model())
    if settings.faults:
        return "FAIL", " ".join(settings.notices)
    if settings.warnings:
        return "WARN", " ".join(settings.warnings)
    return "OK", "files are readable and all values are valid"


def _identity(cli: CliContext) -> tuple[Verdict, str]:
    identity = cli.runtime.identity
    if not identity.leader_hostname:
        return "WARN", f"{identity.unit}, no leader is configured"
    return "OK", f"{identity.unit}, {'leader' if identity.is_leader else f'worker of {identity.leader_hostname}'}"


def _only_leads(cli: CliContext) -> bool:
    """Return whether this is a leader without a reactor."""
    identity = cli.runtime.identity
    return identity.is_leader and not identity.is_worker()


def _active(cli: CliContext) -> tuple[Verdict, str]:
    if _only_leads(cli):
        return "OK", "N/A"
    if cli.runtime.identity.is_active():
        return "OK", "active"
    return "WARN", "inactive: jobs do not start; activate it in the inventory"


def _model(cli: CliContext) -> tuple[Verdict, str]:
    if _only_leads(cli):
        return "OK", _NO_REACTOR
    model = cli.runtime.identity.model()
    return ("OK", " ".join(model)) if model is not None else ("WARN", "no reactor model is set")


def _hardware(cli: CliContext) -> tuple[Verdict, str]:
    if _only_leads(cli):
        return "OK", _NO_REACTOR
    rig = cli.runtime.open_rig()
    if not rig.is_hat_present():
        return "WARN", "no HAT"
    missing = rig.missing()
    return ("FAIL", f"no response from {', '.join(missing)}") if missing else ("OK", "all chips respond")


def _calibrations(cli: CliContext) -> tuple[Verdict, str]:
    """Check that active calibrations can be used, fit their data, and were made under the present conditions."""
    if _only_leads(cli):
        return "OK", _NO_REACTOR
    from pioreactor.calibrations import store
    from pioreactor.calibrations.conditions import differences
    from pioreactor.calibrations.judgment import judge

    runtime = cli.runtime
    unusable, doubtful, active = [], [], store.active_names(runtime)
    for device, name in sorted(active.items()):
        try:
            calibration = store.load_active(runtime, device)
        except CalibrationError as error:
            unusable.append(f"{device}: {error}.")
            continue
        if calibration is not None:
            doubts = [*judge(calibration).doubts, *differences(runtime, calibration)]
            doubtful += [f"{device} ({name}): {doubt}" for doubt in doubts]
    if unusable or doubtful:
        return "FAIL" if unusable else "WARN", " ".join([*unusable, *doubtful])
    return "OK", f"in use for {', '.join(sorted(active))}" if active else "none is in use"


def _estimators(cli: CliContext) -> tuple[Verdict, str]:
    """Check that active estimators can be used and read their own standards back."""
    from pioreactor.estimators import store
    from pioreactor.estimators.estimator_judgment import judge

    doubts, active = [], store.active_names(cli.runtime)
    for device, name in sorted(active.items()):
        estimator = store.load_active(cli.runtime, device)
        if estimator is not None:
            doubts += [f"{device} ({name}): {doubt}" for doubt in judge(estimator).doubts]
    if doubts:
        return "WARN", " ".join(doubts)
    return "OK", f"in use for {', '.join(sorted(active))}" if active else "none is in use"


def _plugins(cli: CliContext) -> tuple[Verdict, str]:
    """Check that the plugins of this unit can be imported."""
    from pioreactor.plugin_management.presence import are_there_plugins

    if not are_there_plugins(cli.paths.plugins, cli.environment):
        return "OK", "none"
    from pioreactor.plugin_management.listing import list_plugins

    found = list_plugins(cli.paths.plugins)
    faulty = [f"{each.name} is not in use: {each.note}" for each in found if each.state in ("disabled", "failed")]
    return ("WARN", "; ".join(faulty)) if faulty else ("OK", ", ".join(f"{each.name} {each.version}" for each in found))


def _i2c(cli: CliContext) -> tuple[Verdict, str]:
    if cli.settings.hardware.rig == "sim":
        return "OK", "simulated"
    if _only_leads(cli):
        return "OK", _NO_REACTOR
    bus = Path("/dev/i2c-1")
    return ("OK", str(bus)) if bus.exists() else ("FAIL", f"{bus} is missing: I²C is not enabled")


def _version(cli: CliContext) -> tuple[Verdict, str]:
    from pioreactor.cluster.pairing_protocol import are_too_far_apart

    leaders = _version_of_leader(cli)
    if leaders == __version__:
        return "OK", __version__
    cure = "update the older of the two (pio update app)"
    if are_too_far_apart(__version__, leaders):
        return "FAIL", f"{__version__}, the leader has {leaders}: more than one release apart; {cure}"
    return "WARN", f"{__version__}, the leader has {leaders}; {cure}"


def _version_of_leader(cli: CliContext) -> str:
    """Return the version of the leader; ours if it does not answer, which another check finds."""
    from pioreactor.http.units import decoded

    try:
        return decoded(cli.ask_leader("GET", "/unit_api/versions/app", timeout_s=3), dict[str, str])["version"]
    except (PioreactorError, KeyError):
        return __version__


def _ipv4(cli: CliContext) -> tuple[Verdict, str]:
    address = cli.runtime.computer.ipv4()
    return ("WARN", "no network") if address.startswith("127.") else ("OK", address)


def _mqtt(cli: CliContext) -> tuple[Verdict, str]:
    runtime, host = cli.runtime, cli.settings.broker_host
    connected = runtime.clock.signal()
    bus = runtime.buses.connect("pio-status")
    try:
        bus.on_connection(lambda is_up: connected.set() if is_up else None)
        if bus.is_connected() or connected.wait(_BROKER_PATIENCE_S):
            return "OK", f"connected to {host}"
        return "FAIL", f"the broker at {host} does not respond"
    finally:
        bus.close()


def _leader_api(cli: CliContext) -> tuple[Verdict, str]:
    cli.ask_leader("GET", "/api/workers", timeout_s=3)
    return "OK", cli.url_of(cli.settings.cluster.leader_hostname)


def _web(cli: CliContext) -> tuple[Verdict, str]:
    unit = cli.runtime.unit
    cli.check_page(unit, "/unit_api/health", timeout_s=3)
    return "OK", cli.url_of(unit)


def _jobs(cli: CliContext) -> tuple[Verdict, str]:
    names = sorted(record.job_name for record in cli.runtime.stores.jobs().running())
    if "monitor" not in names:
        return "WARN", f"monitor is not running; running: {', '.join(names) if names else 'nothing'}"
    return "OK", ", ".join(names)


def _logs(cli: CliContext) -> tuple[Verdict, str]:
    configured = cli.settings.logging.log_file
    path = Path(configured) if configured else cli.paths.log_file
    return _writable(path) if path.exists() else ("WARN", f"{path} does not exist yet")


def _database(cli: CliContext) -> tuple[Verdict, str]:
    if not cli.runtime.identity.is_leader:
        return "OK", "on the leader"
    return _writable(cli.database())


def _quarantine(cli: CliContext) -> tuple[Verdict, str]:
    if not cli.runtime.identity.is_leader:
        return "OK", "on the leader"
    import sqlite3

    path = cli.database()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            count = connection.execute("SELECT COUNT(*) FROM quarantined_rows").fetchone()[0]
    except sqlite3.Error as error:
        return "FAIL", f"{path} cannot be read: {error}"
    if count == 0:
        return "OK", "all records were stored"
    return "WARN", f"{count} records could not be stored; see: pio db quarantine list"


def _temporary_cache(cli: CliContext) -> tuple[Verdict, str]:
    cli.runtime.stores.volatile("leds").items()
    return "OK", str(cli.paths.volatile_store)


def _persistent_cache(cli: CliContext) -> tuple[Verdict, str]:
    cli.runtime.stores.persistent("bioreactor").items()
    return "OK", str(cli.paths.persistent_store)


def _journal(cli: CliContext) -> tuple[Verdict, str]:
    journal = cli.runtime.stores.journal()
    acknowledged = journal.acknowledged_seq()
    waiting = journal.last_seq() - acknowledged
    if waiting == 0:
        return "OK", "all data saved on the leader"
    oldest = journal.read(after_seq=acknowledged, limit=1)
    safe = f"safe up to {to_timestamp(oldest[0].recorded_at)}" if oldest else "safe up to the present"
    return "OK", f"{safe}; {waiting} entries not acknowledged by the leader yet"


def _clock(cli: CliContext) -> tuple[Verdict, str]:
    from pioreactor.cluster import chrony

    if not cli.runtime.computer.belongs_to_reactor:
        return "OK", "simulated"
    synchronized = cli.runtime.computer.is_clock_synchronized()
    if synchronized:
        return "OK", "follows a time server"
    if cli.runtime.identity.is_leader:
        problem = chrony.problem()
        return ("OK", "the leader's own time counts") if problem is None else ("WARN", problem)
    what = "follows no time server" if synchronized is False else "whether it is right is unknown"
    problem = chrony.problem()
    return "WARN", f"{what}: {problem if problem is not None else 'check that the leader is on, then: pio clock set'}"


def _data_root(cli: CliContext) -> tuple[Verdict, str]:
    path = cli.paths.dot_pioreactor
    return _writable(path) if path.exists() else ("FAIL", f"{path} is missing; create it with: pio repair")


def _disk(cli: CliContext) -> tuple[Verdict, str]:
    path = cli.paths.dot_pioreactor
    free_gb = shutil.disk_usage(path if path.exists() else "/").free / 1e9
    return ("OK" if free_gb >= _LITTLE_DISK_GB else "WARN"), f"{free_gb:.1f} GB free"


def _writable(path: Path) -> tuple[Verdict, str]:
    return ("OK", str(path)) if os.access(path, os.W_OK) else ("FAIL", f"{path} cannot be written")


_CHECKS: dict[str, _Check] = {
    "configuration": _configuration,
    "identity": _identity,
    "worker:active": _active,
    "model": _model,
    "hardware:model": _hardware,
    "hardware:i2c_bus1": _i2c,
    "calibrations": _calibrations,
    "estimators": _estimators,
    "version": _version,
    "plugins": _plugins,
    "connectivity:ipv4": _ipv4,
    "clock": _clock,
    "connectivity:mqtt": _mqtt,
    "connectivity:leader_api": _leader_api,
    "services:web": _web,
    "jobs:running": _jobs,
    "storage:logs": _logs,
    "storage:db": _database,
    "storage:quarantine": _quarantine,
    "storage:temporary_cache": _temporary_cache,
    "storage:persistent_cache": _persistent_cache,
    "storage:journal": _journal,
    "storage:dot_pioreactor": _data_root,
    "storage:disk": _disk,
}
