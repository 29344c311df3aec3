"""The stirrer: a motor, a bar that may stall or decouple, and a Hall sensor with one pulse per revolution."""

import math
from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from pioreactor.twin.noise import Noise

RPM_PER_PERCENT = 25.0
FRICTION_PERCENT = 8.0
BREAKAWAY_PERCENT = 20.0
STALL_RPM = 150.0
DECOUPLING_RPM = 1900.0
TIME_CONSTANT_S = 0.7
MAX_EDGES = 4096


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Motion under one condition: the speed [rev/s] relaxes from `start` to `goal`."""

    from_s: float
    turns: float
    start: float
    goal: float

    def speed(self, at_s: float) -> float:
        return self.goal + (self.start - self.goal) * math.exp(-(at_s - self.from_s) / TIME_CONSTANT_S)

    def turned(self, at_s: float) -> float:
        elapsed = at_s - self.from_s
        settling = -math.expm1(-elapsed / TIME_CONSTANT_S) * TIME_CONSTANT_S
        return self.turns + self.goal * elapsed + (self.start - self.goal) * settling

    def when(self, turns: float) -> float:
        """Return when this many revolutions are complete. The answer does not depend on who asks when.

        Newton from the side where the curve's bend keeps it from overshooting; the speed there is never 0.
        """
        missing = turns - self.turns
        goal, change = self.goal, self.start - self.goal
        elapsed = 0.0
        if goal > 0.0:
            # Where the curve is a straight line again; on the safe side of it when slowing down as when speeding up.
            elapsed = max(0.0, (missing - change * TIME_CONSTANT_S) / goal)
        for _ in range(60):
            # `turned` and `speed` at this moment, written out.
            since = (self.from_s + elapsed) - self.from_s
            settling = -math.expm1(-since / TIME_CONSTANT_S) * TIME_CONSTANT_S
            turned = self.turns + goal * since + change * settling
            step = (turned - turns) / max(goal + change * math.exp(-since / TIME_CONSTANT_S), 1e-9)
            elapsed -= step
            if abs(step) < 1e-11:
                break
        return self.from_s + elapsed


class EdgeReader:
    """One listener on the Hall sensor; every listener has its own place in the stream."""

    def __init__(self, fan: "Fan") -> None:
        self._fan = fan
        self._next = -1

    def edges(self, now_s: float) -> list[float]:
        """Return times of falling edges since the last call; the first call arms and is empty."""
        if self._next < 0:
            self._next = math.floor(self._fan.turned(now_s)) + 1
            return []
        times, self._next = self._fan.edges(self._next, now_s)
        return times


class Fan:
    """Times are seconds of the world. Load comes from liquid volume and cold, luck from a slow wander of 0.6 %."""

    def __init__(self, noise: Noise, *, gain: float = 1.0) -> None:
        self.duty_percent = 0.0
        self.stalled = False
        self._gain = gain
        self._load = 1.0
        self._wander = 1.0
        self._noise = noise
        self._stretches: deque[_Stretch] = deque([_Stretch(0.0, 0.0, 0.0, 0.0)], maxlen=1024)

    def rpm(self, at_s: float) -> float:
        return 60.0 * self._stretches[-1].speed(at_s)

    def mixes(self, at_s: float) -> bool:
        """Whether the bar turns with the motor and moves the liquid."""
        return 100.0 < self.rpm(at_s) < DECOUPLING_RPM

    def set_duty(self, duty_percent: float, at_s: float) -> None:
        self.duty_percent = duty_percent
        self._restart(at_s)

    def set_conditions(self, at_s: float, *, load: float, number: int) -> None:
        """Take a new load (1 is that of 10 mL at 37 °C) and the next value of the slow wander."""
        self._load = load
        self._wander = 1.0 + 0.006 * self._noise.gauss(number)
        if self.duty_percent > 0.0 or self._stretches[-1].speed(at_s) > 1e-6:
            self._restart(at_s)

    def _goal_rpm(self, present_rpm: float) -> float:
        if self.stalled or (present_rpm < 60.0 and self.duty_percent < BREAKAWAY_PERCENT):
            return 0.0
        goal = RPM_PER_PERCENT * self._gain * self._wander * (self.duty_percent - FRICTION_PERCENT) / self._load
        return goal if goal >= STALL_RPM else 0.0

    def _restart(self, at_s: float) -> None:
        last = self._stretches[-1]
        speed = 0.0 if self.stalled else last.speed(at_s)
        goal = self._goal_rpm(60.0 * speed) / 60.0
        if goal == 0.0 and speed < 1e-3:
            speed = 0.0
        self._stretches.append(_Stretch(at_s, last.turned(at_s), speed, goal))

    def turned(self, at_s: float) -> float:
        """Return revolutions since the beginning."""
        return self._stretches[-1].turned(at_s)

    def edges(self, first: int, now_s: float) -> tuple[list[float], int]:
        """Return times of edges number `first` and later that have happened, and the number to continue from."""
        last = math.floor(self.turned(now_s))
        number = max(first, last - MAX_EDGES + 1)
        times: list[float] = []
        stretches = self._from_turn(number)
        stretches.append(_Stretch(now_s, self.turned(now_s), 0.0, 0.0))
        number = max(number, math.ceil(stretches[0].turns))
        for stretch, following in pairwise(stretches):
            while number <= last and number <= following.turns:
                at_s = stretch.when(float(number))
                speed = stretch.speed(at_s)
                jitter = 0.004 * self._noise.gauss(0x1000000 + number) / max(1.0, speed)
                if at_s + jitter > now_s:
                    return times, number
                if not self._is_missed(number, speed):
                    times.append(at_s + jitter)
                number += 1
        return times, number

    def _from_turn(self, number: int) -> list[_Stretch]:
        """Return the stretches in which this revolution and later ones happened, oldest first."""
        found: list[_Stretch] = []
        for stretch in reversed(self._stretches):
            found.append(stretch)
            if stretch.turns < number:
                break
        found.reverse()
        return found

    def _is_missed(self, number: int, revolutions_per_s: float) -> bool:
        share = 1e-3 if revolutions_per_s * 60.0 < 2000.0 else 0.3
        return self._noise.uniform(0x2000000 + number) < share
