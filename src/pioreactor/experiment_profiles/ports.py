"""Interface of the cluster that a profile runs on. Every call may raise `PioreactorError` with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Cluster(Protocol):
    """Workers of one experiment, as reached from the leader."""

    def active_workers(self) -> list[str]:
        """Return the workers that are assigned to the experiment and active at present."""
        ...

    def start(
        self,
        unit: str,
        job: str,
        *,
        options: Mapping[str, object],
        args: Sequence[str],
        overrides: Mapping[str, str],
    ) -> None:
        """Start a job, and return when it has started. `overrides` go to the section `<job>.config`."""
        ...

    def set(self, unit: str, job: str, settings: Mapping[str, object]) -> None:
        """Change settings of a running job."""
        ...

    def stop(self, unit: str, job: str) -> None:
        """Stop a job, and return when it has ended."""
        ...

    def is_running(self, unit: str, job: str) -> bool:
        """Return whether a job runs."""
        ...

    def last_published(self, unit: str, job: str, setting: str) -> bytes | None:
        """Return the last published value of a setting, None if there is none."""
        ...

    def log(self, unit: str, message: str, level: str) -> None:
        """Write to the experiment's log on behalf of a unit."""
        ...

    def label(self, unit: str, label: str) -> None:
        """Set the label of a unit in this experiment."""
        ...

    def stop_jobs_of(self, source: str, units: Sequence[str]) -> None:
        """Stop every job that was started with this `JOB_SOURCE`."""
        ...
