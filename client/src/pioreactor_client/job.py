"""A job of a reactor: start and stop it, read and set what it publishes."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Generic, TypeVar, cast, overload

import msgspec

from pioreactor_client import answers
from pioreactor_client.answer_checks import converted
from pioreactor_client.api import Scalar
from pioreactor_client.errors import NotFoundError

if TYPE_CHECKING:
    from typing import Self

    from pioreactor_client.reactor import Reactor

T = TypeVar("T")
_START_TIMEOUT_S = 45.0
_CHANGE_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 60.0


class Published(Generic[T]):
    """A value that a job publishes while it runs; reading it asks the reactor."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, job: None, owner: type) -> Self: ...
    @overload
    def __get__(self, job: Job, owner: type) -> T: ...
    def __get__(self, job: Job | None, owner: type) -> T | Self:
        return self if job is None else cast(T, job.get(self._name))

    def __set__(self, job: Job, value: T) -> None:
        raise AttributeError(f"{self._name} of {job.name} is a measurement: it can be read, not set")


class Setting(Published[T]):
    """A value that can be set while the job runs; setting it waits until the job has accepted it, or raises."""

    def __set__(self, job: Job, value: T) -> None:
        job.set(**{self._name: cast(Scalar, value)})


class Job:
    """A job by its name. Its attributes ask the reactor each time; nothing is kept here."""

    __slots__ = ("_reactor", "name")

    def __init__(self, reactor: Reactor, name: str) -> None:
        self._reactor = reactor
        self.name = name

    def start(self, **options: Scalar) -> None:
        """Start it, with the options of `pio run`; return once it is ready.

        Raise `RefusedError` with the reason when it does not start, for example because it runs already.
        """
        given = {name: value for name, value in options.items() if value is not None}
        self._command("run", {"options": given}, timeout_s=_START_TIMEOUT_S)

    def stop(self) -> None:
        """Stop it, and return once it has ended; what does not run is left alone."""
        try:
            self._command("stop", None, timeout_s=_STOP_TIMEOUT_S)
        except NotFoundError:
            return

    def pause(self) -> None:
        """Let it sleep, with its outputs off."""
        self.set(**{"$state": "sleeping"})

    def resume(self) -> None:
        """Wake it up."""
        self.set(**{"$state": "ready"})

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return any(job.job_name == self.name for job in self._reactor.running_jobs())

    def set(self, **values: Scalar) -> None:
        """Set several values; raise `RefusedError` with the bounds for one that is not accepted."""
        self._command("update", {"settings": values}, timeout_s=_CHANGE_TIMEOUT_S)

    def get(self, setting: str) -> object:
        """Return one published value; raise `NotFoundError` when the job does not run or has none of that name."""
        values = self.settings()
        if setting not in values:
            raise NotFoundError(f"{self.name} publishes no {setting}", remedy=f"It has {', '.join(sorted(values))}.")
        return values[setting]

    def settings(self) -> Mapping[str, object]:
        """Return everything that it publishes now; raise `NotFoundError` when it does not run."""
        unit, experiment = self._reactor.name, self._reactor.experiment
        levels = ("api", "workers", unit, "jobs", "settings", "job_name", self.name, "experiments", experiment)
        found = self._reactor.api.ask_unit(unit, "GET", None, *levels, timeout_s=_CHANGE_TIMEOUT_S)
        return converted(found, answers.SettingsAnswer).settings

    def _command(self, verb: str, body: object, *, timeout_s: float) -> None:
        unit, experiment = self._reactor.name, self._reactor.experiment
        levels = ("api", "workers", unit, "jobs", verb, "job_name", self.name, "experiments", experiment)
        self._reactor.api.ask_unit(unit, "PATCH", body, *levels, timeout_s=timeout_s)

    def __repr__(self) -> str:
        return f"<{self.name} of {self._reactor.name}>"

    def _repr_html_(self) -> str:
        try:
            values = self.settings()
        except NotFoundError:
            return f"<b>{escape(self.name)}</b> of {escape(self._reactor.name)} is not running"
        rows = "".join(
            f"<tr><td>{escape(name)}</td><td>{escape(_text(value))}</td></tr>" for name, value in values.items()
        )
        return f"<b>{escape(self.name)}</b> of {escape(self._reactor.name)}<table>{rows}</table>"


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
