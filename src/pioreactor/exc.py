"""Exceptions, each with a code for programs, an HTTP status, and a remedy for people."""

from typing import ClassVar, Self


class PioreactorError(Exception):
    """Base of all exceptions of pioreactor. The message states what happened, `remedy` what to do about it."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    remedy: str | None = None

    def __init__(self, message: str = "", *, remedy: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])
        if remedy is not None:
            self.remedy = remedy


class NotFoundError(PioreactorError):
    """The requested object does not exist."""

    code = "not_found"
    status = 404


class InvalidRequestError(PioreactorError):
    """A given value is invalid."""

    code = "invalid_request"
    status = 400


class NotAuthenticatedError(PioreactorError):
    """Authentication is required."""

    code = "not_authenticated"
    status = 401
    remedy = "Sign in, or send a valid token."


class NotPermittedError(PioreactorError):
    """The person or unit signed in may not do this."""

    code = "not_permitted"
    status = 403


class ConflictError(PioreactorError):
    """The request conflicts with an existing object."""

    code = "conflict"
    status = 409


class ConfigurationError(InvalidRequestError):
    """A configuration file or value is malformed."""

    code = "configuration"


class SettingError(InvalidRequestError):
    """A setting of a job was given an invalid value."""

    code = "setting"


class IllegalTransitionError(ConflictError):
    """The requested state cannot be reached from the current state of the job."""

    code = "illegal_transition"


class HookFailedError(PioreactorError):
    """A hook of a job raised, and the job does not become ready."""

    code = "hook_failed"

    @classmethod
    def of(cls, error: Exception, *, job: str, hook: str) -> Self:
        """Return the error to raise for what a hook raised; it keeps the remedy."""
        text = str(error) if isinstance(error, PioreactorError) else f"{type(error).__name__}: {error}"
        return cls(f"{job} is not ready, {hook} failed: {text}", remedy=getattr(error, "remedy", None))


class JobPresentError(ConflictError):
    """The job is already running on this unit."""

    code = "job_present"


class JobRequiredError(ConflictError):
    """Another job must be running first."""

    code = "job_required"


class JobNotRunningError(NotFoundError):
    """The job is not running."""

    code = "job_not_running"


class ActuatorInUseError(ConflictError):
    """The output is in use by another job."""

    code = "actuator_in_use"


PWMError = ActuatorInUseError


class CalibrationError(ConflictError):
    """A calibration is missing, of the wrong kind, or does not cover the value."""

    code = "calibration"


class UnusableCalibrationError(CalibrationError):
    """A calibration or estimator cannot be inverted, is not finite, or contradicts its own data."""

    code = "calibration_unusable"
    remedy = "Calibrate anew, or set another one active."


class CalibrationMissingError(CalibrationError):
    """A volume or density was requested without a calibration."""

    code = "calibration_missing"
    remedy = "Run a calibration, or set one active."


class HardwareNotFoundError(PioreactorError):
    """A chip or board does not respond."""

    code = "hardware_not_found"
    status = 503


class HardwareError(PioreactorError):
    """Hardware returned an impossible value."""

    code = "hardware"
    status = 503


class NotActiveWorkerError(ConflictError):
    """The worker is inactive in the inventory."""

    code = "not_active_worker"
    remedy = "Activate the worker in the inventory."


class NotAssignedAnExperimentError(ConflictError):
    """The worker is not assigned to an experiment."""

    code = "not_assigned"
    remedy = "Assign the unit to an experiment."


class NoWorkerFoundError(NotFoundError):
    """The cluster has no such worker."""

    code = "no_worker"


class BrokerUnreachableError(PioreactorError):
    """The MQTT broker cannot be reached."""

    code = "broker_unreachable"
    status = 503


class UnitUnreachableError(PioreactorError):
    """Another unit of the cluster cannot be reached."""

    code = "unit_unreachable"
    status = 502


class StorageError(PioreactorError):
    """A file or database cannot be read or written."""

    code = "storage"
    status = 507


class StoppedError(PioreactorError):
    """The job was stopped while it was waiting."""

    code = "stopped"
    status = 409
