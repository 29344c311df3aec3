"""Faults as data: kind, start, end and severity."""

from typing import Literal

import msgspec

FaultKind = Literal[
    "stalled_fan",
    "empty_media_bottle",
    "empty_alt_media_bottle",
    "blocked_waste",
    "saturated_photodiode",
    "i2c_dropout",
    "stuck_heater_sensor",
    "dead_heater",
    "dim_ir_led",
    "ref_drift",
    "ambient_step",
    "ambient_light",
    "mains_hum",
    "bubbles",
    "pump_gain",
    "air_in_line",
    "foam",
    "moved_vial",
]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One fault, between two times [s since the world began].

    `target` names the part: a photodiode channel, an I²C address ("0x48"), a pump ("media"). `value` is in the
    unit of the kind: `ref_drift` share per hour, `ambient_step` K, `ambient_light` V, `mains_hum` share of the
    signal, `bubbles` chance per 5 s, `pump_gain` and `dim_ir_led` factor, `air_in_line` mL, `foam` mm
    of height, `moved_vial` factor of the scattered light (0: no vial).
    """

    kind: FaultKind
    start_s: float = 0.0
    end_s: float = float("inf")
    target: str = ""
    value: float | None = None


DEFAULT_VALUES: dict[str, float] = {
    "ref_drift": 0.01,
    "ambient_step": -5.0,
    "ambient_light": 0.1,
    "mains_hum": 0.035,
    "bubbles": 0.03,
    "pump_gain": 0.8,
    "dim_ir_led": 0.5,
    "air_in_line": 1.0,
    "foam": 12.0,
    "moved_vial": 0.6,
}


TARGETS: dict[str, tuple[str, ...]] = {
    "pump_gain": ("media", "alt_media", "waste"),
    "air_in_line": ("media", "alt_media", "waste"),
    "saturated_photodiode": ("1", "2", "3", "4"),
}
"""Parts that a kind can name; none named means all of them (`air_in_line`: the media pump)."""


def strength(fault: Fault) -> float:
    """Return the value of a fault, or the default of its kind."""
    return fault.value if fault.value is not None else DEFAULT_VALUES.get(fault.kind, 1.0)


def address_of(fault: Fault) -> int:
    """Return the I²C address a dropout names; it must read like "0x48" or "72"."""
    return int(fault.target, 0)


class Faults:
    """Schedule of the faults of one world, polled once a second."""

    def __init__(self, plan: tuple[Fault, ...]) -> None:
        self._plan = list(plan)
        self._next_s = 0.0 if plan else float("inf")

    def add(self, fault: Fault) -> None:
        self._plan.append(fault)
        self._next_s = 0.0

    def is_due(self, at_s: float) -> bool:
        """Return whether a fault may have started, ended or drifted since the last call."""
        return at_s >= self._next_s

    def active(self, at_s: float) -> list[Fault]:
        """Return the active faults, and schedule the next change."""
        edges = [edge for fault in self._plan for edge in (fault.start_s, fault.end_s) if edge > at_s]
        now = [fault for fault in self._plan if fault.start_s <= at_s < fault.end_s]
        if any(fault.kind == "ref_drift" for fault in now):
            edges.append(at_s + 60.0)
        self._next_s = min(edges, default=float("inf"))
        return now
