"""Sessions, steps and fields as structs, under the names plugins import."""

from pioreactor.calibrations.sessions.payloads import CalibrationSession as CalibrationSession
from pioreactor.calibrations.sessions.payloads import CalibrationStep as CalibrationStep
from pioreactor.calibrations.sessions.payloads import CalibrationStepField as CalibrationStepField
from pioreactor.calibrations.sessions.payloads import utc_iso_timestamp as utc_iso_timestamp
