"""Light: the LEDs, what the culture scatters, and what each photodiode makes of it in volts."""

import math
from dataclasses import dataclass

from pioreactor.twin.noise import Noise

RAIL_V = 3.3
"""Where a photodiode's amplifier saturates."""
NOMINAL_FRACTION = 0.8
"""IR intensity at which the fitted angle curves hold."""
REF_V = 0.1
"""Reference photodiode at nominal intensity; the reference design keeps it below 0.25 V."""
HEATING_S = 0.1
LED_LEAK_V = 0.02
AMBIENT_V = 0.0001
"""Stray light in a closed reactor."""
GROWTH_LIGHT_UE = 400.0
READING_NOISE_REF = 0.0015
BUBBLE_SLOT_S = 5
WANDER_S = 15


@dataclass(frozen=True, slots=True)
class AngleCurve:
    """`[v0 + A c] exp(-k1 c) + B c^2 / [(1 + c/c2)(1 + (c/c3)^m)]`, c in mg/mL dry yeast-equivalent, in volts."""

    v0: float
    a: float
    k1: float
    b: float
    c2: float
    c3: float
    m: float
    unit_ln_sd: float

    def volts(self, density_mg_ml: float) -> float:
        c = density_mg_ml
        direct = (self.v0 + self.a * c) * math.exp(-self.k1 * c)
        return direct + self.b * c * c / ((1.0 + c / self.c2) * (1.0 + math.pow(c / self.c3, self.m)))


ANGLE_CURVES: dict[str, AngleCurve] = {
    "45": AngleCurve(
        0.03402175758559467,
        0.36295321440621586,
        2.738136880114424,
        0.43897640341231703,
        0.10000000000000006,
        26.25144400702323,
        2.460691449778057,
        0.103,
    ),
    "90": AngleCurve(
        0.00046852628062353367,
        0.08358094602389926,
        8.080762008668982,
        0.28267779734073395,
        0.6744038649976977,
        4.080689682937482,
        1.9896474660499925,
        0.151,
    ),
    "135": AngleCurve(
        0.011097926632712996,
        1.5125834755083276,
        17.168542077280584,
        13.105480102269206,
        0.2122395063628853,
        1.0462366473670326,
        2.2521608260556496,
        0.107,
    ),
    "180": AngleCurve(0.6, 0.0, 0.45, 0.0, 1.0, 1.0, 1.0, 0.1),
}
"""45, 90 and 135 fitted to the medians of five real instruments; 180 is plain extinction, an estimate."""


@dataclass(frozen=True, slots=True)
class ReadingNoise:
    """What disturbs a reading beside the converter. Coefficients of variation at 500 rpm, as shares of the signal.

    `cv` is white from second to second, `wander_cv` has a memory of some 15 s, and both grow by `growth_per_h` (share
    per hour). `shocks` and `bubbles` are chances per second and per 5 s.
    """

    cv: float
    wander_cv: float = 0.0
    growth_per_h: float = 0.0
    shocks: float = 0.0
    bubbles: float = 0.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What the photodiodes look at; a new one every second."""

    tick: int
    density_mg_ml: float
    rpm: float
    wall_celsius: float
    volume_ml: float


class Optics:
    """LEDs A–D and the light they make. Intensities are fractions 0–1 of the driver's full scale."""

    def __init__(self, noise_seed: int, *, mains_hz: float, hum: float, noise: ReadingNoise) -> None:
        self.scene = Scene(0, 0.0, 0.0, 25.0, 15.0)
        self.leds = {"A": 0.0, "B": 0.0, "C": 0.0, "D": 0.0}
        self.lit = 0.0
        self.leak_v = 0.0
        self.ambient_v = AMBIENT_V
        self.hum = hum
        self.radians_per_s = 2.0 * math.pi * mains_hz
        self.ref_gain = 1.0
        self.ir_gain = 1.0
        self.vial_gain = 1.0
        self.noise = noise
        self.bubbles = noise.bubbles
        self.sag_goal = 0.0
        self._sag_start = 0.0
        self.switched_s = -10.0
        self.ir_channel = "A"
        self.uv_channels: tuple[str, ...] = ()
        self.bubble_noise = Noise(noise_seed, "bubbles")
        self.noise_seed = noise_seed
        self._light_since_s = 0.0
        self._light_sum = 0.0
        self._uv_sum = 0.0
        self._collected_s = 0.0

    def set_led(self, channel: str, fraction: float, at_s: float) -> None:
        """Drive an LED; its junction warms over about 0.1 s and it dims by up to 3 % meanwhile."""
        self._collect_light(at_s)
        self.leds[channel] = fraction
        if channel == self.ir_channel:
            self._sag_start = self.sag(at_s)
            self.switched_s = at_s
            self.sag_goal = 0.03 * fraction
            self.lit = (fraction / NOMINAL_FRACTION) ** 0.97 if fraction > 0.0 else 0.0
        others = sum(level for name, level in self.leds.items() if name != self.ir_channel)
        self.leak_v = LED_LEAK_V * others

    def sag(self, at_s: float) -> float:
        """Return the relative loss of light through self-heating of the IR LED."""
        since = at_s - self.switched_s
        if since > 1.5:
            return self.sag_goal
        return self.sag_goal + (self._sag_start - self.sag_goal) * math.exp(-since / HEATING_S)

    def light(self, at_s: float) -> float:
        """Return IR light relative to nominal."""
        return self.lit * (1.0 - self.sag(at_s)) * self.ir_gain if self.lit > 0.0 else 0.0

    def growth_light(self, at_s: float) -> tuple[float, float]:
        """Return the mean growth light [µmol/m²/s] and UV fraction since the last call."""
        before = self._light_since_s
        self._collect_light(at_s)
        self._light_since_s = at_s
        span = max(1e-9, at_s - before)
        light, uv = self._light_sum / span, self._uv_sum / span
        self._light_sum = self._uv_sum = 0.0
        return light, uv

    def _collect_light(self, at_s: float) -> None:
        elapsed = at_s - self._collected_s
        if elapsed <= 0.0:
            return
        self._collected_s = at_s
        for name, level in self.leds.items():
            if level > 0.0 and name in self.uv_channels:
                self._uv_sum += level * elapsed
            elif level > 0.0 and name != self.ir_channel:
                self._light_sum += level * elapsed * GROWTH_LIGHT_UE


