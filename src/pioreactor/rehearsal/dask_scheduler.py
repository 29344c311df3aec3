"""Runs of a rehearsal on a cluster of machines through Dask, an engine of its own that is installed as an extra."""

from __future__ import annotations

import pkgutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import msgspec

from pioreactor.exc import PioreactorError
from pioreactor.experiment_profiles.rehearsal_data import RunRecord
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan
from pioreactor.rehearsal.one_run import rehearse_once
from pioreactor.version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

    from pioreactor.processes.worker_pool import Progress

_CONNECT_TIMEOUT_S: Final = 10.0
_POLL_S: Final = 0.2
_VERSION: Final = "pioreactor.version:__version__"
_one_at_a_time = threading.Lock()
"""A run takes the standard output of its process; threads of a worker wait for one another."""


class RehearsalSchedulerError(PioreactorError):
    """The runs cannot be carried out by the scheduler that was named."""

    code = "rehearsal_scheduler"
    status = 409


class Dask:
    """Carries out the runs on the workers of a Dask scheduler at `address`, such as `tcp://big-machine:8786`.

    Runs of a worker that dies are carried out again by others. A run that was begun is finished by its worker also when
    the rehearsal ends early.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self, plan: RehearsalPlan, progress: Progress) -> Iterator[RunRecord]:
        with self._connected() as client:
            self._check_workers(client)
            encoded = msgspec.json.encode(plan)
            # Not pure: a result that the scheduler knows from before must not stand in for a run.
            waiting = {
                client.submit(_on_worker, encoded, number, __version__, pure=False) for number in range(plan.runs)
            }
            try:
                while waiting:
                    ended = {future for future in waiting if future.done()}
                    waiting -= ended
                    yield from map(self._record, ended)
                    if not progress(1.0 - len(waiting) / plan.runs):
                        return
                    _wait_for_any(waiting, client)
            finally:
                client.cancel(list(waiting))

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        """Connect; raise `RehearsalSchedulerError` saying what is wrong."""
        try:
            from distributed import Client
            from distributed.comm.addressing import get_address_host_port
        except ImportError as error:
            raise RehearsalSchedulerError(
                "runs on a scheduler need Dask, which is not installed here",
                remedy="Run `pip install 'pioreactor[dask]'` where this runs, or rehearse without a scheduler.",
            ) from error
        try:
            # Looked at first: a client whose scheduler is away takes seconds to end, and writes to the terminal.
            socket.create_connection(get_address_host_port(self.address, strict=True), _CONNECT_TIMEOUT_S).close()
            client = Client(self.address, timeout=_CONNECT_TIMEOUT_S, set_as_default=False)
        except ValueError as error:
            raise RehearsalSchedulerError(
                f"{self.address!r} is no address of a scheduler: {error}",
                remedy="Give one such as tcp://big-machine:8786.",
            ) from error
        except OSError as error:
            raise RehearsalSchedulerError(
                f"no scheduler answers at {self.address}: {error}",
                remedy="Run `dask scheduler` there, or rehearse without a scheduler.",
            ) from error
        with client:
            yield client

    def _check_workers(self, client: Client) -> None:
        """Raise `RehearsalSchedulerError` unless there are workers, each with this version of the software."""
        try:
            client.wait_for_workers(1, timeout=_CONNECT_TIMEOUT_S)
        except TimeoutError as error:
            raise RehearsalSchedulerError(
                f"the scheduler at {self.address} has no workers",
                remedy=f"Run `dask worker {self.address} --nthreads 1` for each core of each machine.",
            ) from error
        # A function of the standard library: a worker without this software could not import one of ours.
        check_versions(client.run(pkgutil.resolve_name, _VERSION, on_error="return"))

    def _record(self, future: Future) -> RunRecord:
        if future.cancelled():
            raise RehearsalSchedulerError(
                f"the scheduler at {self.address} went away before all runs had ended",
                remedy="Start it and its workers again, or rehearse without a scheduler.",
            )
        try:
            record = future.result()
        except Exception as error:
            raise RehearsalSchedulerError(
                f"a run could not be carried out by {self.address}: {type(error).__name__}: {error}",
                remedy="See the logs of the scheduler and of its workers, such as whether memory was short.",
            ) from error
        assert isinstance(record, RunRecord)
        return record


def check_versions(found: Mapping[str, object]) -> None:
    """Raise `RehearsalSchedulerError` if a worker (address → version, or what kept it from answering) has another."""
    others = {worker: version for worker, version in found.items() if version != __version__}
    for worker, version in sorted(others.items()):
        has = version if isinstance(version, str) else f"none that can be imported ({version})"
        raise RehearsalSchedulerError(
            f"the worker {worker} has another version of this software than {__version__}: {has}",
            remedy=f"Install the same one in its environment: `pip install pioreactor=={__version__}`.",
        )


def _on_worker(plan: bytes, number: int, version: str) -> RunRecord:
    """Carry out one run in a worker, also in one that joined after the versions were compared."""
    check_versions({"this worker": version})
    with _one_at_a_time:
        return rehearse_once(msgspec.json.decode(plan, type=RehearsalPlan), number, lambda: True)


def _wait_for_any(futures: set[Future], client: Client) -> None:
    from distributed import wait
    from distributed.client import FuturesCancelledError

    if futures:
        with suppress(TimeoutError, FuturesCancelledError), client.as_current():
            wait(futures, timeout=_POLL_S, return_when="FIRST_COMPLETED")
