"""Pause of dosing while the reference photodiode is noisy."""

from __future__ import annotations

from pioreactor import topics
from pioreactor.background_jobs.od_reading.reference_photodiode import ALARM_OF, NOISY_BEFORE_ALARM
from pioreactor.jobs.job import BackgroundJob
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState

DOSING = "dosing_automation"


class DosingPause:
    """Pauses dosing automations, which must not act on an OD without a valid reference.

    Dosing is resumed only if it was running before and was neither resumed nor paused by others in the meantime.
    """

    def __init__(self, job: BackgroundJob) -> None:
        """`job` is the OD reader, on whose lane everything here runs."""
        self._job = job
        self._command = topics.set_setting(job.unit, job.experiment, DOSING, "state")
        self._dosing_state = b""
        self._is_noisy = self._is_ours = False
        self._own_commands = 0

    def start(self) -> None:
        """Subscribe to the state of the dosing automation and to commands of others."""
        job = self._job
        job.subscribe_and_callback(self._on_state, topics.state(job.unit, job.experiment, DOSING))
        filters = topics.set_filters(job.unit, job.experiment, DOSING)
        job.subscribe_and_callback(self._on_command, filters, allow_retained=False)

    def update(self, *, noisy: bool) -> None:
        """Update after a reading: pause or resume dosing when the reference becomes noisy or quiet."""
        if noisy == self._is_noisy:
            return
        self._is_noisy = noisy
        if noisy:
            self._job.logger.error(
                "The reference photodiode is noisy in %d of its last %d readings; dosing is paused until it is quiet. "
                "Check that the IR LED and the reference photodiode are seated and shielded from other light.",
                NOISY_BEFORE_ALARM,
                ALARM_OF,
            )
            self._pause()
        elif self._is_ours:
            self._is_ours = False
            self._job.logger.notice("The reference photodiode is quiet again; dosing resumes.")
            self._send(JobState.READY)
        else:
            self._job.logger.notice("The reference photodiode is quiet again.")

    def close(self) -> None:
        """Log if dosing stays paused when OD reading ends."""
        if self._is_ours:
            self._is_ours = False
            self._job.logger.warning(
                "Dosing stays paused because of the noisy reference photodiode. Resume it when OD is read again."
            )

    def _pause(self) -> None:
        self._is_ours = self._dosing_state == JobState.READY.encode()
        self._send(JobState.SLEEPING)

    def _send(self, state: JobState) -> None:
        self._own_commands += 1
        self._job.publish(self._command, state)

    def _on_state(self, message: Message) -> None:
        before, self._dosing_state = self._dosing_state, bytes(message.payload)
        if self._dosing_state == JobState.SLEEPING.encode():
            return
        if self._dosing_state != JobState.READY.encode() or before == JobState.SLEEPING.encode():
            self._is_ours = False
        elif self._is_noisy and not self._is_ours:
            self._pause()

    def _on_command(self, message: Message) -> None:
        if not message.topic.endswith("/$state/set"):
            return
        if self._own_commands > 0 and message.topic == self._command:
            self._own_commands -= 1
        else:
            self._is_ours = False
