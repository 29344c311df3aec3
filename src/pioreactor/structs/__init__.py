"""What travels on the wire and rests on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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

if TYPE_CHECKING:
    from pioreactor.structs.calibrations import AkimaFitData as AkimaFitData
    from pioreactor.structs.calibrations import CalibrationBase as CalibrationBase
    from pioreactor.structs.calibrations import OD600Calibration as OD600Calibration
    from pioreactor.structs.calibrations import ODCalibration as ODCalibration
    from pioreactor.structs.calibrations import PolyFitCoefficients as PolyFitCoefficients
    from pioreactor.structs.calibrations import SimplePeristalticPump as SimplePeristalticPump
    from pioreactor.structs.calibrations import SimpleStirringCalibration as SimpleStirringCalibration
    from pioreactor.structs.calibrations import SplineFitData as SplineFitData
    from pioreactor.structs.estimators import EstimatorBase as EstimatorBase
    from pioreactor.structs.estimators import ODFusionEstimator as ODFusionEstimator

_ON_DISK: Final = {
    "AkimaFitData": "pioreactor.structs.calibrations",
    "CalibrationBase": "pioreactor.structs.calibrations",
    "OD600Calibration": "pioreactor.structs.calibrations",
    "ODCalibration": "pioreactor.structs.calibrations",
    "PolyFitCoefficients": "pioreactor.structs.calibrations",
    "SimplePeristalticPump": "pioreactor.structs.calibrations",
    "SimpleStirringCalibration": "pioreactor.structs.calibrations",
    "SplineFitData": "pioreactor.structs.calibrations",
    "EstimatorBase": "pioreactor.structs.estimators",
    "ODFusionEstimator": "pioreactor.structs.estimators",
}
"""Imported when first asked for: curves and models cost a job's start 5 ms, and most jobs use none."""


def __getattr__(name: str) -> Any:
    if name not in _ON_DISK:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_ON_DISK[name]), name)
