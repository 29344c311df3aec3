"""Heat flow in a reactor: heater board, vial wall and liquid as three nodes that also lose heat to the room.

board:   Cp dTp/dt = P − Gpw (Tp − Tw) − Gpa (Tp − Ta)
wall:    Cw dTw/dt = Gpw (Tp − Tw) − Gwl (Tw − Tl) − Gwa (Tw − Ta)
liquid:  Cl dTl/dt = Gwl (Tw − Tl) − Gla (Tl − Ta)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

WATER_J_PER_ML_K: Final = 4.18
LEAST_VOLUME_ML: Final = 1.0
PROPERTIES: Final = 8

Vector = tuple[float, ...]
Matrix = tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class Plant:
    """Heat capacities [J/K], conductances [W/K] and heater power at full duty [W]."""

    board_j_k: float
    wall_j_k: float
    board_wall_w_k: float
    wall_liquid_w_k: float
    board_air_w_k: float
    wall_air_w_k: float
    liquid_air_w_k: float
    heater_w: float
    liquid_ratio: float = 1.0
    """Heat capacity of the liquid relative to that much water."""

    def scaled(self, logarithms: Vector) -> Plant:
        """Return it with capacities and conductances multiplied by exp of these, in the order of the fields.

        The liquid's capacity comes between the wall's and the conductances: a volume is never quite what is believed.
        """
        board, wall, liquid, pw, wl, pa, wa, la = map(math.exp, logarithms)
        return Plant(
            self.board_j_k * board,
            self.wall_j_k * wall,
            self.board_wall_w_k * pw,
            self.wall_liquid_w_k * wl,
            self.board_air_w_k * pa,
            self.wall_air_w_k * wa,
            self.liquid_air_w_k * la,
            self.heater_w,
            self.liquid_ratio * liquid,
        )

    def power_w(self, duty_percent: float) -> float:
        return self.heater_w * duty_percent / 100.0

    def liquid_j_k(self, volume_ml: float) -> float:
        return self.liquid_ratio * WATER_J_PER_ML_K * max(volume_ml, LEAST_VOLUME_ML)

    def at_rest(self, liquid: float, ambient: float) -> tuple[float, float, float]:
        """Return the power [W] that holds the liquid at a temperature, and the board's and wall's temperatures [°C]."""
        lost_w = self.liquid_air_w_k * (liquid - ambient)
        wall = liquid + lost_w / self.wall_liquid_w_k
        lost_w += self.wall_air_w_k * (wall - ambient)
        board = wall + lost_w / self.board_wall_w_k
        return lost_w + self.board_air_w_k * (board - ambient), board, wall


PLANTS: Final = {
    "1.0": Plant(2.95, 7.03, 0.124, 0.262, 0.0009, 0.0019, 0.03, 2.30),
    "1.1": Plant(3.122, 4.572, 0.3962, 0.2129, 0.01053, 0.00525, 0.03321, 4.208),
}
"""Fitted to recorded decays of heater boards (twin.md §1.4): 21 of model version 1.0; 2 of version 1.1, whose fit also
agrees with the reference's regression at every steady state from 26 to 42 °C. Units of one model differ by ±15 %."""


def plant_of(model_version: str) -> Plant:
    """Return the nominal plant of a reactor model's version; later ones have the heater of 1.1."""
    return PLANTS["1.0" if model_version == "1.0" else "1.1"]


@dataclass(frozen=True, slots=True)
class Step:
    """What a stretch of time does to (board, wall, liquid), all relative to the room: `matrix`·T + `per_watt`·P."""

    matrix: Matrix
    per_watt: Vector


def step_of(plant: Plant, volume_ml: float, duration_s: float) -> Step:
    """Solve the equations exactly for a stretch of constant power."""
    k = plant
    pw, wl = k.board_wall_w_k, k.wall_liquid_w_k
    liquid = k.liquid_j_k(volume_ml)
    rates: Matrix = (
        (-(pw + k.board_air_w_k) / k.board_j_k, pw / k.board_j_k, 0.0, 1.0 / k.board_j_k),
        (pw / k.wall_j_k, -(pw + wl + k.wall_air_w_k) / k.wall_j_k, wl / k.wall_j_k, 0.0),
        (0.0, wl / liquid, -(wl + k.liquid_air_w_k) / liquid, 0.0),
        (0.0, 0.0, 0.0, 0.0),
    )
    e = _exponential(rates, duration_s)
    return Step((e[0][:3], e[1][:3], e[2][:3]), (e[0][3], e[1][3], e[2][3]))


def _exponential(rates: Matrix, duration_s: float) -> Matrix:
    """Return exp(rates · duration) by a Taylor series of a short stretch, squared up."""
    norm = duration_s * max(sum(map(abs, row)) for row in rates)
    halvings = max(0, math.ceil(math.log2(norm)) + 3) if norm > 0.0 else 0
    h = duration_s / 2**halvings
    scaled: Matrix = tuple(tuple(x * h for x in row) for row in rates)
    identity: Matrix = tuple(tuple(float(i == j) for j in range(4)) for i in range(4))
    result = identity
    for n in (6, 5, 4, 3, 2, 1):  # Horner: 1 + A/1 (1 + A/2 (1 + …))
        product = _multiply(scaled, result)
        result = tuple(
            tuple(i + p / n for i, p in zip(u, v, strict=True)) for u, v in zip(identity, product, strict=True)
        )
    for _ in range(halvings):
        result = _multiply(result, result)
    return result


def _multiply(a: Matrix, b: Matrix) -> Matrix:
    columns = tuple(zip(*b, strict=True))
    return tuple(tuple(r[0] * c[0] + r[1] * c[1] + r[2] * c[2] + r[3] * c[3] for c in columns) for r in a)
