"""Stops jobs by interrupting their processes, and looks which of them really ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pioreactor.clock.ports import Clock
from pioreactor.storage.ports import JobRecord, JobRegistry

PATIENCE_S = 10.0
_LOOK_EVERY_S = 0.1
_FIRST_TO_STOP = ("add_", "remove_", "circulate_", "pump", "temperature", "stirring")
"""What moves liquid, heats or turns stops before what decides; LEDs stop last."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Which jobs ended, and which did not within the time allowed."""

    ended: tuple[JobRecord, ...]
    still_running: tuple[JobRecord, ...]
    not_allowed: tuple[JobRecord, ...] = ()


def stop(
    records: Sequence[JobRecord],
    registry: JobRegistry,
    *,
    clock: Clock,
    interrupt: Callable[[int], None],
    patience_s: float = PATIENCE_S,
) -> Stopped:
    """Interrupt each process once, however many jobs it hosts, and wait until the jobs have ended."""
    asked: set[int] = set()
    refused: list[JobRecord] = []
    for record in sorted(records, key=_turn):
        # looked up again: while others were asked, this process may have ended and its number gone to another
        if record.pid in asked or not registry.running(job_id=record.job_id):
            continue
        try:
            interrupt(record.pid)
            asked.add(record.pid)
        except ProcessLookupError:
            continue
        except PermissionError:
            refused.append(record)
    until = clock.monotonic() + patience_s
    wanted = {record.job_id for record in records} - {record.job_id for record in refused}
    while (living := _living(registry, wanted)) and clock.monotonic() < until:
        clock.sleep(_LOOK_EVERY_S)
    gone = [record for record in records if record.job_id in wanted - living]
    slow = [record for record in records if record.job_id in living]
    return Stopped(tuple(gone), tuple(slow), tuple(refused))


def _living(registry: JobRegistry, wanted: set[int]) -> set[int]:
    return {record.job_id for record in registry.running()} & wanted


def _turn(record: JobRecord) -> tuple[int, int]:
    name = record.job_name
    if name.startswith("led_"):
        return 2, record.job_id
    return (0 if any(part in name for part in _FIRST_TO_STOP) else 1), record.job_id
