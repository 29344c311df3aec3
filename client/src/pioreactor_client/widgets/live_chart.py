"""A chart of one quantity that grows while its points are measured."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import anywidget
import traitlets

from pioreactor_client.quantity import Point, Quantity

MAX_POINTS: Final = 2000
"""Points of one line that are kept; each second one is left out when there are more, which halves the resolution."""
_SHOW_EVERY: Final = timedelta(seconds=0.25)


class LiveChart(anywidget.AnyWidget):
    """Lines of a quantity over time, one for each photodiode where there are several.

    It begins with what was recorded in the last `hours`; `follow` adds what is measured from then on.
    """

    _esm = Path(__file__).with_name("live_chart.js")
    title = traitlets.Unicode().tag(sync=True)
    unit = traitlets.Unicode().tag(sync=True)
    lines = traitlets.Dict().tag(sync=True)
    """[time in ms since 1970, value] of each point, by line."""

    def __init__(self, quantity: Quantity, *, hours: float = 1.0) -> None:
        if not hours >= 0:
            raise ValueError(f"hours cannot be negative: {hours:g}")
        super().__init__(title=repr(quantity).strip("<>").split(" [")[0], unit=quantity.spec.unit or "")
        self._quantity = quantity
        self._points: dict[str, list[tuple[float, float]]] = {}
        self._steps: dict[str, tuple[int, int]] = {}
        if hours > 0:
            self._load(hours)
        self._show()

    def follow(self, *, seconds: float = 0.0, minutes: float = 0.0, hours: float = 0.0) -> None:
        """Add points for so long; on a simulated cluster that time passes. An interrupt ends it early."""
        duration = timedelta(seconds=seconds, minutes=minutes, hours=hours)
        if duration <= timedelta(0):
            raise ValueError("say how long to follow: seconds, minutes or hours")
        transport = self._quantity.reactor.api.transport
        end = transport.now() + duration
        shown = datetime.now().astimezone()
        try:
            for point in self._quantity.live(timeout_s=duration.total_seconds()):
                self._add(point)
                if transport.now() >= end:
                    break
                now = datetime.now().astimezone()
                if now - shown >= _SHOW_EVERY:
                    self._show()
                    shown = now
        except KeyboardInterrupt:
            pass  # The usual way to end a cell that runs: what was measured so far is shown.
        finally:
            self._show()

    def _load(self, hours: float) -> None:
        spec = self._quantity.spec
        for row in self._quantity.history(hours=hours).rows():
            value, at = row.get(spec.column), row.get("timestamp")
            if isinstance(value, float) and isinstance(at, str):
                channel = row.get("channel")
                name = str(int(channel)) if isinstance(channel, float) else channel
                self._add(Point(datetime.fromisoformat(at), value, spec.unit, name))

    def _add(self, point: Point) -> None:
        """Keep a point; beyond the limit each second one is left out, of those kept and of those to come."""
        name = point.channel or ""
        points = self._points.setdefault(name, [])
        step, seen = self._steps.get(name, (1, 0))
        if seen % step == 0:
            points.append((point.time.timestamp() * 1000, point.value))
        if len(points) > MAX_POINTS:
            del points[1::2]
            step *= 2
        self._steps[name] = (step, seen + 1)

    def _show(self) -> None:
        shown: dict[str, Any] = {name: list(points) for name, points in self._points.items()}
        self.lines = shown
