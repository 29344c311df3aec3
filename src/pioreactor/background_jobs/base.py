"""The bases of jobs under the names plugins import."""

from pioreactor.jobs.dodging import BackgroundJobWithDodging as BackgroundJobWithDodging
from pioreactor.jobs.dodging import BackgroundJobWithDodgingContrib as BackgroundJobWithDodgingContrib
from pioreactor.jobs.job import BackgroundJob as BackgroundJob
from pioreactor.jobs.job import BackgroundJobContrib as BackgroundJobContrib
from pioreactor.jobs.job import LongRunningBackgroundJob as LongRunningBackgroundJob
from pioreactor.jobs.job import LongRunningBackgroundJobContrib as LongRunningBackgroundJobContrib
