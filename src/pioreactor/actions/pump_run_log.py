"""Log of pump runs: what moved reaches the volume ledger even after a crash or a power cut."""

from __future__ import annotations

from typing import Protocol

import msgspec

from pioreactor import structs, topics
from pioreactor.actions import bioreactor
from pioreactor.devices.drivers.pwm import resource_of
from pioreactor.exc import ConfigurationError
from pioreactor.runtime.context import Runtime
from pioreactor.storage.ports import KeyValues

PERSISTENT = "pump_runs"
"""Role of a pump → its run, from before it starts until it is recorded in the ledger."""
VOLATILE = "pump_runs_since"
"""Role of a pump → when its run began [monotonic s]. Empty after a power cut, which ended the run."""
SWITCHED_OFF = "outputs_switched_off"
"""Pin → when the output guard switched it off [monotonic s]. Volatile."""
NOTED_EVERY_S = 1.0
"""Interval at which the progress of a run is stored: the uncertainty after a power cut."""
NOT_IN_BOOKS = "pump_calibration"


EXCHANGES = "open_exchanges"
"""Job → its exchange of liquid, from before `DosingStarted` is published until `DosingStopped` is."""


class Exchange(msgspec.Struct, frozen=True):
    """An exchange that has begun."""

    experiment: str
    requested: dict[str, float]


class DosingContext(Protocol):
    """Context for ledger entries: a job, or an action."""

    @property
    def runtime(self) -> Runtime: ...

    @property
    def unit(self) -> str: ...

    def publish(self, topic: str, payload: object, qos: int = 1, retain: bool = False) -> None: ...


class PumpRun(msgspec.Struct, frozen=True):
    """One run of a pump, and how much of it is recorded."""

    experiment: str
    event: str
    source_of_event: str
    ml_per_s: float
    ends_after_s: float | None
    """None for a run until stopped."""
    noted_s: float = 0.0
    """Run time that is recorded in the ledger [s]."""

    @property
    def adds_liquid(self) -> bool:
        return self.event.startswith("add_")


def start_run(context: DosingContext, role: str, run: PumpRun) -> None:
    """Store a run before its pump starts; raise `StorageError` when it cannot be stored and must not start.

    Call it as owner of the pump: an earlier run that is not yet recorded is recorded now.
    """
    runtime = context.runtime
    now_s = runtime.clock.monotonic()
    earlier = _take(runtime, role)
    if earlier is not None:
        _account(context, role, earlier, now_s)
    runtime.stores.persistent(PERSISTENT).set(role, msgspec.json.encode(run).decode())
    runtime.stores.volatile(VOLATILE).set(role, now_s)


def record_progress(runtime: Runtime, role: str, run: PumpRun, ran_s: float) -> None:
    """Store the run time [s] that is recorded in the ledger."""
    noted = msgspec.structs.replace(run, noted_s=ran_s)
    runtime.stores.persistent(PERSISTENT).set(role, msgspec.json.encode(noted).decode())


def finish_run(runtime: Runtime, role: str) -> None:
    """Remove a run that is complete and recorded."""
    runtime.stores.volatile(VOLATILE).pop(role)
    runtime.stores.persistent(PERSISTENT).pop(role)


def mark_stopped(runtime: Runtime, role: str) -> None:
    """Store that the pump stopped although the ledger could not be written."""
    mark_switched_off(runtime, runtime.open_rig().pin_of(role))


def mark_switched_off(runtime: Runtime, pin: int) -> None:
    """Store when an output was switched off on behalf of its owner."""
    runtime.stores.volatile(SWITCHED_OFF).set(pin, runtime.clock.monotonic())


def run_ends_at_s(runtime: Runtime, role: str) -> float | None:
    """Return when the stored run of a pump should end [monotonic s], None if unknown."""
    text = runtime.stores.persistent(PERSISTENT).get(role)
    since_s = _number(runtime.stores.volatile(VOLATILE), role)
    if not isinstance(text, str) or since_s is None:
        return None
    try:
        lasts_s = msgspec.json.decode(text, type=PumpRun).ends_after_s
    except msgspec.DecodeError:
        return None
    return None if lasts_s is None else since_s + lasts_s


def switched_off_at_s(runtime: Runtime, role: str, since_s: float) -> float | None:
    """Return when the output guard switched off a pump that turns since then, None if it did not [monotonic s]."""
    off_s = _number(runtime.stores.volatile(SWITCHED_OFF), runtime.open_rig().pin_of(role))
    return off_s if off_s is not None and off_s >= since_s else None


