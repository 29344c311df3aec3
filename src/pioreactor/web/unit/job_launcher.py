"""Starts jobs as processes through the command line and detects those that fail at once."""

import fcntl
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import IO

from pioreactor import topics
from pioreactor.exc import PioreactorError
from pioreactor.messaging.ports import Bus, Message
from pioreactor.processes.forked_process import PioStarter, StartedProcess
from pioreactor.processes.launch import failure_of, inherited
from pioreactor.states import JobState
from pioreactor.web.problems import TooManyRequestsError
from pioreactor.web.request_bodies import OF_A_RUN, RunJob, Scalar, check_environment, job_name, option_name

REQUESTABLE = OF_A_RUN | {"HOSTNAME", "ACTIVE", "MODEL_NAME", "MODEL_VERSION", "REQUESTED_BY"}
"""Environment variables that a request of the leader may set; none of them is a path of a file."""

_START_TIMEOUT_S = 1.0
_READY_TIMEOUT_S = 15.0
_READY_POLL_S = 0.05

Readiness = Callable[[str], AbstractContextManager[Callable[[], bool]]]
"""Watches a job of that name; the function says whether one has become ready since."""


def watch_states(bus: Bus, unit: str) -> Readiness:
    """Return what tells by the states that jobs of a unit publish whether a job has become ready."""

    @contextmanager
    def watch(job: str) -> Iterator[Callable[[], bool]]:
        ready = threading.Event()

        def on_state(message: Message) -> None:
            if not message.retain and message.payload in (JobState.READY.encode(), JobState.SLEEPING.encode()):
                ready.set()

        # An action, of which several can run, publishes below its id.
        names = (job, f"{job}/+")
        subscriptions = [bus.subscribe(topics.state(unit, "+", name), on_state) for name in names]
        try:
            yield ready.is_set
        finally:
            for subscription in subscriptions:
                subscription.cancel()

    return watch


_DEBOUNCE_S = 1.0
_KEEP_STARTS_S = 60.0
_REAP_INTERVAL_S = 0.25
_MAX_OUTPUT_BYTES = 256 * 1024


class JobFailedError(PioreactorError):
    """A job exited with an error right after its start."""

    code = "job_failed"
    status = 409


@dataclass
class _Child:
    process: StartedProcess
    output: IO[bytes]


@dataclass
class JobLauncher:
    """Starts `command <options> <job> …` detached, with an environment of its own.

    Jobs outlive the server. While it runs, it reaps ended jobs, so that no zombie remains, and truncates their console
    output.
    """

    command: Sequence[str]
    """For example `pio_argv("run")`."""
    environment: Mapping[str, str]
    start: PioStarter = field(default_factory=lambda: PioStarter(None))
    seconds: Callable[[], float] = monotonic
    readiness: Readiness | None = None
    """None: a job that runs for 1 s has started."""
    _children: list[_Child] = field(default_factory=list, init=False)
    _started_at: dict[str, float] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _closing: threading.Event = field(default_factory=threading.Event, init=False)
    _reaper: threading.Thread | None = field(default=None, init=False)

    def debounce(self, request: str, *, within_s: float = _DEBOUNCE_S) -> None:
        """Raise `TooManyRequestsError` for a repeated request within a second, such as a double click.

        The first word of `request` is the name of what is started.
        """
        now = self.seconds()
        with self._lock:
            last = self._started_at.get(request)
            if last is not None and now - last < within_s:
                raise TooManyRequestsError(f"{request.partition(' ')[0]} was started less than {within_s:g} s ago")
            kept = {known: at for known, at in self._started_at.items() if now - at < _KEEP_STARTS_S}
            self._started_at = {**kept, request: now}

    def check(self, job: str, request: RunJob) -> None:
        """Raise `InvalidRequestError` for a request that cannot be run."""
        arguments_of(job, request)
        self._environment(request.env)

    def launch(self, job: str, request: RunJob) -> str:
        """Start the job; return "ok" once it is ready, has exited with 0, or runs for 15 s.

        Raise `JobFailedError` if it exits with an error before that.
        """
        if self.readiness is None:
            return self._launch(job, request, lambda process: process.wait(_START_TIMEOUT_S))
        with self.readiness(job) as is_ready:
            return self._launch(job, request, lambda process: self._until_ready(process, is_ready))

    def _until_ready(self, process: StartedProcess, is_ready: Callable[[], bool]) -> int:
        """Return the exit code of a process that ends; raise `TimeoutExpired` when it is ready, or after 15 s."""
        until = self.seconds() + _READY_TIMEOUT_S
        while not is_ready() and self.seconds() < until and not self._closing.is_set():
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_READY_POLL_S)
        return process.wait(0)

    def _launch(self, job: str, request: RunJob, wait: Callable[[StartedProcess], int]) -> str:
        arguments = [*self.command, *arguments_of(job, request)]
        output = tempfile.TemporaryFile(mode="w+b", buffering=0)  # noqa: SIM115 - stays open while the child writes
        fcntl.fcntl(output.fileno(), fcntl.F_SETFL, os.O_APPEND)
        try:
            process = self.start(arguments, self._environment(request.env), output)
        except (OSError, ValueError) as error:
            output.close()
            raise JobFailedError(f"{job} could not be started: {error}") from error
        child = _Child(process, output)
        try:
            code = wait(process)
        except subprocess.TimeoutExpired:
            self._keep(child)
            return "ok"
        with output:
            if code == 0:
                return "ok"
            raise _failure(job, code, output)

    def close(self) -> None:
        """Stop reaping; the jobs continue. Idempotent."""
        self._closing.set()
        reaper = self._reaper
        if reaper is not None:
            reaper.join()
        for child in self._children:
            child.output.close()
            child.process.returncode = child.process.returncode or 0  # it outlives the server and is not waited for
        self._children.clear()

    def _environment(self, requested: Mapping[str, str | None]) -> dict[str, str]:
        return {**inherited(self.environment), "REQUESTED_BY": "", **check_environment(requested, REQUESTABLE)}

    def _keep(self, child: _Child) -> None:
        with self._lock:
            self._children.append(child)
            if self._reaper is None and not self._closing.is_set():
                self._reaper = threading.Thread(target=self._reap, name="job-reaper", daemon=True)
                self._reaper.start()

    def _reap(self) -> None:
        while not self._closing.wait(_REAP_INTERVAL_S):
            with self._lock:
                ended = [child for child in self._children if child.process.poll() is not None]
                for child in ended:
                    child.output.close()
                    self._children.remove(child)
                for child in self._children:
                    if os.fstat(child.output.fileno()).st_size > _MAX_OUTPUT_BYTES:
                        os.ftruncate(child.output.fileno(), 0)
                if not self._children:
                    self._reaper = None
                    return


def arguments_of(job: str, request: RunJob) -> list[str]:
    """Return the arguments of `pio run`; raise `InvalidRequestError` for names that are none."""
    arguments = []
    for section, key, value in request.config_overrides:
        arguments += ["--config-override", section, key, "" if value is None else value]
    arguments.append(job_name(job))
    for argument in request.args:
        arguments.append(argument)
    for name, given in request.options.items():
        for single in given if isinstance(given, list) else [given]:
            arguments += _option(option_name(name), single)
    return arguments


def _option(name: str, value: Scalar) -> list[str]:
    flag = "--" + name.replace("_", "-")
    if value is None:
        return [flag]
    text = str(value)
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]


def _failure(job: str, code: int, output: IO[bytes]) -> JobFailedError:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - 4096))
    failure = failure_of(output.read(), code)
    return JobFailedError(f"{job} did not start: {failure.message}", remedy=failure.remedy)
