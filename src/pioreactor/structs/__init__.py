"""Structs that are published, stored, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pioreactor.public_names import load_on_access
from pioreactor.structs.encoding import decode as decode
from pioreactor.structs.encoding import encode as encode
from pioreactor.structs.encoding import from_timestamp as from_timestamp
from pioreactor.structs.encoding import to_timestamp as to_timestamp
from pioreactor.structs.events import AutomationEvent as AutomationEvent
from pioreactor.structs.events import AutomationSettings as AutomationSettings
from pioreactor.structs.events import DosingEvent as DosingEvent
from pioreactor.structs.events import LEDChangeEvent as LEDChangeEvent
from pioreactor.structs.events import LEDsIntensity as LEDsIntensity
from pioreactor.structs.events import Log as Log
from pioreactor.structs.readings import BioreactorValue as BioreactorValue
from pioreactor.structs.readings import CalibratedODReading as CalibratedODReading
from pioreactor.structs.readings import GrowthRate as GrowthRate
from pioreactor.structs.readings import GrowthRateEstimate as GrowthRateEstimate
from pioreactor.structs.readings import KalmanFilterOutput as KalmanFilterOutput
from pioreactor.structs.readings import MeasuredRPM as MeasuredRPM
from pioreactor.structs.readings import ODFiltered as ODFiltered
from pioreactor.structs.readings import ODFused as ODFused
from pioreactor.structs.readings import ODReading as ODReading
from pioreactor.structs.readings import ODReadings as ODReadings
from pioreactor.structs.readings import PWMDutyCycles as PWMDutyCycles
from pioreactor.structs.readings import RawODReading as RawODReading
from pioreactor.structs.readings import RelativeIntensity as RelativeIntensity
from pioreactor.structs.readings import Temperature as Temperature
from pioreactor.structs.readings import Voltage as Voltage
from pioreactor.structs.readings import decode_bioreactor_value as decode_bioreactor_value

if TYPE_CHECKING:
    from pioreactor.calibrations.curves import AkimaFitData as AkimaFitData
    from pioreactor.calibrations.curves import PolyFitCoefficients as PolyFitCoefficients
    from pioreactor.calibrations.curves import SplineFitData as SplineFitData
    from pioreactor.calibrations.former import PumpCalibration as PumpCalibration
    from pioreactor.calibrations.models import CalibrationBase as CalibrationBase
    from pioreactor.calibrations.models import OD600Calibration as OD600Calibration
    from pioreactor.calibrations.models import ODCalibration as ODCalibration
    from pioreactor.calibrations.models import SimplePeristalticPump as SimplePeristalticPump
    from pioreactor.calibrations.models import SimpleStirringCalibration as SimpleStirringCalibration
    from pioreactor.estimators.models import EstimatorBase as EstimatorBase
    from pioreactor.estimators.models import ODFusionEstimator as ODFusionEstimator

_RENAMED = {"Calibration": "CalibrationBase", "AnyPumpCalibration": "SimplePeristalticPump"}
"""Former names of calibrations → the present ones."""

# Names that plugins import from here, loaded on first access because higher packages define them.
__getattr__ = load_on_access(
    __name__,
    {
        "AkimaFitData": "pioreactor.calibrations.curves",
        "CalibrationBase": "pioreactor.calibrations.models",
        "OD600Calibration": "pioreactor.calibrations.models",
        "ODCalibration": "pioreactor.calibrations.models",
        "PolyFitCoefficients": "pioreactor.calibrations.curves",
        "SimplePeristalticPump": "pioreactor.calibrations.models",
        "SimpleStirringCalibration": "pioreactor.calibrations.models",
        "SplineFitData": "pioreactor.calibrations.curves",
        "PumpCalibration": "pioreactor.calibrations.former",
        "CalibrationStep": "pioreactor.calibrations.sessions.payloads",
        "EstimatorBase": "pioreactor.estimators.models",
        "ODFusionEstimator": "pioreactor.estimators.models",
    },
    former=_RENAMED,
)
