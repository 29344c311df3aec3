"""What the server does in the background, and what came of it: every id that was given out can be asked for."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal

import msgspec

from pioreactor.calibrations.sessions.actions import register_calibration_action as register_calibration_action
from pioreactor.exc import ConflictError, NotFoundError, PioreactorError
from pioreactor.web.problems import BusyError, Problem, of_error

KEPT_S = 3600.0
_MAX_KEPT = 2000
_MAX_WAITING = 200

TaskStatus = Literal["pending", "running", "succeeded", "failed"]


@dataclass(slots=True)
class Task:
    """One piece of work."""

    task_id: str
    name: str
    status: TaskStatus = "pending"
    result: Any = None
    problem: Problem | None = None
    ended_s: float | None = None


class Accepted(msgspec.Struct):
    """Where the result of a task will be (status 202)."""

    unit: str
    task_id: str
    result_url_path: str
    status: Literal["accepted"] = "accepted"


class TaskResult(msgspec.Struct, omit_defaults=True):
    """A task as it stands; `result` once it succeeded, `error`, `cause` and `remediation` once it failed."""

    task_id: str
    status: TaskStatus
    result: Any = None
    error: str | None = None
    error_status: int | None = None
    cause: str | None = None
    remediation: str | None = None


@dataclass
class Tasks:
    """Runs work on its own threads; results are kept for an hour, the oldest dropped first when there are many.

    A unit's own work and the leader's work of asking units take different threads, so that a leader that waits
    for itself is always answered.
    """

    unit: str
    threads: int = 4
    seconds: Callable[[], float] = monotonic
    _tasks: "OrderedDict[str, Task]" = field(default_factory=OrderedDict, init=False)
    _locks: set[str] = field(default_factory=set, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)
    _closing: threading.Event = field(default_factory=threading.Event, init=False)

    def __post_init__(self) -> None:
        self._pools = {
            "own": ThreadPoolExecutor(self.threads, thread_name_prefix="task"),
            "asking": ThreadPoolExecutor(2 * self.threads, thread_name_prefix="task-asking"),
        }

    def start(
        self,
        name: str,
        work: Callable[[], Any],
        *,
        pool: Literal["own", "asking"] = "own",
        lock: str | None = None,
    ) -> Accepted:
        """Begin the work and return where its result will be.

        `lock` names something only one task may do at a time (`ConflictError` otherwise); `BusyError` when too much
        waits already.
        """
        with self._guard:
            self._drop_old()
            if sum(task.ended_s is None for task in self._tasks.values()) >= _MAX_WAITING:
                raise BusyError("too much is waiting to be done")
            if lock is not None:
                if lock in self._locks:
                    raise ConflictError(f"{name}: this is going on already", remedy="Wait until it has ended.")
                self._locks.add(lock)
            task = Task(secrets.token_hex(16), name)
            self._tasks[task.task_id] = task
        try:
            self._pools[pool].submit(self._run, task, work, lock)
        except RuntimeError as error:
            raise BusyError("the server is stopping") from error
        return Accepted(self.unit, task.task_id, f"/unit_api/task_results/{task.task_id}")

    def find(self, task_id: str) -> TaskResult:
        """Return a task as it stands; `NotFoundError` for an id that was never given out, or was forgotten."""
        with self._guard:
            self._drop_old()
            task = self._tasks.get(task_id)
            if task is None:
                raise NotFoundError("there is no such task", remedy="Results are kept for an hour; ask again.")
            answer = TaskResult(task.task_id, task.status, task.result)
            if task.problem is not None:
                answer.error, answer.error_status = task.problem.error, task.problem.status
                answer.cause, answer.remediation = task.problem.cause, task.problem.remediation
            return answer

    def pause(self, duration_s: float) -> bool:
        """Wait; return True when the server stops and the work should end."""
        return self._closing.wait(duration_s)

    def close(self) -> None:
        """Start nothing more, and wait for what runs. Safe to call twice."""
        self._closing.set()
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, task: Task, work: Callable[[], Any], lock: str | None) -> None:
        task.status = "running"
        result, problem = None, None
        try:
            result = work()
        except PioreactorError as error:
            problem = of_error(error)
        except Exception as error:  # noqa: BLE001 - a task is an edge: whoever asks must hear what became of it
            problem = Problem(f"{task.name} failed: {error}", 500, type(error).__name__, "internal")
        with self._guard:
            task.result, task.problem = result, problem
            task.status = "succeeded" if problem is None else "failed"
            task.ended_s = self.seconds()
            if lock is not None:
                self._locks.discard(lock)

    def _drop_old(self) -> None:
        now = self.seconds()
        ended = [(task.ended_s, task.task_id) for task in self._tasks.values() if task.ended_s is not None]
        too_many = len(self._tasks) - _MAX_KEPT
        for index, (ended_s, task_id) in enumerate(sorted(ended)):
            if ended_s < now - KEPT_S or index < too_many:
                del self._tasks[task_id]
