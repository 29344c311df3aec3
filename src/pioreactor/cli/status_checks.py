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
class Result:
    """What a check found; `remedy` says what to do about a warning or a failure."""

    verdict: Verdict
    details: str
    remedy: str | None = None

    def __post_init__(self) -> None:
        if (self.verdict == "OK") != (self.remedy is None):
            raise ValueError(f"{self.details!r}: a finding, and only a finding, needs a remedy")


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    verdict: Verdict
    details: str
    remedy: str | None = None
    """What to do about it; None where all is well."""


_Check = Callable[[CliContext], Result]


def run_checks(cli: CliContext) -> Iterator[Finding]:
    """Run all checks in order; a check that raises an error has failed."""
    for name, look in _CHECKS.items():
        try:
            result = look(cli)
        except (PioreactorError, OSError) as error:
            remedy = error.remedy if isinstance(error, PioreactorError) else None
            result = _fail(str(error), remedy if remedy is not None else _READ_LOG)
        yield Finding(name, result.verdict, result.details, result.remedy)


_READ_LOG = "Read the end of the log (pio logs), then run: pio repair"


def _ok(details: str) -> Result:
    return Result("OK", details)


def _warn(details: str, remedy: str) -> Result:
    return Result("WARN", details, remedy)


def _fail(details: str, remedy: str) -> Result:
    return Result("FAIL", details, remedy)


def worst(findings: list[Finding]) -> Verdict:
    return max((finding.verdict for finding in findings), key=_ORDER.index, default="OK")


_NO_REACTOR = "this leader has no reactor"


_CORRECT = "Correct it on the page Configuration, or with: pio config set SECTION KEY VALUE --specific (or --shared)"


def _configuration(cli: CliContext) -> Result:
    settings = within_model(cli.settings, cli.runtime.model())
    if settings.faults:
        return _fail(" ".join(settings.notices), _CORRECT)
    if settings.warnings:
        return _warn(" ".join(settings.warnings), _CORRECT)
    return _ok("files are readable and all values are valid")


def _identity(cli: CliContext) -> Result:
    identity = cli.runtime.identity
    if not identity.leader_hostname:
        return _warn(
            f"{identity.unit}, no leader is configured", "Run pio cluster join here, or pio cluster init for a leader."
        )
    return _ok(f"{identity.unit}, {'leader' if identity.is_leader else f'worker of {identity.leader_hostname}'}")


def _only_leads(cli: CliContext) -> bool:
    """Return whether this is a leader without a reactor."""
    identity = cli.runtime.identity
    return identity.is_leader and not identity.is_worker()


def _active(cli: CliContext) -> Result:
    if _only_leads(cli):
        return _ok("N/A")
    if cli.runtime.identity.is_active():
        return _ok("active")
    return _warn("inactive: jobs do not start", "Activate it on the page Inventory.")


def _model(cli: CliContext) -> Result:
    if _only_leads(cli):
        return _ok(_NO_REACTOR)
    model = cli.runtime.identity.model()
    return _ok(" ".join(model)) if model is not None else _warn("no reactor model is set", "Set it: pio model set")


def _hardware(cli: CliContext) -> Result:
    if _only_leads(cli):
        return _ok(_NO_REACTOR)
    rig = cli.runtime.open_rig()
    if not rig.is_hat_present():
        return _warn("no HAT", "Switch the unit off, and press the HAT onto all pins of the Raspberry Pi.")
    missing = rig.missing()
    if missing:
        return _fail(
            f"no response from {', '.join(missing)}",
            "Switch the unit off and check plugs and HAT; check that the model is right: pio model get",
        )
    return _ok("all chips respond")


def _calibrations(cli: CliContext) -> Result:
    """Check that active calibrations can be used, fit their data, and were made under the present conditions."""
    if _only_leads(cli):
        return _ok(_NO_REACTOR)
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
        tell, said = (_fail if unusable else _warn), " ".join([*unusable, *doubtful])
        return tell(said, "Calibrate anew, or set another calibration active: pio calibrations set-active")
    return _ok(f"in use for {', '.join(sorted(active))}" if active else "none is in use")


