"""Monitor: what a unit watches about itself, and the way of its records to the leader."""

from pioreactor.background_jobs.monitor.job import Monitor as Monitor
