"""Building blocks of calibration sessions, under the names plugins import."""

from pioreactor.calibrations.sessions import fields as fields
from pioreactor.calibrations.sessions import steps as steps
from pioreactor.calibrations.sessions.inputs import SessionInputs as SessionInputs
from pioreactor.calibrations.sessions.session_context import CalibrationComplete as CalibrationComplete
from pioreactor.calibrations.sessions.session_context import SessionContext as SessionContext
from pioreactor.calibrations.sessions.session_context import SessionEnded as SessionEnded
from pioreactor.calibrations.sessions.session_context import SessionStep as SessionStep
from pioreactor.calibrations.sessions.session_context import StepRegistry as StepRegistry
from pioreactor.calibrations.sessions.session_engine import SessionEngine as SessionEngine
from pioreactor.calibrations.sessions.terminal import run_session_in_cli as run_session_in_cli
