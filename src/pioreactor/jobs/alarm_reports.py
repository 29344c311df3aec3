"""What a job tells the alarms of the cluster: the rules that it declares, and its diagnoses."""

from __future__ import annotations

from typing import Final

from pioreactor import topics
from pioreactor.jobs.declaration import JobDeclaration
from pioreactor.jobs.registration import Registration
from pioreactor.structs.encoding import encode

_RULES: Final = "alarm_rules"
_DIAGNOSES: Final = "diagnoses"


class AlarmReports(JobDeclaration):
    """Reports of a job. Both messages are retained while the job runs; diagnoses are published when they change."""

    unit: str
    experiment: str
    _registration: Registration
    _diagnoses: dict[str, str] | None = None

    def report_diagnosis(self, name: str, message: str | None) -> None:
        """State what is wrong and what to do about it, until it is withdrawn by a message of None.

        A rule with the condition `Diagnosis(job, name)` makes it an alarm.
        """
        before = {} if self._diagnoses is None else self._diagnoses
        others = {known: text for known, text in before.items() if known != name}
        diagnoses = others if message is None else {**others, name: message}
        if diagnoses != before:
            self._diagnoses = diagnoses
            self._publish_reports()

    def _publish_reports(self, *, is_end: bool = False) -> None:
        """Publish what there is to report, also after a reconnection; at the end of the job there is nothing."""
        place = (self.unit, self.experiment, self.job_name)
        if self.alarm_rules:
            rules = b"" if is_end else encode(self.alarm_rules)
            self._registration.publish(topics.setting(*place, _RULES), rules, qos=1, retain=True)
        if self._diagnoses is not None:
            diagnoses = b"" if is_end else encode(self._diagnoses)
            self._registration.publish(topics.setting(*place, _DIAGNOSES), diagnoses, qos=1, retain=True)
