"""Stirring: keeps the bar at a speed."""

from pioreactor.background_jobs.stirring.job import Stirrer as Stirrer
from pioreactor.background_jobs.stirring.job import start_stirring as start_stirring
