"""What an answer says: the value it holds, or the error that it reports."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from pioreactor_client.errors import IncompatibleServerError, of_problem
from pioreactor_client.transport import Answer
from pioreactor_client.version import __version__

T = TypeVar("T")


class _Problem(msgspec.Struct):
    """Body of an error; every field may be missing."""

    error: str | None = None
    cause: str | None = None
    code: str | None = None
    remediation: str | None = None


def raise_for_status(answer: Answer) -> None:
    """Raise the exception for any status but success, with the server's cause and remedy.

    A redirect is none: followed, it would carry the token elsewhere.
    """
    if 200 <= answer.status < 300:
        return
    try:
        problem = msgspec.json.decode(answer.body, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem()
    message = problem.error if problem.error is not None else f"the server answered with status {answer.status}"
    is_redirect = 300 <= answer.status < 400
    remedy = "Use the leader's own address: redirects are not followed." if is_redirect else problem.remediation
    raise of_problem(answer.status, message, cause=problem.cause, remedy=remedy, code=problem.code)


def decoded(answer: Answer, kind: type[T]) -> T:
    """Return an answer as a value; fields that are unknown here are ignored.

    Raise the exception for an error, and `IncompatibleServerError` for a value of another shape.
    """
    raise_for_status(answer)
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError as error:
        raise IncompatibleServerError(
            f"this client ({__version__}) does not understand: {error}", remedy=CURE
        ) from error


def converted(value: object, kind: type[T]) -> T:
    """Return a decoded value as one of this kind; raise `IncompatibleServerError`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise IncompatibleServerError(
            f"this client ({__version__}) does not understand: {error}", remedy=CURE
        ) from error


CURE = "Install the version of pioreactor-client that the leader has: its number is on the page Updates."
