"""Registration of a running job or action: a reserved name, a row in the registry, a connection and a logger."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from pioreactor import structs, topics
from pioreactor.exc import ActuatorInUseError, JobPresentError, StorageError
from pioreactor.jobs.payloads import encode_payload
from pioreactor.messaging.ports import Message, Subscription, Will
from pioreactor.observability.log import create_logger
from pioreactor.runtime.context import Runtime
from pioreactor.runtime.journaling_publisher import JournalingPublisher
from pioreactor.states import JobState
from pioreactor.storage.ports import ValueType


class Registration:
    """Reserves a job name on a unit and connects to the broker; `close` undoes every step in reverse order."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        unit: str,
        experiment: str,
        job_name: str,
        source: str,
        is_long_running: bool = False,
        exclusive: bool = True,
        keyed_by_id: bool = False,
    ) -> None:
        """Register. With `keyed_by_id` topics are below `<name>/<job id>`, so that several of one name can run."""
        self.runtime = runtime
        self.unit = unit
        self.experiment = experiment
        self.job_name = job_name
        self.key = job_name
        self.after_log: Callable[[], None] | None = None
        """Called after each log record, for loggers that are used from several threads."""
        self._keyed_by_id = keyed_by_id
        self._storage_failed = False
        self._undo: list[Callable[[], None]] = []
        self._closed = False
        self._dirty: dict[str, ValueType] = {}
        self.published: set[str] = set()
        try:
            self._open(source, is_long_running=is_long_running, exclusive=exclusive)
        except BaseException:
            self.close()
            raise

    def _open(self, source: str, *, is_long_running: bool, exclusive: bool) -> None:
        runtime = self.runtime
        if exclusive:
            self._reserve_name()
        self._registry = runtime.stores.jobs()
        self.job_id = self._registry.register(
            unit=self.unit,
            experiment=self.experiment,
            job_name=self.job_name,
            job_source=runtime.job_source,
            leader=runtime.identity.leader_hostname,
            pid=runtime.pid,
            is_long_running=is_long_running,
            started_at=structs.to_timestamp(runtime.clock.now()),
            exclusive=exclusive,
        )
        self._undo.append(self._end_row)
        if self._keyed_by_id:
            self.key = f"{self.job_name}/{self.job_id}"
        will = Will(topics.state(self.unit, self.experiment, self.key), JobState.LOST.encode())
        self.bus = runtime.buses.connect(f"{self.job_name}-{self.unit}", will=will)
        self._undo.append(self.bus.close)
        self.publisher = JournalingPublisher(self.bus, runtime.stores.journal(), runtime.clock)
        self.logger = create_logger(
            self.job_name,
            unit=self.unit,
            experiment=self.experiment,
            source=source,
            sink=self._send_log,
            log_file=runtime.log_file,
            console=runtime.console,
            console_level=runtime.settings.logging.console_log_level,
            now=runtime.clock.now,
            secrets=(runtime.settings.mqtt.password,),
        )
        self.publisher.log = self.logger.warning
        self._undo.append(self.logger.clean_up)

    def _reserve_name(self) -> None:
        try:
            lease = self.runtime.ownership.acquire(f"job-{self.job_name}", self.owner)
        except ActuatorInUseError as error:
            raise JobPresentError(
                f"{self.job_name} is already running on {self.unit}",
                remedy=f"Stop it first: pio kill --job-name {self.job_name}",
            ) from error
        self._undo.append(lease.release)

    @property
    def owner(self) -> str:
        """Return the name under which this process owns outputs."""
        return f"{self.job_name} ({self.runtime.pid})"

    def _end_row(self) -> None:
        self._registry.finish(self.job_id, ended_at=structs.to_timestamp(self.runtime.clock.now()))

    def _send_log(self, topic: str, record: structs.Log) -> None:
        if not self._closed:
            self.publisher.publish(topic, structs.encode(record), qos=0)
            if self.after_log is not None:
                self.after_log()

    def publish_setting(self, name: str, value: object, *, retain: bool = True, is_repetition: bool = False) -> None:
        """Publish a setting (or the state) and store it for `pio jobs info`."""
        self.published.add(name)
        topic = topics.setting(self.unit, self.experiment, self.key, name)
        payload = encode_payload(value)
        self.publisher.publish(topic, payload, qos=1, retain=retain, is_repetition=is_repetition)
        if name != "state":
            plain = isinstance(value, str | int | float | bytes) or value is None
            self._dirty[name] = value if plain else payload.decode()  # type: ignore[assignment]

    def publish(self, topic: str, payload: object, *, qos: int = 1, retain: bool = False) -> None:
        self.publisher.publish(topic, encode_payload(payload), qos=qos, retain=retain)

    def subscribe(self, topic_filter: str, callback: Callable[[Message], None], *, qos: int = 1) -> Subscription:
        return self.bus.subscribe(topic_filter, callback, qos=qos)

    def flush(self) -> None:
        """Send what was published since the last call, journaled messages first."""
        self.logger.report_repetitions()
        self.publisher.flush()
        if self._dirty:
            dirty, self._dirty = self._dirty, {}
            at = structs.to_timestamp(self.runtime.clock.now())
            try:
                for name, value in dirty.items():
                    self._registry.set_setting(self.job_id, name, value, at=at)
                self._storage_failed = False
            except StorageError as error:
                # A full disk must not stop a job; newer values replace these in the next attempt.
                self._dirty = {**dirty, **self._dirty}
                if not self._storage_failed:
                    self._storage_failed = True
                    self.logger.warning("Settings cannot be stored on this unit: %s.", error)

    def now(self) -> datetime:
        return self.runtime.clock.now()

    def close(self) -> None:
        """Undo the registration. Idempotent; each step runs even if a previous one fails."""
        if self._closed:
            return
        if hasattr(self, "publisher"):
            self._attempt(self.flush)
            self._attempt(lambda: self.bus.flush(2.0))
        self._closed = True
        while self._undo:
            self._attempt(self._undo.pop())

    @staticmethod
    def _attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except Exception:  # the remaining steps of a shutdown must happen whatever one of them does
            logging.getLogger(__name__).exception("error while closing")
