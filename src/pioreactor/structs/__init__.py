"""What travels on the wire and rests on disk."""

from pioreactor.structs.events import AutomationEvent as AutomationEvent
from pioreactor.structs.events import AutomationSettings as AutomationSettings
from pioreactor.structs.events import DosingEvent as DosingEvent
from pioreactor.structs.events import LEDChangeEvent as LEDChangeEvent
from pioreactor.structs.events import LEDsIntensity as LEDsIntensity
from pioreactor.structs.events import Log as Log
from pioreactor.structs.readings import CalibratedODReading as CalibratedODReading
from pioreactor.structs.readings import GrowthRate as GrowthRate
from pioreactor.structs.readings import KalmanFilterOutput as KalmanFilterOutput
from pioreactor.structs.readings import MeasuredRPM as MeasuredRPM
from pioreactor.structs.readings import ODFiltered as ODFiltered
from pioreactor.structs.readings import ODFused as ODFused
from pioreactor.structs.readings import ODReading as ODReading
from pioreactor.structs.readings import ODReadings as ODReadings
from pioreactor.structs.readings import RawODReading as RawODReading
from pioreactor.structs.readings import RelativeIntensity as RelativeIntensity
from pioreactor.structs.readings import Temperature as Temperature
from pioreactor.structs.readings import Voltage as Voltage
from pioreactor.structs.wire import decode as decode
from pioreactor.structs.wire import encode as encode
from pioreactor.structs.wire import from_timestamp as from_timestamp
from pioreactor.structs.wire import to_timestamp as to_timestamp
