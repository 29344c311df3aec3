"""The version of this software, spelled once."""

__version__ = "27.0.0.dev0"
