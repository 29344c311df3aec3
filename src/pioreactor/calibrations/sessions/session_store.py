"""Where sessions are kept: they outlive a restart, and only one driver at a time moves one on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from pioreactor.calibrations.sessions.payloads import CalibrationSession, Values
from pioreactor.exc import ConflictError, NotFoundError, StorageError
from pioreactor.runtime.context import Runtime
from pioreactor.storage.ports import KeyValues

SESSIONS = "calibration_sessions"
HISTORY = "calibration_session_history"
LEASES = "calibration_session_leases"
LEASE_S = 120.0
"""A driver that does nothing for so long may be relieved without being asked."""
BUSY_S = 330.0
"""The longest that one step may move hardware before its driver counts as dead."""
MAX_ENDED = 50
MAX_UNDO = 100


class SessionInUseError(ConflictError):
    """Another person or program drives this session."""

    code = "session_in_use"
    remedy = "Wait until they are done, or take the session over."


class Lease(msgspec.Struct):
    """Who drives a session, and until when [s, unix time]."""

    driver: str
    expires_at_s: float
    busy: bool = False


class Snapshot(msgspec.Struct):
    """Where a session was before a step."""

    step_id: str
    data: Values


def save(runtime: Runtime, session: CalibrationSession) -> None:
    runtime.stores.persistent(SESSIONS).set(session.session_id, msgspec.json.encode(session).decode())


def load(runtime: Runtime, session_id: str) -> CalibrationSession:
    """Return a session; raise `NotFoundError` for an unknown id, `StorageError` for a damaged record."""
    text = runtime.stores.persistent(SESSIONS).get(session_id)
    if text is None:
        raise NotFoundError(
            f"{runtime.unit} has no calibration session {session_id}", remedy="Start one, or list those there are."
        )
    try:
        return msgspec.json.decode(_text(text), type=CalibrationSession)
    except msgspec.DecodeError as error:
        raise StorageError(f"the calibration session {session_id} cannot be read: {error}") from error


def all_sessions(runtime: Runtime) -> list[CalibrationSession]:
    """Return every session, the latest first; damaged records are skipped (`load` raises the reason)."""
    found = []
    for key, _ in runtime.stores.persistent(SESSIONS).items():
        try:
            found.append(load(runtime, str(key)))
        except (NotFoundError, StorageError):
            continue
    return sorted(found, key=lambda session: session.updated_at, reverse=True)


def latest_unfinished(runtime: Runtime, device: str, protocol_name: str | None = None) -> CalibrationSession | None:
    """Return the most recent unfinished session of a device, None when there is none."""
    for session in all_sessions(runtime):
        fits = session.target_device == device and protocol_name in (None, session.protocol_name)
        if fits and session.status == "in_progress":
            return session
    return None


def forget_old(runtime: Runtime) -> None:
    """Drop all but the newest sessions that have ended."""
    ended = [session for session in all_sessions(runtime) if session.status != "in_progress"]
    for session in ended[MAX_ENDED:]:
        runtime.stores.persistent(SESSIONS).pop(session.session_id)
        runtime.stores.persistent(HISTORY).pop(session.session_id)


# ---- undo ----------------------------------------------------------------------------------------------------


def remember(runtime: Runtime, session_id: str, snapshot: Snapshot) -> None:
    history = [*_history(runtime, session_id), snapshot][-MAX_UNDO:]
    runtime.stores.persistent(HISTORY).set(session_id, msgspec.json.encode(history).decode())


def take_back(runtime: Runtime, session_id: str) -> Snapshot | None:
    """Return the newest snapshot and forget it; None when there is none."""
    history = _history(runtime, session_id)
    if not history:
        return None
    last = history.pop()
    runtime.stores.persistent(HISTORY).set(session_id, msgspec.json.encode(history).decode())
    return last


def _history(runtime: Runtime, session_id: str) -> list[Snapshot]:
    text = runtime.stores.persistent(HISTORY).get(session_id)
    return [] if text is None else msgspec.json.decode(_text(text), type=list[Snapshot])


# ---- one driver at a time ------------------------------------------------------------------------------------


@contextmanager
def driving(runtime: Runtime, session_id: str, driver: str, *, take_over: bool = False) -> Iterator[None]:
    """Be the one that moves a session on, for the block and `LEASE_S` after it.

    Raise `SessionInUseError` when another driver was active less than `LEASE_S` ago (unless it is taken over), or
    while any driver, ourselves included, is in the middle of a step.
    """
    claim(runtime, session_id, driver, take_over=take_over, busy=True)
    try:
        yield
    finally:
        _set(runtime.stores.volatile(LEASES), session_id, Lease(driver, _now_s(runtime) + _lease_s(runtime)))


def claim(runtime: Runtime, session_id: str, driver: str, *, take_over: bool = False, busy: bool = False) -> None:
    """Take the lease of a session for a while; raise `SessionInUseError` as `driving` does."""
    now_s = _now_s(runtime)
    with runtime.stores.volatile(LEASES).transaction() as leases:
        lease = _lease(leases, session_id)
        if lease is not None and lease.expires_at_s > now_s:
            if lease.busy:
                raise SessionInUseError(f"a step of this session is being carried out for {lease.driver}")
            if lease.driver != driver and not take_over:
                raise SessionInUseError(f"{lease.driver} drives this session")
        _set(leases, session_id, Lease(driver, now_s + (BUSY_S if busy else _lease_s(runtime)), busy))


def driver_of(runtime: Runtime, session_id: str) -> str | None:
    """Return the current driver of a session, None without one."""
    lease = _lease(runtime.stores.volatile(LEASES), session_id)
    return lease.driver if lease is not None and lease.expires_at_s > _now_s(runtime) else None


def release(runtime: Runtime, session_id: str) -> None:
    runtime.stores.volatile(LEASES).pop(session_id)


def _lease(leases: KeyValues, session_id: str) -> Lease | None:
    text = leases.get(session_id)
    return None if text is None else msgspec.json.decode(_text(text), type=Lease)


def _set(leases: KeyValues, session_id: str, lease: Lease) -> None:
    leases.set(session_id, msgspec.json.encode(lease).decode())


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _lease_s(runtime: Runtime) -> float:
    """People are no faster where a simulated cluster's clock is."""
    return LEASE_S * float(getattr(runtime.clock, "speed", 1.0))


def _now_s(runtime: Runtime) -> float:
    return runtime.clock.now().timestamp()