class Photodiode:
    """One photodiode at an angle, or "REF". `volts` is what the converter finds at its input."""

    __slots__ = ("_base", "_optics", "_phase", "_sample", "_scene", "_slow", "angle", "gain", "saturated")

    def __init__(self, optics: Optics, channel: str, angle: str, *, gain: float, phase: float) -> None:
        self.angle = angle
        self.gain = gain
        self.saturated = False
        self._optics = optics
        self._phase = phase
        self._slow = Noise(optics.noise_seed, f"reading-{channel}")
        self._sample = Noise(optics.noise_seed, f"sample-{channel}")
        self._scene: Scene | None = None
        self._base = 0.0

    def volts(self, at_s: float, number: int) -> float:
        """Return the voltage of conversion `number` at this world time; the same number has the same noise."""
        optics = self._optics
        if self._scene is not optics.scene:
            self._refresh(optics.scene)
        if self.saturated:
            return RAIL_V
        wave = math.sin(optics.radians_per_s * at_s + self._phase)
        # Lamps flicker at twice the mains frequency: the square of the wave.
        volts = optics.ambient_v * (0.95 + 0.1 * wave * wave) + optics.leak_v
        if optics.lit > 0.0:
            # Real bursts show a third harmonic of up to a fifth of the fundamental: sin 3x = 3 sin x - 4 sin^3 x.
            hum = optics.hum * wave * (1.0 + 0.1 * (3.0 - 4.0 * wave * wave))
            volts += self._base * optics.light(at_s) * (1.0 + hum)
        volts += (0.0004 * volts + 1e-5) * self._sample.gauss(number)
        return volts if volts < RAIL_V else RAIL_V

    def _refresh(self, scene: Scene) -> None:
        """Work out the scattered voltage at nominal light for this second."""
        self._scene = scene
        optics = self._optics
        warm = 1.0 - 0.005 * (scene.wall_celsius - 25.0)
        if self.angle == "REF":
            slow = 1.0 + READING_NOISE_REF * self._slow.gauss(scene.tick)
            self._base = REF_V * self.gain * optics.ref_gain * warm * slow
            return
        stirred = min(scene.rpm / 500.0, 3.0)
        roughness = 0.5 * (1.0 + stirred * stirred) * (1.0 + optics.noise.growth_per_h * scene.tick / 3600.0)
        base = ANGLE_CURVES[self.angle].volts(scene.density_mg_ml) * self.gain * warm * optics.vial_gain
        base *= (1.0 + 0.006 * min(stirred, 2.0)) * (1.0 + roughness * self._unrest(scene.tick))
        self._base = max(0.0, base * self._vortex(scene) * self._bubble(scene.tick))

    def _unrest(self, tick: int) -> float:
        """Return the relative deviation of this second at 500 rpm."""
        noise, slow = self._optics.noise, self._slow
        deviation = noise.cv * slow.gauss(tick)
        if noise.wander_cv > 0.0:
            knot, share = divmod(tick / WANDER_S, 1.0)
            before, after = slow.gauss(0x8000000 + int(knot)), slow.gauss(0x8000001 + int(knot))
            deviation += noise.wander_cv * 1.22 * (before + share * (after - before))
        if noise.shocks > 0.0 and slow.uniform(0xA000000 + tick) < noise.shocks:
            deviation += noise.cv * math.copysign(5.0, slow.gauss(0xC000000 + tick))
        return deviation

    def _vortex(self, scene: Scene) -> float:
        """Above 1000 rpm in a half-empty vial the vortex cuts the light path now and then."""
        if scene.rpm < 1000.0 or scene.volume_ml > 15.0:
            return 1.0
        chance = 0.3 * min(1.0, (scene.rpm - 1000.0) / 500.0)
        lucky = self._slow.uniform(0x4000000 + scene.tick)
        return 1.0 - 0.3 * (1.0 - lucky / chance) if lucky < chance else 1.0

    def _bubble(self, tick: int) -> float:
        """A bubble comes with a small chance per slot and stays for one to three of them."""
        noise, chance = self._optics.bubble_noise, self._optics.bubbles
        if chance <= 0.0:
            return 1.0
        slot = tick // BUBBLE_SLOT_S
        factor = 1.0
        for age in range(3):
            drawn = noise.uniform(3 * (slot - age)) if slot >= age else 1.0
            if drawn < chance and noise.uniform(3 * (slot - age) + 1) * 3.0 >= age:
                factor += -0.2 * math.log(1.0 - noise.uniform(3 * (slot - age) + 2))
        return factor
