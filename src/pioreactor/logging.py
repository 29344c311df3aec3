"""Loggers under the name plugins import."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pioreactor.observability.log import CustomLogger as CustomLogger
from pioreactor.observability.log import create_logger as create_logger_with_targets
from pioreactor.runtime.context import Runtime, current
from pioreactor.runtime.journaling_publisher import JournalingPublisher
from pioreactor.structs import Log, encode
from pioreactor.types import UNIVERSAL_EXPERIMENT


class _WayOut:
    """Brings records to the journal and the broker over a connection that is opened with the first of them."""

    def __init__(self, runtime: Runtime, name: str) -> None:
        self._runtime, self._name = runtime, name
        self._publisher: JournalingPublisher | None = None
        self._bus: Any = None

    def __call__(self, topic: str, record: Log) -> None:
        if self._publisher is None:
            self._bus = self._runtime.buses.connect(f"{self._name}-log")
            self._publisher = JournalingPublisher(self._bus, self._runtime.stores.journal(), self._runtime.clock)
        self._publisher.publish(topic, encode(record), qos=0)
        self._publisher.flush()

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()


def create_logger(
    name: str,
    *,
    unit: str | None = None,
    experiment: str | None = None,
    source: str = "app",
    log_file_location: str | None = None,
    to_mqtt: bool = True,
    pub_client: Any = None,
) -> CustomLogger:
    """Return a logger to file, terminal and leader. `clean_up()` it when it is no longer needed."""
    runtime = current()
    way_out = _WayOut(runtime, name) if to_mqtt and pub_client is None else None

    def through_client(topic: str, record: Log) -> None:
        pub_client.publish(topic, encode(record))

    return create_logger_with_targets(
        name,
        unit=unit if unit is not None else runtime.unit,
        experiment=experiment if experiment is not None else UNIVERSAL_EXPERIMENT,
        source=source,
        sink=(way_out if way_out is not None else through_client) if to_mqtt else None,
        close_sink=way_out.close if way_out is not None else None,
        log_file=Path(log_file_location) if log_file_location else runtime.log_file,
        console=runtime.console if runtime.console is not None else sys.stderr,
        console_level=runtime.settings.logging.console_log_level,
        now=runtime.clock.now,
        secrets=runtime.settings.secrets(),
    )
