"""Stops jobs by interrupting their processes, and looks which of them really ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pioreactor.storage.ports import JobRecord, JobRegistry

_LOOK_EVERY_S = 0.1
_FIRST_TO_STOP = ("add_", "remove_", "circulate_", "pump", "temperature", "stirring")
"""What moves liquid, heats or turns stops before what decides; LEDs stop last."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Which jobs ended, and which did not within the time allowed."""

    ended: tuple[JobRecord, ...]
    still_running: tuple[JobRecord, ...]
    not_allowed: tuple[JobRecord, ...] = ()
    """Those whose process belongs to another user."""


def interrupt(pid: int) -> None:
    """Ask a process to end as Ctrl-C does. Raise `ProcessLookupError` when it is gone, `PermissionError` if refused."""
    os.kill(pid, signal.SIGINT)


def stop(
    records: Sequence[JobRecord],
    registry: JobRegistry,
    *,
    pause: Callable[[float], bool],
    patience_s: float,
    interrupt: Callable[[int], None] = interrupt,
) -> Stopped:
    """Interrupt each process once, however many jobs it hosts, and wait until the jobs have ended.

    `pause` waits for so many seconds and returns True when waiting has become pointless.
    """
    asked: set[int] = set()
    refused: list[JobRecord] = []
    for record in sorted(records, key=_turn):
        # Looked up again: while others were asked, this process may have ended and its number gone to another.
        if record.pid in asked or not registry.running(job_id=record.job_id):
            continue
        try:
            interrupt(record.pid)
            asked.add(record.pid)
        except ProcessLookupError:
            continue
        except PermissionError:
            refused.append(record)
    wanted = {record.job_id for record in records} - {record.job_id for record in refused}
    living = _living(registry, wanted)
    for _ in range(round(patience_s / _LOOK_EVERY_S)):
        if not living or pause(_LOOK_EVERY_S):
            break
        living = _living(registry, wanted)
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
