"""Circulation of liquid to rinse tubes and vial: the waste pump runs continuously, the other in pulses."""

from __future__ import annotations

from contextlib import ExitStack

from pioreactor.actions.dosing import (
    WASTE,
    PumpDevice,
    PumpRate,
    RunLedger,
    UncalibratedPump,
    free_volume_ml,
    load_pump_rate,
    running_pump,
)
from pioreactor.devices.ports import PwmOutput
from pioreactor.exc import StoppedError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.runtime import context

LEAD_S = 1.0
"""Time by which the waste pump starts earlier, and stops later."""
PULSE_S = 1.0
MAX_ADDING_FRACTION = 0.85
"""Largest fraction of each pulse in which liquid is added."""


def share_of(adding: PumpRate | None, removing: PumpRate | None) -> float:
    """Return the fraction of each second in which liquid may be added so that the waste pump keeps up."""
    if adding is None or removing is None:
        return MAX_ADDING_FRACTION
    added, removed = adding.duration_to_ml(60.0), removing.duration_to_ml(60.0)
    return min(MAX_ADDING_FRACTION, removed / added) if added > 0 else MAX_ADDING_FRACTION


class _Circulation:
    """Two pumps and their ledger entries."""

    def __init__(self, action: managed_lifecycle, pump: PumpDevice, source_of_event: str) -> None:
        self._action = action
        adding, removing = load_pump_rate(action, pump), load_pump_rate(action, WASTE)
        self._share = share_of(adding, removing)
        self._adding: PumpRate = adding if adding is not None else UncalibratedPump()
        self._removing: PumpRate = removing if removing is not None else UncalibratedPump()
        self._added = RunLedger(action, pump, source_of_event)
        self._removed = RunLedger(action, WASTE, source_of_event)
        self._pump = pump
        self._added_s = 0.0
        self._removed_since_s = 0.0

    def run(self, duration_s: float) -> tuple[float, float]:
        """Circulate; return what was added and the volume requested from the waste pump [mL]."""
        action, clock = self._action, self._action.runtime.clock
        rig = action.runtime.open_rig()
        with ExitStack() as outputs:
            waste = rig.pwm(WASTE.role, owner=action.owner, hz=self._removing.hz)
            outputs.callback(waste.release)
            media = rig.pwm(self._pump.role, owner=action.owner, hz=self._adding.hz)
            outputs.callback(media.release)
            outputs.callback(self._report)
            outputs.enter_context(running_pump(action, waste, self._removing.dc))
            self._removed_since_s = clock.monotonic()
            try:
                action.sleep(LEAD_S)
                until_s = clock.monotonic() + duration_s
                while (left_s := until_s - clock.monotonic()) > 1e-9:
                    self._pulse(media, min(PULSE_S, left_s))
                action.sleep(LEAD_S)
            except StoppedError:
                action.logger.info("Stopped.")
        return self._added.reported_ml, self._removed.reported_ml

    def _pulse(self, media: PwmOutput, length_s: float) -> None:
        action, clock = self._action, self._action.runtime.clock
        on_s = self._share * length_s
        if free_volume_ml(action) <= self._adding.duration_to_ml(on_s):
            action.logger.warning("The vial is full; only waste is pumped.")
            action.sleep(length_s)
            return
        began_s = clock.monotonic()
        try:
            media.set_duty(self._adding.dc)
            action.sleep(on_s)
        finally:
            self._added_s += clock.monotonic() - began_s
            media.off()
            self._report()
        action.sleep(length_s - on_s)

    def _report(self) -> None:
        removed_s = self._action.runtime.clock.monotonic() - self._removed_since_s
        self._added.report(self._adding.duration_to_ml(self._added_s))
        self._removed.report(self._removing.duration_to_ml(removed_s))


def circulate(
    pump: PumpDevice,
    duration_s: float,
    *,
    unit: str | None = None,
    experiment: str | None = None,
    source_of_event: str = "circulate",
) -> tuple[float, float]:
    """Circulate for a time; return what was added and the volume requested from the waste pump [mL]."""
    where, what_for = context.current().place(unit, experiment)
    with managed_lifecycle(where, what_for, f"circulate_{pump.role}") as action:
        return _Circulation(action, pump, source_of_event).run(duration_s)
