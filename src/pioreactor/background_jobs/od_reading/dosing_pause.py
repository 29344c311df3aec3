"""Pauses dosing while the reference photodiode is noisy and lets it go on afterwards, unless a person decides."""

from __future__ import annotations

from pioreactor import topics
from pioreactor.background_jobs.od_reading.reference_photodiode import ALARM_OF, NOISY_BEFORE_ALARM
from pioreactor.jobs.job import BackgroundJob
from pioreactor.messaging.ports import Message
from pioreactor.states import JobState

DOSING = "dosing_automation"


class DosingPause:
    """Dosing must not act on an OD that lost its reference.

    Dosing goes on by itself only if it ran before and nobody has resumed or paused it meanwhile.
    """

    def __init__(self, job: BackgroundJob) -> None:
        """`job`: the reader, on whose lane all of this runs."""
        self._job = job
        self._command = topics.set_setting(job.unit, job.experiment, DOSING, "state")
        self._dosing_state = b""
        self._is_noisy = self._is_ours = False
        self._own_commands = 0

    def listen(self) -> None:
        """Hear how dosing is, and what others tell it to do."""
        job = self._job
        job.subscribe_and_callback(self._hear_state, topics.state(job.unit, job.experiment, DOSING))
        filters = topics.set_filters(job.unit, job.experiment, DOSING)
        job.subscribe_and_callback(self._hear_command, filters, allow_retained=False)

    def follow(self, *, noisy: bool) -> None:
        """Take in whether the reference is noisy after a reading."""
        if noisy == self._is_noisy:
            return
        self._is_noisy = noisy
        if noisy:
            self._job.logger.error(
                "The reference photodiode is noisy in %d of its last %d readings; dosing is paused until it is quiet. "
                "Check that the IR LED and the reference photodiode sit tight and that no other light reaches them.",
                NOISY_BEFORE_ALARM,
                ALARM_OF,
            )
            self._pause()
        elif self._is_ours:
            self._is_ours = False
            self._job.logger.notice("The reference photodiode is quiet again; dosing goes on.")
            self._tell(JobState.READY)
        else:
            self._job.logger.notice("The reference photodiode is quiet again.")

    def leave(self) -> None:
        """Say what stays paused when nobody looks at the reference any more."""
        if self._is_ours:
            self._is_ours = False
            self._job.logger.warning(
                "Dosing stays paused for the noisy reference photodiode. Resume it when OD is read."
            )

    def _pause(self) -> None:
        self._is_ours = self._dosing_state == JobState.READY.encode()
        self._tell(JobState.SLEEPING)

    def _tell(self, state: JobState) -> None:
        self._own_commands += 1
        self._job.publish(self._command, state)

    def _hear_state(self, message: Message) -> None:
        before, self._dosing_state = self._dosing_state, bytes(message.payload)
        if self._dosing_state == JobState.SLEEPING.encode():
            return
        if self._dosing_state != JobState.READY.encode() or before == JobState.SLEEPING.encode():
            self._is_ours = False
        elif self._is_noisy and not self._is_ours:
            self._pause()

    def _hear_command(self, message: Message) -> None:
        if not message.topic.endswith("/$state/set"):
            return
        if self._own_commands > 0 and message.topic == self._command:
            self._own_commands -= 1
        else:
            self._is_ours = False
