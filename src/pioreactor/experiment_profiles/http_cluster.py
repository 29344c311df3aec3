"""The cluster of a profile's run over the leader's API and the broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NotRequired, Protocol, TypedDict
from urllib.parse import quote

from pioreactor import structs, topics
from pioreactor.clock.ports import Clock, Signal
from pioreactor.exc import ConflictError, PioreactorError, StoppedError
from pioreactor.http.fanout import RETRYABLE, UnitRefusedError
from pioreactor.http.units import decoded
from pioreactor.messaging.ports import Bus, Message
from pioreactor.types import UNIVERSAL_EXPERIMENT

MAX_ATTEMPTS = 4
RETRY_INTERVAL_S = 1.0
"""Between attempts [s]: a unit accepts one start of a job per second, and a worker may be booting."""
START_TIMEOUT_S = 30.0
RETAINED_TIMEOUT_S = 2.0
"""A retained message arrives at once if there is one [s]."""


class Ask(Protocol):
    """Sends a request to the leader's `/api`: `CliContext.ask_leader`."""

    def __call__(self, method: str, path: str, *, json: object = None, timeout_s: float = 10.0) -> object: ...


class _Worker(TypedDict):
    """A worker of the experiment."""

    pioreactor_unit: str
    is_active: bool | int


class _Reason(TypedDict, total=False):
    """Why a unit refused a request."""

    message: str
    remediation: str


class _Report(TypedDict):
    """What one unit did about a request."""

    ok: bool
    error: NotRequired[_Reason]
    retryable: NotRequired[bool]


class HttpCluster:
    """`Cluster` over the leader's API; published values of jobs come from the broker."""

    def __init__(
        self,
        ask_leader: Ask,
        ask_unit: Callable[[str, str, str, object], object],
        bus: Bus,
        clock: Clock,
        *,
        experiment: str,
        source: str,
        stop: Signal,
    ) -> None:
        """`ask_unit` takes a unit, a method, a path below `/unit_api`, and a body."""
        self._ask = ask_leader
        self._ask_unit = ask_unit
        self._bus = bus
        self._clock = clock
        self._experiment = experiment
        self._source = source
        self._stop = stop

    @property
    def _quoted_experiment(self) -> str:
        return quote(self._experiment, safe="")

    def active_workers(self) -> list[str]:
        rows = self._ask("GET", f"/api/experiments/{self._quoted_experiment}/workers")
        return [worker["pioreactor_unit"] for worker in decoded(rows, list[_Worker]) if worker["is_active"]]

    def start(
        self, unit: str, job: str, *, options: Mapping[str, object], args: Sequence[str], overrides: Mapping[str, str]
    ) -> None:
        body = {
            "options": dict(options),
            "args": list(args),
            "env": {"JOB_SOURCE": self._source},
            "config_overrides": [[f"{job}.config", key, value] for key, value in overrides.items()],
        }
        path = f"/api/workers/{unit}/jobs/run/job_name/{job}/experiments/{self._quoted_experiment}"
        for attempt in range(1, MAX_ATTEMPTS + 1):
            report = self._report_of(unit, "PATCH", path, body)
            if report["ok"]:
                return
            if attempt == MAX_ATTEMPTS or not report.get("retryable"):
                raise _refusal(report)
            if self._stop.wait(RETRY_INTERVAL_S):
                raise StoppedError("the profile was stopped")

    def _report_of(self, unit: str, method: str, path: str, body: object = None) -> _Report:
        """Send a request and return what the unit did about it; an answer without its report is a failure."""
        try:
            answer = self._ask(method, path, json=body, timeout_s=START_TIMEOUT_S)
        except UnitRefusedError as error:
            if error.kind != "task_failed":
                raise
            reason: _Reason = {"message": str(error)}
            if error.remedy is not None:
                reason["remediation"] = error.remedy
            return {"ok": False, "error": reason, "retryable": error.answered_status in RETRYABLE}
        report = decoded(answer, dict[str, _Report]).get(unit)
        if report is None:
            return {"ok": False, "error": {"message": f"the leader did not report what {unit} did"}}
        return report

    def set(self, unit: str, job: str, settings: Mapping[str, object]) -> None:
        path = f"/api/workers/{unit}/jobs/update/job_name/{job}/experiments/{self._quoted_experiment}"
        report = self._report_of(unit, "PATCH", path, {"settings": dict(settings)})
        if not report["ok"]:
            raise _refusal(report)

    def stop(self, unit: str, job: str) -> None:
        path = f"/api/workers/{unit}/jobs/stop/job_name/{job}/experiments/{self._quoted_experiment}"
        report = self._report_of(unit, "PATCH", path)
        if not report["ok"]:
            raise _refusal(report)

    def is_running(self, unit: str, job: str) -> bool:
        """Ask the unit; an unreachable one counts as running, so that a stop is retried."""
        try:
            return bool(self._ask_unit(unit, "GET", f"/unit_api/jobs/running/{job}", None))
        except PioreactorError as error:
            return error.code != "job_not_running" and error.status != 404

    def last_published(self, unit: str, job: str, setting: str) -> bytes | None:
        experiment = UNIVERSAL_EXPERIMENT if job == "monitor" else self._experiment
        received: list[bytes] = []
        arrived = self._clock.signal()

        def on_message(message: Message) -> None:
            received.append(message.payload)
            arrived.set()

        subscription = self._bus.subscribe(topics.setting(unit, experiment, job, setting.removeprefix("$")), on_message)
        arrived.wait(RETAINED_TIMEOUT_S)
        subscription.cancel()
        return received[-1] if received and received[-1] else None

    def log(self, unit: str, message: str, level: str) -> None:
        body = {
            "message": message,
            "level": level,
            "source": "experiment_profile",
            "source_": "app",
            "task": "experiment_profile",
            "timestamp": structs.to_timestamp(self._clock.now()),
        }
        self._ask("POST", f"/api/workers/{unit}/experiments/{self._quoted_experiment}/logs", json=body)

    def label(self, unit: str, label: str) -> None:
        self._ask(
            "PATCH", f"/api/experiments/{self._quoted_experiment}/unit_labels", json={"unit": unit, "label": label}
        )

    def stop_jobs_of(self, source: str, units: Sequence[str]) -> None:
        failed = []
        for unit in units:
            try:
                self._ask_unit(unit, "POST", "/unit_api/jobs/stop", {"job_source": source})
            except PioreactorError as error:
                if error.status != 404:
                    failed.append(f"{unit}: {error}")
        if failed:
            raise ConflictError("; ".join(failed), remedy="Stop them with pio kill on the unit.")


def _refusal(report: _Report) -> ConflictError:
    """Return the error with which a unit refused a request."""
    error = report.get("error", {})
    return ConflictError(error.get("message", "the unit gave no reason"), remedy=error.get("remediation"))
