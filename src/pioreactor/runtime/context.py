"""The ports of one unit as one frozen value, and how code that is passed none finds its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from pioreactor.clock.ports import Clock
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.messaging.ports import BusFactory
from pioreactor.models import ReactorModel
from pioreactor.storage.ports import ArtifactFiles, RecordSink, UnitStores

if TYPE_CHECKING:
    from pioreactor.alarms.channels import Channel
    from pioreactor.devices.cameras.ports import Camera
    from pioreactor.http.ports import HttpClient
    from pioreactor.identity.computer import Computer
    from pioreactor.identity.unit import UnitIdentity
    from pioreactor.notifiers.mqtt_notifier import PublishingBus
    from pioreactor.notifiers.ports import Notifier
    from pioreactor.settings.schema import Settings
    from pioreactor.storage.leader.alarms import AlarmDatabase
    from pioreactor.storage.paths import Paths


@dataclass(frozen=True)
class Runtime:
    """The ports of one unit. Only `bootstrap` knows which adapters implement them."""

    identity: UnitIdentity
    settings: Settings
    paths: Paths
    clock: Clock
    buses: BusFactory
    stores: UnitStores
    artifacts: ArtifactFiles
    ownership: Ownership
    open_rig: Callable[[], Rig]
    """Return the unit's rig, opened at first use and shared from then on."""
    model: Callable[[], ReactorModel]
    """Return the unit's reactor model, the 40 mL one when none was chosen."""
    computer: Computer
    pid: int
    open_camera: Callable[[], Camera]
    """Return the unit's camera; nothing is asked of it before it takes a picture."""
    job_source: str = "user"
    requested_by: str = ""
    """Name of the person who had the job started; empty where that is not known."""
    starts_sleeping: bool = False
    """True when jobs of this process start paused: resumed after a power failure, to be confirmed by a person."""
    is_resumed: bool = False
    """True when this process continues a job that was interrupted."""
    handles_signals: bool = False
    """True in a process of its own, whose jobs are stopped by SIGTERM and SIGINT."""
    refuses_faults: bool = False
    """True in a process of a job, which must not run on a default in place of a value that was skipped."""
    open_records: Callable[[], RecordSink] | None = None
    """Open the database for records; None on a unit that is not the leader."""
    open_alarms: Callable[[], AlarmDatabase] | None = None
    """Open the tables of alarms; None on a unit that is not the leader, and in virtual time."""
    open_notifier: Callable[[Channel, PublishingBus], Notifier] | None = None
    """Return the notifier of an alarm channel, with its secrets; MQTT goes over the bus. None in virtual time."""
    open_public_http: Callable[[], HttpClient] | None = None
    """Return the HTTP client for services outside of the cluster. None in virtual time."""
    launch_job: Callable[[Sequence[str], Mapping[str, str]], Callable[[], int | None]] | None = None
    """Start `pio run` with this argv, and these variables besides the present ones, as a process of its own.

    Return a function that polls its exit code (None while it runs). Raise `OSError`. None in virtual time.
    """
    log_file: Path | None = None
    console: TextIO | None = None
    """Where log lines are shown to a person, if anywhere."""

    @property
    def unit(self) -> str:
        return self.identity.unit

    @property
    def fork_server(self) -> Path | None:
        """Return the socket of the process that forks jobs; None where jobs are not to be forked."""
        return self.paths.fork_server if self.settings.jobs.use_fork_server else None

    def place(self, unit: str | None, experiment: str | None) -> tuple[str, str]:
        """Return unit and experiment; None stands for this unit, and for the experiment that it is assigned to.

        Raise `NotAssignedAnExperimentError` if there is none.
        """
        return (
            unit if unit is not None else self.unit,
            experiment if experiment is not None else str(self.identity.experiment()),
        )


DEFAULT_FACTORY: Final = "pioreactor.bootstrap:build_runtime"
"""What builds the runtime of a process that installed none, such as a plugin's script.

A name instead of an import: the composition root is above this package and imports it.
"""

_current: ContextVar[Runtime | None] = ContextVar("pioreactor_runtime", default=None)
_process_runtime: Runtime | None = None


def use(runtime: Runtime) -> None:
    """Make this the runtime of the current lane (or thread)."""
    _current.set(runtime)


@contextmanager
def using(runtime: Runtime) -> Iterator[Runtime]:
    """Make this the runtime of the calling code for a block."""
    token = _current.set(runtime)
    try:
        yield runtime
    finally:
        _current.reset(token)


def install(runtime: Runtime | None) -> None:
    """Make this the runtime of the whole process, for threads that have none of their own."""
    global _process_runtime
    _process_runtime = runtime


def current() -> Runtime:
    """Return the runtime of the current lane, else of the process, which is built at first use."""
    runtime = _current.get()
    if runtime is not None:
        return runtime
    if _process_runtime is None:
        install(_build_default())
    assert _process_runtime is not None
    return _process_runtime


def _build_default() -> Runtime:
    module, _, name = DEFAULT_FACTORY.partition(":")
    runtime = getattr(import_module(module), name)()
    assert isinstance(runtime, Runtime)
    return runtime
