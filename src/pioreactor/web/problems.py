"""Every error as the one body of the API: error, status, cause, remediation."""

import logging
from typing import Any

import msgspec
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from pioreactor.exc import PioreactorError

_log = logging.getLogger("pioreactor.web")


class TooManyRequestsError(PioreactorError):
    """The same was asked for again too soon."""

    code = "too_many_requests"
    status = 429
    remedy = "Wait a moment and try again."


class BusyError(PioreactorError):
    """The server has too much to do already."""

    code = "busy"
    status = 503
    remedy = "Wait a moment and try again."


class Problem(msgspec.Struct, omit_defaults=True):
    """The body of every answer with a status of 400 or more."""

    error: str
    status: int
    cause: str
    code: str = "error"
    remediation: str | None = None
    diagnostics: list[Any] | None = None


def of_error(error: PioreactorError) -> Problem:
    """Return what an error of ours says; `cause` is the error behind it, else the same sentence."""
    cause = getattr(error, "cause", None)
    if cause is None:
        cause = str(error.__cause__) if error.__cause__ is not None and str(error.__cause__) else str(error)
    status = getattr(error, "relayed_status", error.status)
    return Problem(str(error), status, str(cause), error.code, error.remedy, getattr(error, "diagnostics", None))


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    return Response(problem, status_code=problem.status, media_type=MediaType.JSON, headers=headers)


def _ours(_: Request[Any, Any, Any], error: PioreactorError) -> Response[Problem]:
    return _answer(of_error(error), getattr(error, "headers", None))


def _litestars(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    status, message = error.status_code, str(error.detail)
    if status == 404:
        message = f"there is no {request.method} {request.url.path}"
    elif status == 405:
        message = f"{request.url.path} does not take {request.method}"
    cause, remedy = message, None
    if status == 400:
        wrong = error.extra if isinstance(error, ValidationException) else None
        if wrong:
            cause = "; ".join(_say(item) for item in wrong) if isinstance(wrong, list) else str(wrong)
        elif error.__cause__ is not None:
            cause = str(error.__cause__)
        message = f"the request cannot be used: {cause}"
        remedy = "Compare the request with /api/schema/openapi.json."
    return _answer(Problem(message, status, cause, "http", remedy))


def _say(wrong: Any) -> str:
    if not isinstance(wrong, dict):
        return str(wrong)
    key = wrong.get("key")
    return f"{key}: {wrong.get('message')}" if key and key != "data" else str(wrong.get("message"))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(
        Problem(
            "the server failed to answer",
            500,
            type(error).__name__,
            "internal",
            "The log of the web server has the details.",
        )
    )


EXCEPTION_HANDLERS: Any = {PioreactorError: _ours, HTTPException: _litestars, Exception: _unexpected}
"""For Litestar; the last is the edge that must survive whatever a request brings."""
