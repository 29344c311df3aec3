"""The definition of a self-test, and the registration of those of plugins."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor.exc import InvalidRequestError
from pioreactor.procedures.self_test.fixture import SelfTestFixture

SelfTest = Callable[[SelfTestFixture], None]
"""A function that raises `SelfTestFailure` if a part is faulty. Its name begins with `test_`."""
_extra: dict[str, SelfTest] = {}


def register_self_tests(*tests: SelfTest) -> None:
    """Add self-tests (of a plugin); one of the same name replaces an earlier one."""
    for test in tests:
        name = test.__name__
        if not name.startswith("test_"):
            raise InvalidRequestError(f"the name of a self-test begins with test_, not {name!r}")
        _extra[name] = test


def registered_self_tests() -> dict[str, SelfTest]:
    """Return the self-tests that plugins have added, by function name."""
    return dict(_extra)
