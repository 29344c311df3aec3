"""What carrying out a profile asks of the cluster. Every call may raise `PioreactorError`, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Cluster(Protocol):
    """The workers of one experiment, as the leader reaches them."""

    def active_workers(self) -> list[str]:
        """Return the workers that are assigned to the experiment and active at present."""
        ...

    def start(
        self,
        unit: str,
        job: str,
        *,
        options: Mapping[str, Any],
        args: Sequence[str],
        overrides: Mapping[str, str],
    ) -> None:
        """Start a job, and return when it has started. `overrides` go to the section `<job>.config`."""
        ...

    def set(self, unit: str, job: str, settings: Mapping[str, Any]) -> None:
        """Change settings of a running job."""
        ...

    def stop(self, unit: str, job: str) -> None:
        """Stop a job, and return when it has ended."""
        ...

    def is_running(self, unit: str, job: str) -> bool:
        """Return whether a job runs."""
        ...

    def last_said(self, unit: str, job: str, setting: str) -> bytes | None:
        """Return what a job last published about a setting, None for nothing."""
        ...

    def log(self, unit: str, message: str, level: str) -> None:
        """Write into the experiment's log in the name of a unit."""
        ...

    def label(self, unit: str, label: str) -> None:
        """Name a unit for this experiment."""
        ...

    def stop_all_of(self, source: str, units: Sequence[str]) -> None:
        """Stop every job that was started with this `JOB_SOURCE`."""
        ...
