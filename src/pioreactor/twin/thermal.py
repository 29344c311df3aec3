"""Heat: heater board, vial wall and liquid as three nodes, advanced exactly over one second."""

import math
from dataclasses import dataclass

J_PER_ML_K = 4.18

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ThermalSet:
    """Heat capacities [J/K], conductances [W/K] and heater power at full duty [W] of one hardware generation."""

    board_j_k: float
    wall_j_k: float
    board_wall_w_k: float
    wall_liquid_w_k: float
    board_air_w_k: float
    wall_air_w_k: float
    liquid_air_w_k: float
    heater_w: float


THERMAL_SETS: dict[str, ThermalSet] = {
    "1.0": ThermalSet(2.95, 7.03, 0.124, 0.262, 0.0009, 0.0019, 0.03, 2.30),
    "1.1": ThermalSet(
        3.1221284625096497,
        4.572477391987388,
        0.39621027262441033,
        0.21291353661621995,
        0.010530261095370756,
        0.0052488324080839435,
        0.033206526863651525,
        4.207618498688336,
    ),
}
"""Fitted to recorded decays of real heater boards; "1.1" holds for 1.1 and later."""


def _multiply(a: Matrix, b: Matrix) -> Matrix:
    columns = tuple(zip(*b, strict=True))
    return tuple(tuple(sum(x * y for x, y in zip(row, col, strict=True)) for col in columns) for row in a)


def exponential(matrix: Matrix) -> Matrix:
    """Return exp(matrix) by scaling, a Taylor series and squaring; good to rounding error for small matrices."""
    norm = max(sum(abs(x) for x in row) for row in matrix)
    halvings = max(0, math.ceil(math.log2(norm)) + 4) if norm > 0.0 else 0
    scaled = tuple(tuple(x / 2**halvings for x in row) for row in matrix)
    result = _taylor_series(scaled)
    for _ in range(halvings):
        result = _multiply(result, result)
    return result


def _taylor_series(matrix: Matrix) -> Matrix:
    """Return the first 14 terms of exp(matrix)."""
    size = len(matrix)
    identity: Matrix = tuple(tuple(float(i == j) for j in range(size)) for i in range(size))
    result, term = identity, identity
    for n in range(1, 14):
        term = tuple(tuple(x / n for x in row) for row in _multiply(term, matrix))
        result = tuple(tuple(x + y for x, y in zip(r, t, strict=True)) for r, t in zip(result, term, strict=True))
    return result


class Thermal:
    """Temperatures [°C] of board, wall and liquid; one `step` is one second."""

    def __init__(self, constants: ThermalSet, *, start_celsius: float, ambient_celsius: float) -> None:
        self.constants = constants
        self.board = self.wall = self.liquid = start_celsius
        self.ambient = ambient_celsius
        self._steps: dict[int, tuple[float, ...]] = {}
        self._volume_key = -1
        self._now: tuple[float, ...] = ()

    def step(self, duty_percent: float, volume_ml: float) -> None:
        """Advance by one second with this mean heater duty."""
        key = int(volume_ml * 10.0 + 0.5)
        if key != self._volume_key:
            self._volume_key = key
            self._now = self._steps.get(key) or self._prepare(key)
        a, b, c, d, e, f, g, h, i, p, q, r = self._now
        ambient = self.ambient
        x, y, z = self.board - ambient, self.wall - ambient, self.liquid - ambient
        power = self.constants.heater_w * duty_percent / 100.0
        self.board = ambient + a * x + b * y + c * z + p * power
        self.wall = ambient + d * x + e * y + f * z + q * power
        self.liquid = ambient + g * x + h * y + i * z + r * power

    def mix(self, kept: float, inflow_celsius: float) -> None:
        """Let liquid of another temperature flow in; `kept` is the share of the old liquid."""
        self.liquid = self.liquid * kept + inflow_celsius * (1.0 - kept)

    def board_rate(self, duty_percent: float) -> float:
        """Return how fast the board's temperature changes at this moment [K/s]."""
        k = self.constants
        gained = k.heater_w * duty_percent / 100.0
        lost = k.board_wall_w_k * (self.board - self.wall) + k.board_air_w_k * (self.board - self.ambient)
        return (gained - lost) / k.board_j_k

    def _prepare(self, key: int) -> tuple[float, ...]:
        """Work out the exact one-second step at this volume (tenths of mL), heater input included as a fourth state."""
        k = self.constants
        liquid_j_k = J_PER_ML_K * max(0.5, key / 10.0)
        pw, wl = k.board_wall_w_k, k.wall_liquid_w_k
        flows: Matrix = (
            (-(pw + k.board_air_w_k) / k.board_j_k, pw / k.board_j_k, 0.0, 1.0 / k.board_j_k),
            (pw / k.wall_j_k, -(pw + wl + k.wall_air_w_k) / k.wall_j_k, wl / k.wall_j_k, 0.0),
            (0.0, wl / liquid_j_k, -(wl + k.liquid_air_w_k) / liquid_j_k, 0.0),
            (0.0, 0.0, 0.0, 0.0),
        )
        e = exponential(flows)
        step = (*e[0][:3], *e[1][:3], *e[2][:3], e[0][3], e[1][3], e[2][3])
        if len(self._steps) > 2000:
            self._steps.clear()
        self._steps[key] = step
        return step
