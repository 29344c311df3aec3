"""Measured values that a job publishes."""

from __future__ import annotations

from pioreactor.jobs.published_attribute import PublishedAttribute, T
from pioreactor.types import PublishableSettingDataType


class Measurement(PublishedAttribute[T | None]):
    """Measured value that a job publishes and that cannot be set; `T` is the type of its payload.

    The value is None until the first measurement. `quantity` is the name of the recorded quantity
    (`pioreactor.measurements`) that the messages belong to, if they are recorded.
    """

    def __init__(
        self,
        *,
        unit: str | None = None,
        label: str | None = None,
        help: str | None = None,
        quantity: str | None = None,
        datatype: PublishableSettingDataType | None = None,
        persist: bool = False,
        display: bool = True,
    ) -> None:
        super().__init__(None, datatype=datatype, unit=unit, label=label, help=help, persist=persist, display=display)
        self.quantity = quantity
