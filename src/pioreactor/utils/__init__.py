"""Small things that plugins import, under their old names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pioreactor.jobs.managed_lifecycle import long_running_managed_lifecycle as long_running_managed_lifecycle
from pioreactor.jobs.managed_lifecycle import managed_lifecycle as managed_lifecycle
from pioreactor.public_names import load_on_access
from pioreactor.runtime.context import current
from pioreactor.utils.local_storage import local_intermittent_storage as local_intermittent_storage
from pioreactor.utils.local_storage import local_persistent_storage as local_persistent_storage

__getattr__ = load_on_access(
    __name__,
    {"JobManager": "pioreactor.utils.job_manager"},
    former={
        "local_persistant_storage": "local_persistent_storage",
        "publish_ready_to_disconnected_state": "managed_lifecycle",
    },
)


class SummableDict(dict[str, float]):
    """A dictionary whose missing keys are 0.0, and of which two add up."""

    def __missing__(self, key: str) -> float:
        return 0.0

    def __add__(self, other: dict[str, float]) -> SummableDict:
        return SummableDict({key: self[key] + other.get(key, 0.0) for key in {**self, **other}})


def clamp(minimum: float, x: float, maximum: float) -> float:
    return max(minimum, min(x, maximum))


def is_pio_job_running(*jobs: str | list[str]) -> Any:
    """Say whether a job (or action) runs on this unit; for several names, or a list, one answer each."""
    names = [name for job in jobs for name in ([job] if isinstance(job, str) else job)]
    registry = current().stores.jobs()
    answers = [bool(registry.running(job_name=name)) for name in names]
    return answers[0] if len(jobs) == 1 and isinstance(jobs[0], str) else answers


def boolean_retry(
    func: Callable[..., bool], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None,
    retries: int = 3, sleep_for: float = 0.25,
) -> bool:  # fmt: skip
    """Call until the answer is True, at most `retries` times."""
    for attempt in range(retries):
        if func(*args, **(kwargs if kwargs is not None else {})):
            return True
        if attempt < retries - 1:
            current().clock.sleep(sleep_for)
    return False
