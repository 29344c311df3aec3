"""Options of `pio run <job>` that are not settings, and arguments of constructors."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Final, Literal

from pioreactor.runtime import context
from pioreactor.types import UNIVERSAL_EXPERIMENT


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


def constructor_arguments(job: type) -> dict[str, str]:
    """Return unit, experiment and, for classes of plugins that ask for it, the plugin's name."""
    runtime = context.current()
    parameters = inspect.signature(job.__init__).parameters  # type: ignore[misc]  # the constructor of exactly this class
    arguments: dict[str, str] = {"unit": runtime.unit}
    if parameters["experiment"].default != UNIVERSAL_EXPERIMENT:
        arguments["experiment"] = str(runtime.identity.experiment())
    if "plugin_name" in parameters:
        arguments["plugin_name"] = job.__module__
    return arguments
