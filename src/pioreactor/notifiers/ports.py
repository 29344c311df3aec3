"""The port of notifiers."""

from typing import Protocol

from pioreactor.alarms.records import Notice
from pioreactor.exc import PioreactorError


class DeliveryError(PioreactorError):
    """A message about an alarm was not delivered."""

    code = "delivery"
    status = 502

    def __init__(self, message: str, *, is_final: bool = False, remedy: str | None = None) -> None:
        """`is_final`: another attempt is of no use, or might deliver the message twice."""
        super().__init__(message, remedy=remedy)
        self.is_final = is_final


class Notifier(Protocol):
    """One destination. Its messages for errors hold no secrets."""

    def send(self, notice: Notice, *, delivery_id: str) -> None:
        """Hand over a message, and return once the receiver has accepted it; raise `DeliveryError`.

        Takes at most `TIMEOUT_S`. Receivers recognize a message that comes twice by `delivery_id`.
        """
        ...


TIMEOUT_S = 20.0
"""Longest duration of an attempt [s]."""
