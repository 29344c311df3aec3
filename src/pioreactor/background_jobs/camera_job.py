"""Job that takes stills of the vial at an interval, between OD readings."""

from __future__ import annotations

from typing import Final

from pioreactor.actions.still_capture import is_auto_capture_enabled, stills_of, take_still
from pioreactor.exc import ConfigurationError, ConflictError, PioreactorError, StoppedError
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.runtime.lane import LaneTimer
from pioreactor.settings.sections import CameraSettings
from pioreactor.structs.camera_still import CameraStill

SHORTEST_WAIT_S: Final = 5.0
PAUSED_WAIT_S: Final = 30.0
"""How often a job whose automatic stills are switched off looks whether they are on again."""


class CameraJob(BackgroundJob):
    """Take a still of the vial every few minutes, between OD readings."""

    job_name = "camera"

    snapshot_interval_minutes = Setting[float](
        config=(CameraSettings, "snapshot_interval_minutes"),
        label="Time between stills",
        unit="min",
        help="time from one still to the next; 0: none",
    )
    latest_still = Status[CameraStill](
        label="Latest still", help="record of the newest still", persist=True, display=False
    )

    def __init__(self, unit: str, experiment: str) -> None:
        super().__init__(unit, experiment)
        settings = self.runtime.settings.camera
        if not settings.enabled:
            raise ConfigurationError(
                "the camera is not enabled", remedy="Set enabled=1 in [camera] of the unit that has one."
            )
        self._timer: LaneTimer | None = None
        self._failure: str | None = None
        self.snapshot_interval_minutes = settings.snapshot_interval_minutes

    def on_init_to_ready(self) -> None:
        newest = stills_of(self.runtime).latest(self.experiment)
        if newest is not None:
            self.latest_still = newest
        self._wait(first=True)

    def on_sleeping(self) -> None:
        self._cancel()

    def on_sleeping_to_ready(self) -> None:
        self._wait(first=True)

    def on_disconnected(self) -> None:
        self._cancel()

    def set_snapshot_interval_minutes(self, minutes: float) -> None:
        """Take stills every `minutes` [min] from now on; 0 pauses."""
        self.snapshot_interval_minutes = minutes
        if self.state == self.READY:
            self._wait(first=True)

    def _wait(self, *, first: bool = False) -> None:
        """Plan the next still, an interval after the newest one of this experiment."""
        self._cancel()
        interval_s = self.snapshot_interval_minutes * 60.0
        if interval_s <= 0:
            return
        newest = stills_of(self.runtime).latest(self.experiment)
        since_s = interval_s if newest is None else (self.runtime.clock.now() - newest.time).total_seconds()
        # A clock that was set back must not stop stills for the time that it was set back.
        due_s = interval_s - since_s if 0 <= since_s <= interval_s else 0.0
        self._timer = self.later(due_s if first else max(due_s, SHORTEST_WAIT_S), self._take)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _take(self) -> None:
        if not is_auto_capture_enabled(self.runtime):
            self._timer = self.later(PAUSED_WAIT_S, self._take)
            return
        try:
            self.latest_still = take_still(
                self.runtime, owner=self.owner, experiment=self.experiment, reason="scheduled", sleep=self.sleep
            )
        except StoppedError:
            raise
        except ConflictError as error:
            self.logger.debug("No still: %s", error)
        except PioreactorError as error:
            self._report(error)
        else:
            if self._failure is not None:
                self._failure = None
                self.logger.notice("Taking stills again.")
        self._retry_or_wait()

    def _retry_or_wait(self) -> None:
        """Plan the next still; after a failure not before an interval has passed."""
        if self._failure is None:
            self._wait()
            return
        self._cancel()
        self._timer = self.later(max(self.snapshot_interval_minutes * 60.0, SHORTEST_WAIT_S), self._take)

    def _report(self, error: PioreactorError) -> None:
        """Log the first of equal failures; an hour without a camera is one line."""
        text = f"No still: {error}"
        if text != self._failure:
            self._failure = text
            self.logger.warning("%s. %s", text, error.remedy if error.remedy is not None else "")
