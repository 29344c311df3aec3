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


class _Version(msgspec.Struct):
    """What a server says of itself."""

    version: str


def raise_for_distant_version(answer: Answer) -> None:
    """Raise `IncompatibleServerError` for a server whose main number, 27 of 27.1.0, differs by more than one.

    An answer that names no version says nothing: the next one then shows whether it is understood.
    """
    try:
        served = msgspec.json.decode(answer.body, type=_Version).version
        own, other = _main_number(__version__), _main_number(served)
    except (msgspec.DecodeError, ValueError):
        return
    if abs(own - other) > 1:
        raise IncompatibleServerError(
            f"the leader has version {served[:20]}; this client ({__version__}) works with {own - 1} to {own + 1}",
            remedy=CURE,
        )


def _main_number(version: str) -> int:
    return int(version[:20].partition(".")[0])


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
