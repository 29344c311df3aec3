"""Exceptions: each says what happened, and `remedy` what to do about it."""

from __future__ import annotations


class ClientError(Exception):
    """Base of all exceptions of this package.

    `code` is the server's name of the kind of error, `status` that of its answer, `cause` what it was raised from.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str | None = None,
        cause: str | None = None,
        code: str | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.cause = cause
        self.code = code
        self.status = status

    def __str__(self) -> str:
        because = f" ({self.cause})" if self.cause and self.cause not in self.message else ""
        return f"{self.message}{because}" + (f"\n  Try: {self.remedy}" if self.remedy else "")


class UnreachableError(ClientError):
    """No server answered: wrong address, no network, or the leader is off. Nothing is known about the request."""


class CertificateError(UnreachableError):
    """The server showed a certificate that is not trusted; nothing was sent to it."""


class CredentialsError(ClientError):
    """There is no token, or its file can be read by others."""


class RefusedError(ClientError):
    """The server, or the unit, refused; nothing was done."""


class NotFoundError(RefusedError):
    """What was asked for does not exist, or the job does not run."""


class NotAuthenticatedError(RefusedError):
    """The token is unknown, expired or revoked."""


class NotPermittedError(RefusedError):
    """The token does not have the right to do this."""


class TimedOutError(ClientError):
    """No answer in time. The change may still be made: look before you repeat it."""


class ServerError(ClientError):
    """The server, or a unit, failed."""


class IncompatibleServerError(ClientError):
    """The server's answer has another shape than this version of the client understands."""


def of_problem(
    status: int, message: str, *, cause: str | None = None, remedy: str | None = None, code: str | None = None
) -> ClientError:
    """Return the exception for an error that the server reported."""
    kinds: dict[int, type[ClientError]] = {
        401: NotAuthenticatedError,
        403: NotPermittedError,
        404: NotFoundError,
        408: TimedOutError,
        504: TimedOutError,
    }
    kind = kinds.get(status, RefusedError if 400 <= status < 500 else ServerError)
    return kind(message, cause=cause, remedy=remedy, code=code, status=status)
