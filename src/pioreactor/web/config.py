"""Background tasks of plugins, with the interface of huey, for which they were written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Generic, ParamSpec, TypeVar

WORKERS = 4

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="plugin-task")


class Result(Generic[ResultT]):
    """Future result of a task."""

    def __init__(self, future: Future[ResultT]) -> None:
        self._future = future

    def get(self, blocking: bool = False, timeout: float | None = None) -> ResultT | None:
        """Return the result; None while it is pending and `blocking` is False."""
        return self._future.result(timeout) if blocking or self._future.done() else None

    __call__ = get


class TaskWrapper(Generic[ParametersT, ResultT]):
    """A function whose calls run in the background; `call_local` is the function itself."""

    def __init__(self, function: Callable[ParametersT, ResultT]) -> None:
        functools.update_wrapper(self, function)
        self.call_local = function

    def __call__(self, *args: ParametersT.args, **kwargs: ParametersT.kwargs) -> Result[ResultT]:
        """Start the function on a thread of the server and return at once."""
        return Result(_pool().submit(self.call_local, *args, **kwargs))


class Huey:
    """A task queue that runs decorated functions on threads of the server."""

    def task(
        self, **_ignored: object
    ) -> Callable[[Callable[ParametersT, ResultT]], Callable[ParametersT, Result[ResultT]]]:
        """Decorate a function: calling it returns at once, with a `Result`."""
        return TaskWrapper


huey = Huey()
