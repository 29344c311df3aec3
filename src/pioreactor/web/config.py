"""Background tasks of plugins, with the interface of huey, for which they were written."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any

WORKERS = 4


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, thread_name_prefix="plugin-task")


class Result:
    """Future result of a task."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def get(self, blocking: bool = False, timeout: float | None = None) -> Any:
        """Return the result; None while it is pending and `blocking` is False."""
        return self._future.result(timeout) if blocking or self._future.done() else None

    __call__ = get


class Huey:
    """A task queue that runs decorated functions on threads of the server."""

    def task(self, **_ignored: Any) -> Callable[[Callable[..., Any]], Callable[..., Result]]:
        """Decorate a function: calling it returns at once, with a `Result`."""

        def decorate(function: Callable[..., Any]) -> Callable[..., Result]:
            @functools.wraps(function)
            def call(*args: Any, **kwargs: Any) -> Result:
                return Result(_pool().submit(function, *args, **kwargs))

            call.call_local = function  # type: ignore[attr-defined]
            return call

        return decorate


huey = Huey()
