"""Every error of ours: a code for programs, an HTTP status, and a remedy for people."""

from typing import ClassVar


class PioreactorError(Exception):
    """Base of all our errors. The message says what happened, `remedy` what to do about it."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    remedy: str | None = None

    def __init__(self, message: str = "", *, remedy: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])
        if remedy is not None:
            self.remedy = remedy


class NotFoundError(PioreactorError):
    """What was asked for does not exist."""

    code = "not_found"
    status = 404


class InvalidRequestError(PioreactorError):
    """A value that was given cannot be used."""

    code = "invalid_request"
    status = 400


class NotAuthenticatedError(PioreactorError):
    """Nobody is signed in."""

    code = "not_authenticated"
    status = 401
    remedy = "Sign in, or send a valid token."


class NotPermittedError(PioreactorError):
    """The person or unit signed in may not do this."""

    code = "not_permitted"
    status = 403


class ConflictError(PioreactorError):
    """What exists already stands in the way."""

    code = "conflict"
    status = 409


class ConfigurationError(InvalidRequestError):
    """A configuration file or value is malformed."""

    code = "configuration"


class SettingError(InvalidRequestError):
    """A job's setting was given a value it cannot take."""

    code = "setting"


class IllegalTransitionError(ConflictError):
    """A job was asked to move to a state it cannot reach from where it is."""

    code = "illegal_transition"


class JobPresentError(ConflictError):
    """The same job already runs on this unit."""

    code = "job_present"


class JobRequiredError(ConflictError):
    """Another job must run for this to work."""

    code = "job_required"


class JobNotRunningError(NotFoundError):
    """The job is not running."""

    code = "job_not_running"


class ActuatorInUseError(ConflictError):
    """An output already belongs to another job."""

    code = "actuator_in_use"


PWMError = ActuatorInUseError


class CalibrationError(ConflictError):
    """A calibration is missing, of the wrong kind, or cannot answer."""

    code = "calibration"


class CalibrationMissingError(CalibrationError):
    """A volume or density was asked for, but nothing has been calibrated."""

    code = "calibration_missing"
    remedy = "Run a calibration, or set one active."


class HardwareNotFoundError(PioreactorError):
    """A chip or board did not answer."""

    code = "hardware_not_found"
    status = 503


class HardwareError(PioreactorError):
    """Hardware answered with something impossible."""

    code = "hardware"
    status = 503


class NotActiveWorkerError(ConflictError):
    """The worker is switched off in the inventory."""

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
    """The message broker does not answer."""

    code = "broker_unreachable"
    status = 503


class UnitUnreachableError(PioreactorError):
    """Another unit of the cluster does not answer."""

    code = "unit_unreachable"
    status = 502


class StorageError(PioreactorError):
    """A file or database cannot be read or written."""

    code = "storage"
    status = 507


class StoppedError(PioreactorError):
    """Somebody asked the job to stop while it was waiting."""

    code = "stopped"
    status = 409
