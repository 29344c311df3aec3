"""Holds biomass at a target by diluting."""

from __future__ import annotations

from collections import deque
from statistics import median
from typing import Any

from pioreactor.automations.dosing.base import DosingAutomationJob
from pioreactor.automations.dosing.turbidostat_logic import Confirmation, Exchange, TurbidostatLogic
from pioreactor.automations.events import AutomationEvent, DilutionEvent
from pioreactor.automations.latest_readings import OLDEST_BELIEVED_S
from pioreactor.exc import InvalidRequestError
from pioreactor.jobs.settings import Setting

SIGNALS = ("auto", "normalized_od", "od_fused", "od")
SETTLING_S = 30.0
"""After a dose, unfiltered readings are not believed this long: the dose mixes."""
HEARD_S = 8.0
"""After a dose, an estimate counts once it is so much younger: it knows the dose by then."""
READINGS_IN_MEDIAN = 7


class Turbidostat(DosingAutomationJob):
    """Dilutes whenever the culture is above its target.

    It acts on the filtered OD of `growth_rate_calculating`, which knows the doses, so that noise and bubbles do not
    dilute the culture; for a target in units of OD, filtered OD is scaled to them. While there is no estimate, the
    median of the last readings decides.
    """

    automation_name = "turbidostat"

    target_biomass = Setting[float](
        unit="OD or AU", label="Target biomass", ge=0, le=1e6,
        help="biomass to hold, in the unit of the biomass signal",
    )  # fmt: skip
    exchange_volume_ml = Setting(
        1.0, unit="mL", label="Largest exchange", ge=0.05, le=20,
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
        **kwargs: Any,
    ) -> None:
        if target_biomass is None:
            raise InvalidRequestError("a turbidostat needs a target", remedy="Give --target-biomass.")
        super().__init__(**kwargs)
        self._has_trigger = True
        self.target_biomass = type(self).target_biomass.parse(target_biomass)
        self.exchange_volume_ml = type(self).exchange_volume_ml.parse(exchange_volume_ml)
        self.biomass_signal = self._resolve(biomass_signal)
        self._quiet_until_s = float("-inf")
        """Monotonic moment at which the last dose counts as mixed in."""
        self._confirmation = Confirmation()
        self._scales: deque[float] = deque(maxlen=25)
        self._recent: deque[float] = deque(maxlen=READINGS_IN_MEDIAN)

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

    # ---- deciding ------------------------------------------------------------------------------------------

    def on_new_biomass(self, signal: str) -> None:
        if signal == self.biomass_signal and signal != "normalized_od":
            self._remember(self._unfiltered())
        if signal == self._deciding_signal():
            self.trigger_run_once_from_event()

    def _deciding_signal(self) -> str:
        return "normalized_od" if self._normalized_od.is_fresh else self.biomass_signal

    def _unfiltered(self) -> float:
        """Return the newest unfiltered reading of the chosen signal; `od` is that of the lowest-numbered channel."""
        if self.biomass_signal == "od_fused":
            return self.latest_od_fused
        ods = self.latest_od
        return ods[min(ods)]

    def _remember(self, reading: float) -> None:
        self._recent.append(reading)
        if reading > 0 and self._normalized_od.is_fresh and self.latest_normalized_od > 0 and not self._is_settling():
            self._scales.append(reading / self.latest_normalized_od)

    def _is_settling(self) -> bool:
        return self.runtime.clock.monotonic() < self._quiet_until_s

    def _estimate_knows_the_last_dose(self) -> bool:
        """Say whether the newest estimate is of a moment late enough after the last dose."""
        clock, at = self.runtime.clock, self._normalized_od.at
        age_s = 0.0 if at is None else (clock.now() - at).total_seconds()
        if not 0 <= age_s <= OLDEST_BELIEVED_S:
            age_s = 0.0  # somebody stepped the wall clock; what has just been heard is new
        return clock.monotonic() - age_s >= self._quiet_until_s - (SETTLING_S - HEARD_S)

    def _biomass(self) -> float | None:
        """Return the biomass to decide on, in the unit of the target; None while it cannot be known."""
        if self.biomass_signal == "normalized_od":
            return self.latest_normalized_od
        if self._normalized_od.is_fresh and len(self._scales) >= READINGS_IN_MEDIAN:
            return self.latest_normalized_od * median(self._scales)
        if len(self._recent) >= READINGS_IN_MEDIAN and not self._is_settling():
            return median(self._recent)
        return None

    def execute(self) -> AutomationEvent | None:
        waits = not self._estimate_knows_the_last_dose() if self._normalized_od.is_fresh else self._is_settling()
        if waits:
            return None
        biomass = self._biomass()
        now_s = self.runtime.clock.monotonic()
        if biomass is None or self._confirmation.is_awaited(biomass, self.target_biomass, now_s):
            return None
        logic = TurbidostatLogic(self.target_biomass, self.exchange_volume_ml)
        exchange = logic.decide(biomass, self.current_volume_ml, self._pump_gain)
        return None if exchange is None else self._dilute(exchange, biomass)

    def _dilute(self, exchange: Exchange, biomass: float) -> AutomationEvent:
        volume_ml = round(exchange.volume_ml, 3)
        try:
            moved = self.execute_io_action(media_ml=volume_ml, waste_ml=volume_ml)
        finally:
            self._recent.clear()
            self._quiet_until_s = self.runtime.clock.monotonic() + SETTLING_S
        return DilutionEvent(
            f"biomass {biomass:.3g} was above its target {self.target_biomass:.3g}",
            {
                "latest_biomass": biomass,
                "target_biomass": self.target_biomass,
                "resolved_biomass_signal": self.biomass_signal,
                "exchange_volume_ml": volume_ml,
                "volume_actually_moved_ml": moved["media_ml"],
            },
        )
