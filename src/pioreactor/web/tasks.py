"""Background tasks of the web server and their results."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal

import msgspec

from pioreactor.calibrations.sessions.actions import register_calibration_action as register_calibration_action
from pioreactor.exc import ConflictError, NotFoundError, PioreactorError
from pioreactor.web.problems import BusyError, Problem, of_error

RETENTION_S = 3600.0
_MAX_KEPT = 2000
_MAX_PENDING = 200

TaskStatus = Literal["pending", "running", "succeeded", "failed"]


class TaskFailedError(PioreactorError):
    """The work of a task failed, and its result says in what."""

    code = "task_failed"

    def __init__(self, message: str, *, status: int, remedy: str | None, result: object) -> None:
        super().__init__(message, remedy=remedy)
        self.status = status  # type: ignore[misc]  # that of the refusal
        self.result = result


@dataclass(slots=True)
class Task:
    """A task and its result."""

    task_id: str
    name: str
    status: TaskStatus = "pending"
    step: str = ""
    result: object = None
    problem: Problem | None = None
    ended_s: float | None = None


class Accepted(msgspec.Struct):
    """Where to poll for the result of a task (status 202)."""

    unit: str
    task_id: str
    result_url_path: str
    status: Literal["accepted"] = "accepted"


class TaskResult(msgspec.Struct, omit_defaults=True):
    """State of a task; `error`, `cause` and `remediation` once it failed, `result` once it ended."""

    task_id: str
    status: TaskStatus
    result: object = None
    step: str = ""
    """What it does now, or did last, where it says so."""
    error: str | None = None
    error_status: int | None = None
    error_code: str | None = None
    cause: str | None = None
    remediation: str | None = None


@dataclass
class Tasks:
    """Runs tasks on threads and keeps results for an hour, at most 2000.

    Requests of the leader to units use a separate pool: the leader is a unit too, and with one pool requests to itself
    could wait for threads that wait for them.
    """

    unit: str
    threads: int = 4
    seconds: Callable[[], float] = monotonic
    _tasks: "OrderedDict[str, Task]" = field(default_factory=OrderedDict, init=False)
    _locks: set[str] = field(default_factory=set, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)
    _closing: threading.Event = field(default_factory=threading.Event, init=False)
    _of_thread: threading.local = field(default_factory=threading.local, init=False)

    def __post_init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._pools = {
            "own": ThreadPoolExecutor(self.threads, thread_name_prefix="task"),
            "requests": ThreadPoolExecutor(2 * self.threads, thread_name_prefix="task-requests"),
        }

    def start(
        self,
        name: str,
        work: Callable[[], object],
        *,
        pool: Literal["own", "requests"] = "own",
        lock: str | None = None,
    ) -> Accepted:
        """Start a task and return where its result will be.

        Raise `ConflictError` while another task holds the same `lock`, and `BusyError` when too many are pending.
        """
        with self._guard:
            self._drop_old()
            if sum(task.ended_s is None for task in self._tasks.values()) >= _MAX_PENDING:
                raise BusyError("too many pending tasks")
            if lock is not None:
                if lock in self._locks:
                    raise ConflictError(f"{name}: already in progress", remedy="Wait until it has finished.")
                self._locks.add(lock)
            task = Task(secrets.token_hex(16), name)
            self._tasks[task.task_id] = task
        try:
            self._pools[pool].submit(self._run, task, work, lock)
        except RuntimeError as error:
            raise BusyError("the server is shutting down") from error
        return Accepted(self.unit, task.task_id, f"/unit_api/task_results/{task.task_id}")

    def find(self, task_id: str) -> TaskResult:
        """Return the state of a task; raise `NotFoundError` for an id that is unknown or expired."""
        with self._guard:
            self._drop_old()
            task = self._tasks.get(task_id)
            if task is None:
                raise NotFoundError(
                    "unknown task: the web server was restarted since, or it ended more than an hour ago",
                    remedy="Look at what it has done, and send the request again if it is not complete.",
                )
            answer = TaskResult(task.task_id, task.status, task.result, task.step)
            if task.problem is not None:
                answer.error, answer.error_status = task.problem.error, task.problem.status
                answer.error_code = task.problem.code
                answer.cause, answer.remediation = task.problem.cause, task.problem.remediation
            return answer

    def report(self, step: str) -> None:
        """Say what the task that calls this does now."""
        self._of_thread.task.step = step

    def pause(self, duration_s: float) -> bool:
        """Wait; return True when the server is shutting down and the task should end."""
        return self._closing.wait(duration_s)

    def run_until_closed(self, name: str, work: Callable[[Callable[[float], bool]], None]) -> None:
        """Call `work` with `pause` on a thread of this name; it returns once `pause` returns True."""
        thread = threading.Thread(target=work, args=(self.pause,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self) -> None:
        """Refuse new tasks and wait for what is running. Idempotent."""
        self._closing.set()
        for thread in self._threads:
            thread.join()
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def _run(self, task: Task, work: Callable[[], object], lock: str | None) -> None:
        task.status, self._of_thread.task = "running", task
        result, problem = None, None
        try:
            result = work()
        except TaskFailedError as error:
            result, problem = error.result, of_error(error)
        except PioreactorError as error:
            problem = of_error(error)
        except Exception as error:  # noqa: BLE001 - a task is an edge: its failure must reach the client
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
            if ended_s < now - RETENTION_S or index < too_many:
                del self._tasks[task_id]
