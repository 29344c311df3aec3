"""What a self-test raises when a part is faulty."""

from pioreactor.exc import HardwareError


class SelfTestFailure(HardwareError):
    """A part is faulty; the remedy states what to check."""

    code = "self_test_failed"


def check(condition: bool, what: str, *, remedy: str) -> None:
    """Raise `SelfTestFailure` unless the condition holds."""
    if not condition:
        raise SelfTestFailure(what, remedy=remedy)
