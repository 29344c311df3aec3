"""Charts that steps show: points, and the curve through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def chart(title: str, x_label: str, y_label: str, *series: Mapping[str, Any]) -> dict[str, Any]:
    return {"title": title, "x_label": x_label, "y_label": y_label, "series": list(series)}


def series(
    name: str, label: str, xs: Sequence[float], ys: Sequence[float], curve: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return points, and the curve's data where there is one."""
    points = [{"x": x, "y": y} for x, y in zip(xs, ys, strict=True)]
    return {"id": name, "label": label, "points": points, **({"curve": dict(curve)} if curve is not None else {})}
