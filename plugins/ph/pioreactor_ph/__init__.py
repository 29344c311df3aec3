"""An example of a sensor: pH, recorded and drawn, for automations that hold it."""

from pioreactor_ph.job import PH as PH
from pioreactor_ph.job import PhReader as PhReader
