"""Errors of updates."""

from pioreactor.exc import ConflictError, PioreactorError


class UpdateRefusedError(ConflictError):
    """The release is not installed: it is not genuine, not newer, or jobs run."""

    code = "update_refused"


class UpdateFailedError(PioreactorError):
    """A step of the update failed; the version that ran before runs again."""

    code = "update_failed"
    status = 409
    remedy = "Nothing was lost. `pio update status` shows how it went; ask the supplier of the release."