def _estimators(cli: CliContext) -> Result:
    """Check that active estimators can be used and read their own standards back."""
    from pioreactor.estimators import store
    from pioreactor.estimators.estimator_judgment import judge

    doubts, active = [], store.active_names(cli.runtime)
    for device, name in sorted(active.items()):
        estimator = store.load_active(cli.runtime, device)
        if estimator is not None:
            doubts += [f"{device} ({name}): {doubt}" for doubt in judge(estimator).doubts]
    if doubts:
        return _warn(
            " ".join(doubts), "Make it anew from fresh standards, or set another active: pio estimators set-active"
        )
    return _ok(f"in use for {', '.join(sorted(active))}" if active else "none is in use")


def _plugins(cli: CliContext) -> Result:
    """Check that the plugins of this unit can be imported."""
    from pioreactor.plugin_management.presence import are_there_plugins

    if not are_there_plugins(cli.paths.plugins, cli.environment):
        return _ok("none")
    from pioreactor.plugin_management.listing import list_plugins

    found = list_plugins(cli.paths.plugins)
    faulty = [f"{each.name} is not in use: {each.note}" for each in found if each.state in ("disabled", "failed")]
    if faulty:
        return _warn("; ".join(faulty), "Update or uninstall it: pio plugins update NAME, pio plugins uninstall NAME")
    return _ok(", ".join(f"{each.name} {each.version}" for each in found))


def _i2c(cli: CliContext) -> Result:
    if cli.settings.hardware.rig == "sim":
        return _ok("simulated")
    if _only_leads(cli):
        return _ok(_NO_REACTOR)
    bus = Path("/dev/i2c-1")
    if bus.exists():
        return _ok(str(bus))
    return _fail(f"{bus} is missing: I²C is not enabled", "Run sudo raspi-config nonint do_i2c 0, then reboot.")


def _version(cli: CliContext) -> Result:
    from pioreactor.cluster.pairing_protocol import are_too_far_apart

    leaders = _version_of_leader(cli)
    if leaders == __version__:
        return _ok(__version__)
    remedy = "Update the older of the two: pio update app"
    if are_too_far_apart(__version__, leaders):
        return _fail(f"{__version__}, the leader has {leaders}: more than one release apart", remedy)
    return _warn(f"{__version__}, the leader has {leaders}", remedy)


def _version_of_leader(cli: CliContext) -> str:
    """Return the version of the leader; ours if it does not answer, which another check finds."""
    from pioreactor.http.units import decoded

    try:
        return decoded(cli.ask_leader("GET", "/unit_api/versions/app", timeout_s=3), dict[str, str])["version"]
    except (PioreactorError, KeyError):
        return __version__


def _certificates(cli: CliContext) -> Result:
    """Check that the certificates of this unit do not expire soon."""
    if not cli.paths.authority.exists():
        return _ok("none: this unit serves no HTTPS")
    from pioreactor.cluster.certificate_renewal import CURE, certificates_of

    now, found = cli.runtime.clock.now(), certificates_of(cli.paths)
    said = ", ".join(f"{one.name} until {one.expires_at:%Y-%m-%d}" for one in found)
    if not any(one.is_ending(now) for one in found):
        return _ok(said)
    has_expired = any(one.expires_at <= now for one in found)
    return (_fail if has_expired else _warn)(said, CURE)


def _ipv4(cli: CliContext) -> Result:
    address = cli.runtime.computer.ipv4()
    if address.startswith("127."):
        return _warn("no network", "Check the network cable, or the Wi-Fi (nmcli device status).")
    return _ok(address)


def _mqtt(cli: CliContext) -> Result:
    runtime, host = cli.runtime, cli.settings.broker_host
    connected = runtime.clock.signal()
    bus = runtime.buses.connect("pio-status")
    try:
        bus.on_connection(lambda is_up: connected.set() if is_up else None)
        if bus.is_connected() or connected.wait(_BROKER_PATIENCE_S):
            return _ok(f"connected to {host}")
        return _fail(
            f"the broker at {host} does not respond",
            "Check [mqtt] broker_address, and that the leader is on; there: systemctl status pioreactor-broker",
        )
    finally:
        bus.close()


