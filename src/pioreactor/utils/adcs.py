"""The analog inputs under a name that older plugins import."""

from __future__ import annotations

from typing import cast

from pioreactor.runtime.context import current
from pioreactor.types import PdChannel


class ADC:
    """Reads photodiodes by their channel."""

    def __init__(self, *_ignored: object, **__ignored: object) -> None:
        self._rig = current().open_rig()

    def read_from_channel(self, channel: object) -> float:
        """Return the voltage of photodiode 1–4 [V]."""
        return self._rig.photodiode(cast(PdChannel, str(channel))).read_volts()
