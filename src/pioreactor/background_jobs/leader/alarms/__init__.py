"""The job of the leader that raises alarms and tells people of them."""

from pioreactor.background_jobs.leader.alarms.job import AlarmJob

__all__ = ["AlarmJob"]