def _leader_api(cli: CliContext) -> Result:
    cli.ask_leader("GET", "/api/workers", timeout_s=3)
    return _ok(cli.url_of(cli.settings.cluster.leader_hostname))


def _web(cli: CliContext) -> Result:
    unit = cli.runtime.unit
    cli.check_page(unit, "/unit_api/health", timeout_s=3)
    return _ok(cli.url_of(unit))


def _jobs(cli: CliContext) -> Result:
    names = sorted(record.job_name for record in cli.runtime.stores.jobs().running())
    if "monitor" not in names:
        return _warn(
            f"monitor is not running; running: {', '.join(names) if names else 'nothing'}",
            "Start what runs from boot: systemctl start pioreactor.target; without systemd: pio cluster run",
        )
    return _ok(", ".join(names))


def _logs(cli: CliContext) -> Result:
    configured = cli.settings.logging.log_file
    path = Path(configured) if configured else cli.paths.log_file
    if path.exists():
        return _writable(path)
    return _warn(f"{path} does not exist yet", "The first job that logs makes it; if none can: pio repair")


def _database(cli: CliContext) -> Result:
    if not cli.runtime.identity.is_leader:
        return _ok("on the leader")
    return _writable(cli.database())


def _quarantine(cli: CliContext) -> Result:
    if not cli.runtime.identity.is_leader:
        return _ok("on the leader")
    import sqlite3

    path = cli.database()
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            count = connection.execute("SELECT COUNT(*) FROM quarantined_rows").fetchone()[0]
    except sqlite3.Error as error:
        return _fail(f"{path} cannot be read: {error}", "Restore a backup: pio backups list, pio backups restore")
    if count == 0:
        return _ok("all records were stored")
    return _warn(f"{count} records could not be stored", "See why, and store them: pio db quarantine list, … retry")


def _temporary_cache(cli: CliContext) -> Result:
    cli.runtime.stores.volatile("leds").items()
    return _ok(str(cli.paths.volatile_store))


def _persistent_cache(cli: CliContext) -> Result:
    cli.runtime.stores.persistent("bioreactor").items()
    return _ok(str(cli.paths.persistent_store))


def _journal(cli: CliContext) -> Result:
    journal = cli.runtime.stores.journal()
    acknowledged = journal.acknowledged_seq()
    waiting = journal.last_seq() - acknowledged
    if waiting == 0:
        return _ok("all data saved on the leader")
    oldest = journal.read(after_seq=acknowledged, limit=1)
    safe = f"safe up to {to_timestamp(oldest[0].recorded_at)}" if oldest else "safe up to the present"
    return _ok(f"{safe}; {waiting} entries not acknowledged by the leader yet")


def _clock(cli: CliContext) -> Result:
    from pioreactor.cluster import chrony

    if not cli.runtime.computer.belongs_to_reactor:
        return _ok("simulated")
    synchronized = cli.runtime.computer.is_clock_synchronized()
    if synchronized:
        return _ok("follows a time server")
    problem = chrony.problem()
    if cli.runtime.identity.is_leader:
        return _ok("the leader's own time counts") if problem is None else _warn(*problem)
    what = "follows no time server" if synchronized is False else "whether it is right is unknown"
    if problem is None:
        return _warn(what, "Check that the leader is on, then: pio clock set")
    return _warn(f"{what}: {problem[0]}", problem[1])


def _data_root(cli: CliContext) -> Result:
    path = cli.paths.dot_pioreactor
    return _writable(path) if path.exists() else _fail(f"{path} is missing", "Create it: pio repair")


def _disk(cli: CliContext) -> Result:
    path = cli.paths.dot_pioreactor
    free_gb = shutil.disk_usage(path if path.exists() else "/").free / 1e9
    said = f"{free_gb:.1f} GB free"
    return (
        _ok(said)
        if free_gb >= _LITTLE_DISK_GB
        else _warn(said, "Export and delete old experiments, stills and backups.")
    )


def _writable(path: Path) -> Result:
    return (
        _ok(str(path))
        if os.access(path, os.W_OK)
        else _fail(f"{path} cannot be written", "Repair its rights: pio repair")
    )


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
    "certificates": _certificates,
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