def account_interrupted_runs(context: DosingContext) -> list[str]:
    """Record interrupted runs of pumps without an owner; return a message for each."""
    runtime = context.runtime
    messages = []
    for role in [str(role) for role, _ in runtime.stores.persistent(PERSISTENT).items()]:
        if _has_owner(runtime, role):
            continue
        run = _take(runtime, role)
        if run is not None:
            messages.append(_account(context, role, run, runtime.clock.monotonic()))
    for job in [str(job) for job, _ in runtime.stores.persistent(EXCHANGES).items()]:
        if runtime.ownership.holder(f"job-{job}") is None:
            messages += close_interrupted_exchange(context, job)
    return messages


def begin_exchange(runtime: Runtime, job: str, experiment: str, requested: dict[str, float]) -> None:
    """Store that a job begins an exchange of volumes [mL], so that it is closed after a crash."""
    exchange = Exchange(experiment, requested)
    runtime.stores.persistent(EXCHANGES).set(job, msgspec.json.encode(exchange).decode())


def end_exchange(runtime: Runtime, job: str) -> None:
    """Remove an exchange whose end is published."""
    runtime.stores.persistent(EXCHANGES).pop(job)


def close_interrupted_exchange(context: DosingContext, job: str) -> list[str]:
    """Publish the end of an exchange that a job began and a crash interrupted; return a message if there was one.

    The volumes that moved are in the volume ledger: its dosing events are complete.
    """
    runtime = context.runtime
    text = runtime.stores.persistent(EXCHANGES).pop(job)
    try:
        exchange = msgspec.json.decode(text if isinstance(text, str) else b"", type=Exchange)
    except msgspec.DecodeError:
        return []
    event = structs.AutomationEvent(
        event_name="DosingStopped",
        message="interrupted",
        data={"requested": exchange.requested},
        timestamp=runtime.clock.now(),
    )
    topic = topics.setting(context.unit, exchange.experiment, job, "latest_event")
    context.publish(topic, event, qos=1, retain=True)
    volumes = ", ".join(f"{name.removesuffix('_ml')} {ml:g} mL" for name, ml in exchange.requested.items())
    return [f"An exchange of {job} ({volumes}) was interrupted; see the dosing events for what moved."]


def _has_owner(runtime: Runtime, role: str) -> bool:
    try:
        pin = runtime.open_rig().pin_of(role)
    except ConfigurationError:
        return False
    return runtime.ownership.holder(resource_of(pin)) is not None


def _take(runtime: Runtime, role: str) -> PumpRun | None:
    """Remove a stored run, so that it is recorded only once."""
    cache = runtime.stores.persistent(PERSISTENT)
    text = cache.pop(role)
    try:
        return msgspec.json.decode(text, type=PumpRun) if isinstance(text, str) else None
    except msgspec.DecodeError:
        return None


def _account(context: DosingContext, role: str, run: PumpRun, now_s: float) -> str:
    runtime = context.runtime
    more_s = _ran_s(runtime, role, run, now_s) - run.noted_s
    runtime.stores.volatile(VOLATILE).pop(role)
    change_ml = round(run.ml_per_s * more_s, 9)
    if change_ml > 0 and run.source_of_event != NOT_IN_BOOKS:
        now = runtime.clock.now()
        before = bioreactor.vial_state(runtime, run.experiment)
        after = bioreactor.record_dose(runtime, run.experiment, run.event, change_ml)
        bioreactor.publish_changes(context.publish, context.unit, run.experiment, after, before, at=now)
        event = structs.DosingEvent(
            volume_change=change_ml,
            event=run.event,
            source_of_event=run.source_of_event,
            timestamp=now,
        )
        context.publish(topics.event(context.unit, run.experiment, "dosing_events"), event, qos=1)
    return f"{run.event} was interrupted after about {run.noted_s + more_s:.1f} s; {change_ml:.3f} mL were recorded."


def _ran_s(runtime: Runtime, role: str, run: PumpRun, now_s: float) -> float:
    """Return how long the pump ran.

    After a power cut the end is known to `NOTED_EVERY_S`: what adds liquid counts as long, what removes it as short,
    so that the vial never holds more than recorded.
    """
    since_s = _number(runtime.stores.volatile(VOLATILE), role)
    if since_s is None:
        ran_s = run.noted_s + (NOTED_EVERY_S if run.adds_liquid else 0.0)
    else:
        ran_s = max(_end_s(runtime, role, since_s, now_s) - since_s, run.noted_s)
    return ran_s if run.ends_after_s is None else max(min(ran_s, run.ends_after_s), run.noted_s)


def _end_s(runtime: Runtime, role: str, since_s: float, now_s: float) -> float:
    """Return when the pump was switched off: by the output guard, or just now by its next owner."""
    try:
        off_s = switched_off_at_s(runtime, role, since_s)
    except ConfigurationError:
        return now_s
    return off_s if off_s is not None else now_s


def _number(cache: KeyValues, key: str | int) -> float | None:
    value = cache.get(key)
    return float(value) if isinstance(value, int | float) else None
