"""Publication of a job's state: retained by the broker, and repeated until the broker has it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from pioreactor import topics
from pioreactor.jobs.registration import Registration
from pioreactor.messaging.ports import Message
from pioreactor.runtime.lane import Lane
from pioreactor.states import JobState

CONNECTION_TIMEOUT_S: Final = 20.0
"""How long the broker may be unreachable before a job logs it."""
CONFIRM_AFTER_S: Final = 1.0
REREAD_EVERY_S: Final = 30.0


class StatePublisher:
    """Publishes the state of a job and confirms it by reading back what the broker retains.

    Messages may be lost or late, a restarted broker loses what it retained, and the last will of an old connection may
    overwrite the state.
    """

    def __init__(
        self, registration: Registration, lane: Lane, *, state: Callable[[], JobState], republish: Callable[[], None]
    ) -> None:
        """`state` returns the current state; `republish` publishes all values again after a reconnection."""
        self._registration = registration
        self._lane = lane
        self._state = state
        self._republish_all = republish
        self._topic = topics.state(registration.unit, registration.experiment, registration.job_name)
        self._lock = threading.Lock()
        self._received = b""
        self._confirmation_pending = False
        self._logged_unreachable = False
        self._closed = False

    def start(self) -> None:
        """Subscribe to the retained state and to changes of the connection."""
        self._subscribe()
        self._lane.every(REREAD_EVERY_S, self._reread)
        self._registration.bus.on_connection(self._on_connection_change)
        if not self._registration.bus.is_connected():
            self._lane.later(CONNECTION_TIMEOUT_S, self._log_connection_change)

    def close(self) -> None:
        """Stop reacting to messages: the job ends."""
        self._closed = True

    def publish(self, state: JobState | None = None) -> None:
        """Publish a state, or the current one, and confirm it soon."""
        with self._lock:
            self._registration.publish_setting("state", state if state is not None else self._state())
        self._confirm_soon()

    def _subscribe(self) -> None:
        self._subscription = self._registration.subscribe(self._topic, self._on_state)

    def _reread(self) -> None:
        """Read the retained state again: a message about it may have been lost."""
        before, self._received = self._subscription, b""
        self._subscribe()
        before.cancel()
        self._confirm_soon()

    def _on_state(self, message: Message) -> None:
        self._received = message.payload
        if self._closed:
            return
        if message.payload == JobState.LOST.encode():
            self._publish_at_once()
            self._lane.post(self._confirm_soon)
        elif message.payload != self._state().encode():
            self._lane.post(self._confirm_soon)

    def _on_connection_change(self, connected: bool) -> None:
        if self._closed:
            return
        if connected:
            # The broker may have lost its retained messages.
            self._received = b""
            self._publish_at_once()
            self._lane.post(self._republish_all)
        self._lane.later(0.0 if connected else CONNECTION_TIMEOUT_S, self._log_connection_change)

    def _log_connection_change(self) -> None:
        """Log once that the broker is unreachable, and once that it is reachable again."""
        is_unreachable = not self._registration.bus.is_connected()
        if is_unreachable == self._logged_unreachable:
            return
        self._logged_unreachable = is_unreachable
        logger = self._registration.logger
        if is_unreachable:
            logger.warning("The broker is unreachable. The job continues and publishes its records later.")
        else:
            logger.info("The broker is reachable again.")

    def _publish_at_once(self) -> None:
        """Publish the state from the bus's thread: a lane that is dosing may be busy for half a minute."""
        with self._lock:
            if self._state() == JobState.DISCONNECTED:
                return
            self._registration.publish_setting("state", self._state(), is_repetition=True)
        self._registration.publisher.flush()

    def _confirm_soon(self) -> None:
        if not self._confirmation_pending:
            self._confirmation_pending = True
            self._lane.later(CONFIRM_AFTER_S, self._confirm)

    def _confirm(self) -> None:
        """Publish the state again if the broker does not have it."""
        self._confirmation_pending = False
        if self._received == self._state().encode():
            return
        if self._registration.bus.is_connected():
            self.publish()
        else:
            self._confirm_soon()
