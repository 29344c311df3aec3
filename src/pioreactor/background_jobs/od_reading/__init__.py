"""OD reading: how much light the culture scatters."""

from pioreactor.background_jobs.od_reading.job import ODReader as ODReader
from pioreactor.background_jobs.od_reading.job import start_od_reading as start_od_reading
