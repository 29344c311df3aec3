"""Whether a board thermometer follows the heater as any board would."""

from __future__ import annotations

from collections import deque
from typing import Final

from pioreactor.science.temperature.plant import Plant

WINDOW_S: Final = 120.0
CLEAR_SWING_K: Final = 2.5
"""A swing of the board this large shows through the liquid's own drift and any noise."""
MIN_SWING_K: Final = 1.0
"""For a reading that does not move at all, this much is enough."""
MIN_SHARE: Final = 0.1
SUBSTEP_S: Final = 1.0


class BoardExpectation:
    """How far the board must have swung lately, given what the heater did, on a liquid that keeps its temperature."""

    def __init__(self, nominal: Plant) -> None:
        self._plant = nominal
        self._board = self._wall = 0.0
        self._lately: deque[tuple[float, float, float]] = deque()

    def follows(self, at_s: float, duration_s: float, duty_percent: float, celsius: float) -> bool:
        """Take in a reading and the mean duty before it; return False when the reading ignores the heater."""
        self._advance(min(duration_s, WINDOW_S), self._plant.power_w(duty_percent))
        self._lately.append((at_s, self._board, celsius))
        while self._lately[0][0] < at_s - WINDOW_S:
            self._lately.popleft()
        expected = self._swing(1)
        seen = self._swing(2)
        if expected >= CLEAR_SWING_K:
            return seen > MIN_SHARE * expected
        return expected < MIN_SWING_K or seen > 0.0

    def has_shown(self) -> bool:
        """Return whether lately the heater did enough for the answer to mean something."""
        return self._swing(1) >= CLEAR_SWING_K

    def forget(self) -> None:
        """Begin a new window; heat in board and wall is remembered."""
        self._lately.clear()

    def _swing(self, column: int) -> float:
        values = [row[column] for row in self._lately]
        return max(values) - min(values)

    def _advance(self, duration_s: float, power_w: float) -> None:
        k = self._plant
        while duration_s > 0.0:
            h = min(SUBSTEP_S, duration_s)
            passed_w = k.board_wall_w_k * (self._board - self._wall)
            self._board += h * (power_w - passed_w) / k.board_j_k
            self._wall += h * (passed_w - k.wall_liquid_w_k * self._wall) / k.wall_j_k
            duration_s -= h
