"""Which self-tests there are, and what a failing one says."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pioreactor.exc import HardwareError, InvalidRequestError

if TYPE_CHECKING:
    from pioreactor.procedures.self_test.fixture import Workbench

SelfTest = Callable[["Workbench"], None]
"""Raises `SelfTestFailure` when something is not as it should be. Its name begins with `test_`."""
_extra: dict[str, SelfTest] = {}


class SelfTestFailure(HardwareError):
    """A part is not as it should be; the remedy says what to check."""

    code = "self_test_failed"


def register_self_tests(*tests: SelfTest) -> None:
    """Add self-tests (of a plugin); one of the same name replaces an earlier one."""
    for test in tests:
        name = test.__name__
        if not name.startswith("test_"):
            raise InvalidRequestError(f"the name of a self-test begins with test_, not {name!r}")
        _extra[name] = test


def all_self_tests() -> dict[str, SelfTest]:
    """Return every self-test by its name without the prefix, in the order in which they run."""
    from pioreactor.procedures.self_test import heating, light, power, stirring

    built_in = [*power.TESTS, *light.TESTS, *heating.TESTS, *stirring.TESTS]
    tests = {test.__name__: test for test in built_in}
    tests.update(_extra)
    return {name.removeprefix("test_"): test for name, test in tests.items()}


def check(condition: bool, what: str, *, remedy: str) -> None:
    """Raise `SelfTestFailure` unless the condition holds."""
    if not condition:
        raise SelfTestFailure(what, remedy=remedy)
