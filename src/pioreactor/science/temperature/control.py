"""The duty of the heater: it covers the loss to the room, and supplies missing heat within a given time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pioreactor.science.temperature.observer import LiquidObserver
from pioreactor.science.temperature.plant import PLANTS

SHIPPED_GAIN: Final = 2.6
"""`Kp` as shipped [%/°C]."""
USUAL_S: Final = 60.0
FASTEST_S: Final = 45.0
SLOWEST_S: Final = 900.0
MAX_W: Final = 0.9 * PLANTS["1.1"].heater_w
"""Upper limit of the heating power [W]; version 1.0 stays below it at full duty."""


@dataclass(frozen=True)
class HeatBalance:
    """A rule for the heater's duty.

    The heat that is missing is counted in all three nodes: what board and wall already hold will reach the liquid,
    so heating ends in time and the target is not passed.
    """

    supply_time_s: float = USUAL_S
    """Missing heat is supplied within about this time, as far as the power allows."""
    max_w: float = MAX_W
    board_limit_celsius: float = 70.0
    """The board is not driven above this."""

    @classmethod
    def with_gain(cls, gain_percent_per_k: float, *, board_limit_celsius: float) -> HeatBalance:
        """Work faster or slower than usual, in the proportion in which a gain differs from the shipped one."""
        share = gain_percent_per_k / SHIPPED_GAIN if gain_percent_per_k > 0.0 else 0.0
        supply_time_s = min(max(USUAL_S / share, FASTEST_S), SLOWEST_S) if share > 0.0 else SLOWEST_S
        return cls(supply_time_s, board_limit_celsius=board_limit_celsius)

    def duty_for(self, target_celsius: float, state: LiquidObserver, volume_ml: float) -> float:
        """Return the duty [%]."""
        plant = state.plant
        hold_w, board, wall = plant.at_rest(target_celsius, state.room_celsius)
        missing_j = (
            plant.liquid_j_k(volume_ml) * (target_celsius - state.liquid_celsius)
            + plant.wall_j_k * (wall - state.wall_celsius)
            + plant.board_j_k * (board - state.board_celsius)
        )
        wanted_w = hold_w + missing_j / self.supply_time_s
        passed_on_w = plant.board_wall_w_k * (self.board_limit_celsius - state.wall_celsius)
        lost_w = plant.board_air_w_k * (self.board_limit_celsius - state.room_celsius)
        duty = 100.0 * min(wanted_w, passed_on_w + lost_w, self.max_w) / plant.heater_w
        return min(max(duty, 0.0), 100.0)


@dataclass
class Probe:
    """Interrupts steady heating for a moment while the liquid's temperature is not well known.

    Only a change of the heater shows how well heat passes from board to liquid; a long warm-up at full power has none.
    """

    doubtful_sd: float = 0.2
    """Interrupt when the estimate is worse than this [°C]."""
    unknown_sd: float = 1.0
    """Do not heat at all while it is worse than this [°C], as after a restart with a hot board."""
    heat_at_least_s: float = 180.0
    rest_s: float = 20.0
    _heated_s: float = 0.0
    _rested_s: float = 0.0

    def apply(self, duty_percent: float, state: LiquidObserver, duration_s: float) -> float:
        """Return the duty [%] for the next stretch: the one asked for, or 0 during an interruption."""
        if state.liquid_sd > self.unknown_sd:
            return 0.0
        if 0.0 < self._rested_s < self.rest_s:
            self._rested_s += duration_s
            return 0.0
        self._rested_s = 0.0
        self._heated_s += duration_s
        if self._heated_s <= self.heat_at_least_s or state.liquid_sd <= self.doubtful_sd:
            return duty_percent
        self._heated_s = 0.0
        self._rested_s = duration_s
        return 0.0
