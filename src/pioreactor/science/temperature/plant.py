"""Heat flow in a reactor: heater board, vial wall and liquid as three nodes that also lose heat to the room.

board:   Cp dTp/dt = P − Gpw (Tp − Tw) − Gpa (Tp − Ta)
wall:    Cw dTw/dt = Gpw (Tp − Tw) − Gwl (Tw − Tl) − Gwa (Tw − Ta)
liquid:  Cl dTl/dt = Gwl (Tw − Tl) − Gla (Tl − Ta)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Final

WATER_J_PER_ML_K: Final = 4.18
MIN_VOLUME_ML: Final = 1.0
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

    @property
    def numbers(self) -> Vector:
        """All of it, in the order of the fields."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def scaled(self, logarithms: Vector) -> Plant:
        """Return it with capacities and conductances multiplied by exp of these, in the order of the fields.

        The liquid's capacity comes between the wall's and the conductances: it covers the error of the assumed volume.
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
        return self.liquid_ratio * WATER_J_PER_ML_K * max(volume_ml, MIN_VOLUME_ML)

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
"""Fitted to recorded decays of heater boards: 21 of model version 1.0; 2 of version 1.1, whose fit also
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
    )
    u, v, w = _exponential(rates, duration_s)
    return Step((u[:3], v[:3], w[:3]), (u[3], v[3], w[3]))


def _exponential(rates: Matrix, duration_s: float) -> Matrix:
    """Return exp(rates · duration) by a Taylor series of a short stretch, squared up.

    Power is a fourth state that does not change. Its row is all zeros in `rates` and (0, 0, 0, 1) in the result, so
    neither has it.
    """
    norm = duration_s * max(sum(map(abs, row)) for row in rates)
    halvings = max(0, math.ceil(math.log2(norm)) + 3) if norm > 0.0 else 0
    h = duration_s / 2**halvings
    u, v, w = rates
    scaled: Matrix = (
        (u[0] * h, u[1] * h, u[2] * h, u[3] * h),
        (v[0] * h, v[1] * h, v[2] * h, v[3] * h),
        (w[0] * h, w[1] * h, w[2] * h, w[3] * h),
    )
    result: Matrix = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0))
    for n in (6, 5, 4, 3, 2, 1):  # Horner: 1 + A/1 (1 + A/2 (1 + …))
        u, v, w = _multiply(scaled, result)
        result = (
            (1.0 + u[0] / n, u[1] / n, u[2] / n, u[3] / n),
            (v[0] / n, 1.0 + v[1] / n, v[2] / n, v[3] / n),
            (w[0] / n, w[1] / n, 1.0 + w[2] / n, w[3] / n),
        )
    for _ in range(halvings):
        result = _multiply(result, result)
    return result


def _multiply(a: Matrix, b: Matrix) -> Matrix:
    """Return the product. It is written out: the thermostat spends most of its time here."""
    (b00, b01, b02, b03), (b10, b11, b12, b13), (b20, b21, b22, b23) = b
    (p, q, r, s), (t, u, v, w), (x, y, z, o) = a
    return (
        (
            p * b00 + q * b10 + r * b20,
            p * b01 + q * b11 + r * b21,
            p * b02 + q * b12 + r * b22,
            p * b03 + q * b13 + r * b23 + s,
        ),
        (
            t * b00 + u * b10 + v * b20,
            t * b01 + u * b11 + v * b21,
            t * b02 + u * b12 + v * b22,
            t * b03 + u * b13 + v * b23 + w,
        ),
        (
            x * b00 + y * b10 + z * b20,
            x * b01 + y * b11 + z * b21,
            x * b02 + y * b12 + z * b22,
            x * b03 + y * b13 + z * b23 + o,
        ),
    )
