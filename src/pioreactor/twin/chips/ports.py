"""Port of simulated chips, and the factory that each chip module defines for the table of drivers."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol

from pioreactor.devices.driver_table import DRIVERS
from pioreactor.twin.world import World

VoltsAt = Callable[[float, int], float]
"""Voltage of an input at a world time [s], for conversion number n."""


class Chip(Protocol):
    """A simulated chip on the I²C bus."""

    def transfer(self, write: bytes, read_length: int, at_s: float) -> bytes:
        """Answer one I²C transfer at this world time [s]."""
        ...


class ChipFactory(Protocol):
    """Function that creates a chip at an address of a world, with the voltages of its analog inputs."""

    def __call__(self, world: World, address: int, inputs: Mapping[int, VoltsAt]) -> Chip: ...


def find_factory(driver: str) -> ChipFactory:
    """Return the factory of the simulated chip of a driver."""
    module, _, function = DRIVERS[driver].twin.partition(":")
    factory: ChipFactory = getattr(import_module(module), function)
    return factory
