"""The `pio calibrations` group, under the name plugins import to add commands to it."""

from pioreactor.cli.commands.calibrations import calibrations as calibration

__all__ = ["calibration"]
