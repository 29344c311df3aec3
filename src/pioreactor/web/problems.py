"""Error responses: every error has the same body of error, status, cause and remediation."""

import logging

import msgspec
from litestar import MediaType, Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap

from pioreactor.exc import PioreactorError

_log = logging.getLogger("pioreactor.web")


class TooManyRequestsError(PioreactorError):
    """The same request came again too soon."""

    code = "too_many_requests"
    status = 429
    remedy = "Wait a moment and try again."


class BusyError(PioreactorError):
    """The server is at its limit of pending work."""

    code = "busy"
    status = 503
    remedy = "Wait a moment and try again."


class Problem(msgspec.Struct, omit_defaults=True):
    """Body of every response with a status of 400 or more."""

    error: str
    status: int
    cause: str
    code: str = "error"
    remediation: str | None = None
    diagnostics: list[object] | None = None


def of_error(error: PioreactorError) -> Problem:
    """Return the body for one of our errors; `cause` is the error that it was raised from, else its own message."""
    cause = getattr(error, "cause", None)
    if cause is None:
        cause = str(error.__cause__) if error.__cause__ is not None and str(error.__cause__) else str(error)
    status = getattr(error, "relayed_status", error.status)
    return Problem(str(error), status, str(cause), error.code, error.remedy, getattr(error, "diagnostics", None))


def _response(problem: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    return Response(problem, status_code=problem.status, media_type=MediaType.JSON, headers=headers)


def _on_pioreactor_error(_: Request[object, object, State], error: PioreactorError) -> Response[Problem]:
    return _response(of_error(error), getattr(error, "headers", None))


def _on_http_exception(request: Request[object, object, State], error: HTTPException) -> Response[Problem]:
    status, message = error.status_code, str(error.detail)
    if status == 404:
        message = f"not found: {request.method} {request.url.path}"
    elif status == 405:
        message = f"{request.url.path} does not allow {request.method}"
    cause, remedy = message, None
    if status == 400:
        invalid = error.extra if isinstance(error, ValidationException) else None
        if invalid:
            cause = "; ".join(_describe(item) for item in invalid) if isinstance(invalid, list) else str(invalid)
        elif error.__cause__ is not None:
            cause = str(error.__cause__)
        message = f"invalid request: {cause}"
        remedy = "Compare the request with /api/schema/openapi.json."
    return _response(Problem(message, status, cause, "http", remedy))


def _describe(invalid: object) -> str:
    if not isinstance(invalid, dict):
        return str(invalid)
    key = invalid.get("key")
    return f"{key}: {invalid.get('message')}" if key and key != "data" else str(invalid.get("message"))


def _on_recursion_error(request: Request[object, object, State], error: Exception) -> Response[Problem]:
    """Answer 400 when decoding the body exceeded the recursion limit; any other recursion is an error of ours."""
    if "deserializing" not in str(error):
        return _on_unexpected_error(request, error)
    return _response(
        Problem("invalid request: the JSON is nested too deeply", 400, str(error), "http", "Send fewer levels.")
    )


def _on_unexpected_error(request: Request[object, object, State], error: Exception) -> Response[Problem]:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _response(
        Problem(
            "internal server error",
            500,
            type(error).__name__,
            "internal",
            "See the log of the web server.",
        )
    )


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    PioreactorError: _on_pioreactor_error,
    HTTPException: _on_http_exception,
    RecursionError: _on_recursion_error,
    Exception: _on_unexpected_error,
}
"""Handlers for Litestar. The last one catches everything: an error in one request must not stop the server."""
