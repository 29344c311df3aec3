"""One reactor: its jobs, its measured quantities, its experiment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape

from pioreactor_client import answers
from pioreactor_client.answer_checks import converted
from pioreactor_client.api import Api
from pioreactor_client.built_in_jobs import BuiltInJobs
from pioreactor_client.errors import NotFoundError
from pioreactor_client.history import History
from pioreactor_client.job import Job
from pioreactor_client.quantities import QUANTITIES
from pioreactor_client.quantity import Point, Quantity

_ASK_TIMEOUT_S = 15.0


class Reactor(BuiltInJobs):
    """A reactor by its name. Built-in jobs are attributes; `job` finds those of plugins."""

    def __init__(self, api: Api, name: str) -> None:
        self.api = api
        self.name = name

    @property
    def experiment(self) -> str:
        """The experiment that it is assigned to; raise `NotFoundError` when it is in none."""
        found = self.api.get(answers.Assignment, "api", "workers", self.name, "experiment")
        if found.experiment is None:
            raise NotFoundError(f"{self.name} is not assigned to an experiment", remedy="Assign it to one.")
        return found.experiment

    def job(self, name: str) -> Job:
        """Return a job by its name, such as that of a plugin."""
        return Job(self, name)

    def running_jobs(self) -> list[answers.JobRow]:
        """Return the jobs that run."""
        levels = ("api", "workers", self.name, "jobs", "running")
        found = self.api.ask_unit(self.name, "GET", None, *levels, timeout_s=_ASK_TIMEOUT_S)
        return converted(found, list[answers.JobRow])

    def quantity(self, name: str) -> Quantity:
        """Return a measured quantity by its name (`od`, `growth_rate`, `temperature` …)."""
        spec = QUANTITIES.get(name)
        if spec is None:
            raise NotFoundError(f"there is no quantity {name!r}", remedy=f"One of {', '.join(sorted(QUANTITIES))}.")
        return Quantity(self, name, spec)

    @property
    def od(self) -> Quantity:
        """Optical density."""
        return self.quantity("od")

    @property
    def growth_rate(self) -> Quantity:
        """Implied growth rate [1/h]."""
        return self.quantity("growth_rate")

    @property
    def temperature(self) -> Quantity:
        """Temperature of the culture [°C]."""
        return self.quantity("temperature")

    def history(
        self, name: str, *, hours: float | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> History:
        """Return what was recorded of a quantity."""
        return self.quantity(name).history(hours=hours, since=since, until=until)

    def live(self, name: str, *, timeout_s: float = 120.0) -> Iterator[Point]:
        """Yield points of a quantity as they are measured."""
        return self.quantity(name).live(timeout_s=timeout_s)

    def stop(self) -> None:
        """Stop all jobs of the reactor's experiment on it, and return once they have ended."""
        levels = ("api", "workers", self.name, "jobs", "stop", "experiments", self.experiment)
        self.api.ask_unit(self.name, "PATCH", None, *levels, timeout_s=60.0)

    def __repr__(self) -> str:
        return f"<Reactor {self.name} at {self.api.transport.address}>"

    def _repr_html_(self) -> str:
        running = [job.job_name for job in self.running_jobs() if not job.is_long_running_job]
        try:
            experiment = self.experiment
        except NotFoundError:
            experiment = "no experiment"
        jobs = ", ".join(running) if running else "no jobs run"
        return f"<p><b>{escape(self.name)}</b> in {escape(experiment)}: {escape(jobs)}</p>"
