"""The group of `pio calibrations` under the name to which plugins add commands."""

from pioreactor.cli.commands.calibrations import calibrations as calibration

__all__ = ["calibration"]
