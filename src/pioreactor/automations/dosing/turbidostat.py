"""Turbidostat: hold biomass at a target by dilution."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Unpack

from pioreactor.automations.dosing.base import DosingAutomationJob, DosingOptions
from pioreactor.automations.dosing.turbidostat_logic import Confirmation, Exchange, TurbidostatLogic
from pioreactor.automations.events import AutomationEvent, DilutionEvent
from pioreactor.automations.latest_readings import MAX_READING_AGE_S, Signal
from pioreactor.exc import CalibrationError, InvalidRequestError
from pioreactor.jobs.settings import Setting

SIGNALS = ("auto", "normalized_od", "od_fused", "od")
SETTLING_S = 30.0
"""Time after a dose for which unfiltered readings are ignored while the dose mixes."""
ESTIMATE_DELAY_S = 8.0
"""Minimum time between a dose and an estimate that accounts for it."""
MEDIAN_LENGTH = 7


class Turbidostat(DosingAutomationJob):
    """Dilute the culture whenever it is above its target.

    The filtered OD of `growth_rate_calculating`, which accounts for doses, is used so that noise and bubbles do not
    trigger dilution; for a target in units of OD, filtered OD is scaled to them. Without an estimate, the median of
    the last readings is used.
    """

    automation_name = "turbidostat"

    target_biomass = Setting[float](
        unit="OD or AU", label="Target biomass", ge=0, le=1e6,
        help="biomass to hold, in the unit of the biomass signal",
    )  # fmt: skip
    exchange_volume_ml = Setting(
        1.0, unit="mL", label="Largest exchange", ge=0.05, le=10_000, le_by_model="reactor_capacity_ml",
        help="largest volume of one exchange; smaller ones are used where they hold the target better",
    )  # fmt: skip
    biomass_signal = Setting(
        "auto", label="Biomass signal", choices=SIGNALS,
        help="what is held: normalized_od (relative to the start), od_fused or od (calibrated); auto chooses",
    )  # fmt: skip

    def __init__(
        self,
        target_biomass: float | str | None = None,
        exchange_volume_ml: float | str = 1.0,
        biomass_signal: str = "auto",
        **options: Unpack[DosingOptions],
    ) -> None:
        if target_biomass is None:
            raise InvalidRequestError("a turbidostat needs a target", remedy="Give --target-biomass.")
        super().__init__(**options)
        self.expect_od()
        self._has_trigger = True
        self.target_biomass = type(self).target_biomass.parse(target_biomass)
        self.exchange_volume_ml = type(self).exchange_volume_ml.parse(exchange_volume_ml)
        self.biomass_signal = self._resolve(biomass_signal)
        self._settled_at_s = float("-inf")
        """Monotonic moment at which the last dose counts as mixed in."""
        self._confirmation = Confirmation()
        self._scales: deque[float] = deque(maxlen=25)
        self._recent: deque[float] = deque(maxlen=MEDIAN_LENGTH)

    def _resolve(self, signal: str) -> str:
        if signal not in SIGNALS:
            raise InvalidRequestError(f"there is no biomass signal {signal!r}; known are {', '.join(SIGNALS)}")
        if signal != "auto":
            return signal
        configured = self.runtime.settings.turbidostat.biomass_signal
        if configured != "auto":
            return configured
        if self.runtime.stores.persistent("active_estimators").get("od_fused") is not None:
            return "od_fused"
        return "od" if self.is_od_calibrated else "normalized_od"

    def set_biomass_signal(self, signal: str) -> None:
        self.biomass_signal = self._resolve(signal)
        self._scales.clear()
        self._recent.clear()

    def signals(self) -> tuple[Signal, ...]:
        of_name: dict[str, Signal] = {"od_fused": self._od_fused, "od": self._od}
        return (of_name.get(self.biomass_signal, self._normalized_od),)

    def on_ready(self) -> None:
        """Pause if the target is in units of a calibration that cannot be used."""
        super().on_ready()
        if self.biomass_signal != "od":
            return
        try:
            self.check_od_calibrations()
        except CalibrationError as error:
            self.logger.error("%s. Dosing is paused: there is no calibrated signal. %s", error, error.remedy)
            self.pause_soon()

    # ---- decisions ------------------------------------------------------------------------------------------

    def on_new_biomass(self, signal: str) -> None:
        if signal == self.biomass_signal and signal != "normalized_od":
            self._store_reading(self._unfiltered())
        if signal == self._control_signal():
            self.trigger_run_once_from_event()

    def _control_signal(self) -> str:
        return "normalized_od" if self._normalized_od.is_fresh else self.biomass_signal

    def _unfiltered(self) -> float:
        """Return the newest unfiltered reading of the chosen signal; for `od`, of the lowest-numbered channel."""
        if self.biomass_signal == "od_fused":
            return self.latest_od_fused
        ods = self.latest_od
        return ods[min(ods)]

    def _store_reading(self, reading: float) -> None:
        self._recent.append(reading)
        if reading > 0 and self._normalized_od.is_fresh and self.latest_normalized_od > 0 and not self._is_settling():
            self._scales.append(reading / self.latest_normalized_od)

    def _is_settling(self) -> bool:
        return self.runtime.clock.monotonic() < self._settled_at_s

    def _estimate_includes_last_dose(self) -> bool:
        """Return whether the newest estimate was made late enough after the last dose."""
        clock, at = self.runtime.clock, self._normalized_od.at
        age_s = 0.0 if at is None else (clock.now() - at).total_seconds()
        if not 0 <= age_s <= MAX_READING_AGE_S:
            age_s = 0.0  # The wall clock was stepped; a message just received is recent.
        return clock.monotonic() - age_s >= self._settled_at_s - (SETTLING_S - ESTIMATE_DELAY_S)

    def _biomass(self) -> float | None:
        """Return the biomass in the unit of the target; None while it is unknown."""
        if self.biomass_signal == "normalized_od":
            return self.latest_normalized_od
        if self._normalized_od.is_fresh and len(self._scales) >= MEDIAN_LENGTH:
            return self.latest_normalized_od * median(self._scales)
        if len(self._recent) >= MEDIAN_LENGTH and not self._is_settling():
            return median(self._recent)
        return None

    def execute(self) -> AutomationEvent | None:
        is_waiting = not self._estimate_includes_last_dose() if self._normalized_od.is_fresh else self._is_settling()
        if is_waiting:
            return None
        biomass = self._biomass()
        now_s = self.runtime.clock.monotonic()
        target_biomass = self.target_biomass  # which may be set while the pumps run
        if biomass is None or self._confirmation.is_awaited(biomass, target_biomass, now_s):
            return None
        logic = TurbidostatLogic(target_biomass, self.exchange_volume_ml)
        exchange = logic.decide(biomass, self.current_volume_ml, self.pump_gain)
        return None if exchange is None else self._dilute(exchange, biomass, target_biomass)

    def _dilute(self, exchange: Exchange, biomass: float, target_biomass: float) -> AutomationEvent:
        volume_ml = round(exchange.volume_ml, 3)
        try:
            moved = self.execute_io_action(media_ml=volume_ml, waste_ml=volume_ml)
        finally:
            self._recent.clear()
            self._settled_at_s = self.runtime.clock.monotonic() + SETTLING_S
        return DilutionEvent(
            f"biomass {biomass:.3g} was above its target {target_biomass:.3g}",
            {
                "latest_biomass": biomass,
                "target_biomass": target_biomass,
                "resolved_biomass_signal": self.biomass_signal,
                "exchange_volume_ml": volume_ml,
                "volume_actually_moved_ml": moved["media_ml"],
            },
        )
