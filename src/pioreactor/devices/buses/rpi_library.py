"""Imports a Raspberry Pi library when a wire is first used, saying what to install when it is absent."""

from importlib import import_module
from types import ModuleType

from pioreactor.exc import HardwareNotFoundError


def import_rpi(name: str) -> ModuleType:
    """Return the module, or raise `HardwareNotFoundError`."""
    try:
        return import_module(name)
    except ImportError as error:
        raise HardwareNotFoundError(
            f"the library {name} is not installed ({error})",
            remedy="Install the extra `rpi` (`pip install 'pioreactor[rpi]'`), or choose a simulated rig.",
        ) from error
