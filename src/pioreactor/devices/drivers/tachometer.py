"""The Hall sensor under the stir bar's magnets: one falling edge a revolution."""

from collections.abc import Sequence
from typing import Final

from pioreactor.devices.buses.ports import GpioLines

_BOUNCE_S: Final = 0.005
"""Edges closer than this are one edge that bounced: no fan turns at 12 000 RPM."""
_MAX_MISSED: Final = 3
_TOLERANCE: Final = 0.15


def rpm_from_edges(edges: Sequence[float]) -> float:
    """Return revolutions per minute, one decimal, from times of revolutions [s]; 0.0 when fewer than two are known.

    An interval close to two, three or four typical ones is taken as that many revolutions, of which the sensor
    missed some. Not reliable above about 2000 RPM.
    """
    intervals = _intervals(edges)
    if not intervals:
        return 0.0
    typical_s = sorted(intervals)[len(intervals) // 2]
    revolutions = sum(_revolutions(interval / typical_s) for interval in intervals)
    return round(60 * revolutions / sum(intervals), 1)


def _intervals(edges: Sequence[float]) -> list[float]:
    intervals = []
    last_s: float | None = None
    for edge_s in edges:
        if last_s is None:
            last_s = edge_s
        elif edge_s - last_s >= _BOUNCE_S:
            intervals.append(edge_s - last_s)
            last_s = edge_s
    return intervals


def _revolutions(ratio: float) -> int:
    nearest = round(ratio)
    is_multiple = 1 < nearest <= _MAX_MISSED + 1 and abs(ratio - nearest) <= _TOLERANCE
    return nearest if is_multiple else 1


class HallTachometer:
    """Hands on the times of edges; `rpm_from_edges` makes a speed of them."""

    def __init__(self, gpio: GpioLines, pin: int) -> None:
        self._gpio = gpio
        self._pin = pin

    def edges(self) -> list[float]:
        return self._gpio.falling_edges(self._pin)
