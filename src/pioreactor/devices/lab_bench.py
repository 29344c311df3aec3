"""Port of the lab bench beside a simulated reactor: vials of standards, and a cup on a scale."""

from typing import Literal, Protocol

import msgspec


class LabBenchState(msgspec.Struct, frozen=True):
    """State of the lab bench. Volumes in mL; the scale shows whole microlitres."""

    vial: Literal["culture", "standard"]
    """Which vial is in the reactor."""
    standard_od: float | None
    """OD600 that the standard was made to; null while the culture is in the reactor."""
    volume_ml: float
    """In the vial that is in the reactor."""
    tubes: Literal["vial", "cup"]
    """Where the pumps' outlets end."""
    cup_ml: float
    """What the pumps moved into the cup since it was emptied."""
    lens_turns: float = 0.0
    """How far the lens of the camera is turned from its focus, in turns."""


class LabBench(Protocol):
    """Manual operations on a simulated reactor. They are idempotent and return the new state."""

    def state(self) -> LabBenchState: ...

    def place_standard(self, od: float, volume_ml: float | None = None) -> LabBenchState:
        """Put a vial with a standard of this OD600 in; the culture stands aside and does not age.

        Without a volume the standard has that of the culture. Raise `InvalidRequestError` for what fits no vial.
        """
        ...

    def return_culture(self) -> LabBenchState:
        """Put the culture in again as it was when it was taken out."""
        ...

    def tare(self) -> LabBenchState:
        """Empty the cup, set the scale to 0, and lead the tubes of all pumps into the cup."""
        ...

    def return_tubes(self) -> LabBenchState:
        """Lead the tubes to the vial again; what is in the cup stays there."""
        ...

    def turn_lens(self, turns: float) -> LabBenchState:
        """Turn the lens of the camera to this many turns from its focus.

        Raise `InvalidRequestError` beyond its stops.
        """
        ...
