"""Options of `pio run <job>` that are not settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class StartOption:
    """An option that only matters at the start of a job: a flag, or a switch whose default is configured."""

    name: str
    help: str
    kind: Literal["flag", "boolean"] = "flag"


FAKE_DATA: Final = StartOption(
    "fake_data", "Read a simulated culture that begins now: no hardware is used. It is recorded."
)
"""The command line then gives the job a simulated reactor in this process."""
