"""Noise of the readings, estimated from the readings themselves without a growth model."""

from __future__ import annotations

import math

from pioreactor.science.growth_rate.model import State

_CLIP = 9.0
_WHITE_CLIP = 4.0
MARGIN = 0.3
"""Excess that chance alone makes of independent noise, since the worst of the blocks counts."""
_REACH = 2.5
"""Standard deviations from the middle one of three readings at which a spike is cut before blocks are averaged."""
_KEPT_BY_CLIP = 0.92
"""Share of a normal variance that is left when squares are clipped at four variances."""
_START_CLIP = 100.0
_IDLE_BLOCKS = 6.0
"""Without a new block for this many block lengths, the estimate loses its weight."""
_FORGOTTEN_BLOCKS = 30.0
"""Time constant of that decay [block lengths]."""


class _BlockNoise:
    """Variance of the mean of a block of readings, times its readings: equal at all lengths if noise is white."""

    __slots__ = ("begin", "count", "idle_s", "length_s", "means", "ratio", "seen", "total")

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self.idle_s = 0.0
        self.begin = -math.inf
        self.total = 0.0
        self.count = 0
        self.means: list[float] = []
        self.ratio = 1.0
        self.seen = 0.0

    def restart(self) -> None:
        self.begin = -math.inf
        self.means.clear()

    def state(self) -> State:
        return {"ratio": self.ratio, "seen": self.seen}

    def restore(self, state: State) -> None:
        self.ratio = state["ratio"]
        self.seen = state["seen"]
        self.restart()

    def add(self, t_s: float, value: float, white: float, memory: float) -> None:
        if t_s - self.begin >= self.length_s:
            if self.count > 0 and self.begin > -math.inf:
                self._close(t_s, white, memory)
            self.begin = t_s
            self.total = 0.0
            self.count = 0
        self.total += value
        self.count += 1

    def wait(self, dt_s: float) -> None:
        """Forget slowly while nothing can be learned: a bubble in the first minutes must not count for days."""
        dt_s = min(dt_s, self.length_s)
        self.idle_s += dt_s
        if self.idle_s > _IDLE_BLOCKS * self.length_s:
            share = dt_s / (_FORGOTTEN_BLOCKS * self.length_s)
            self.ratio += (1 - self.ratio) * share
            self.seen *= 1 - share

    def _close(self, t_s: float, white: float, memory: float) -> None:
        if t_s - self.begin > 2 * self.length_s:
            self.means.clear()
            return
        means = self.means
        means.append(self.total / self.count)
        if len(means) == 3:
            bend = means[0] - 2 * means[1] + means[2]
            ratio = min(bend * bend * self.count / (6 * white), _CLIP * max(self.ratio, 1.0))
            self.idle_s = 0.0
            self.seen = min(self.seen + 1, memory)
            self.ratio += (ratio - self.ratio) / (self.seen + 6)
            del means[0]


class ReadingNoise:
    """Variance of ln OD per reading: `white` between neighbors, and how much more a slow trend sees of it.

    Second differences of readings, and of means of blocks of them, hold noise but no trend. Noise that is
    correlated in time shows as blocks that vary more than their number of readings explains.
    """

    __slots__ = ("_blocks", "_memory_s", "_seen", "_t1", "_t2", "_z1", "_z2", "white")

    def __init__(
        self, *, noise_cv: float = 0.01, block_lengths_s: tuple[float, ...] = (27.5, 117.5), memory_s: float = 300.0
    ) -> None:
        self.white = noise_cv * noise_cv
        self._memory_s = memory_s
        self._blocks = [_BlockNoise(length) for length in block_lengths_s]
        self._seen = 0
        self._t1 = self._t2 = -math.inf
        self._z1 = self._z2 = 0.0

    def restart(self) -> None:
        """Forget neighbors (a jump of the level lies between), keep what was learned."""
        self._t1 = self._t2 = -math.inf
        for block in self._blocks:
            block.restart()

    def wait(self, dt_s: float) -> None:
        """Let time pass; doses may come so often that no block lies between two of them."""
        for block in self._blocks:
            block.wait(dt_s)

    @property
    def excess(self) -> float:
        """Noise seen by slow trends over that of independent readings, as a ratio of variances >= 1."""
        worst = 1.0
        for block in self._blocks:
            worst = max(worst, block.ratio - MARGIN)
        return worst

    def add(self, t_s: float, level: float) -> None:
        """Learn from one ln OD whose announced dilutions have been added back."""
        span = t_s - self._t2
        if self._t2 > -math.inf and span > 0:
            w = (t_s - self._t1) / span
            bend = self._z1 - w * self._z2 - (1 - w) * level
            sample = bend * bend / (1 + w * w + (1 - w) * (1 - w))
            self._seen += 1
            clip, kept = (_START_CLIP, 1.0) if self._seen < 12 else (_WHITE_CLIP, _KEPT_BY_CLIP)
            dt = t_s - self._t1
            gain = max(1 / (self._seen + 2), min(dt / self._memory_s, 0.05))
            self.white = max(self.white + gain * (min(sample, clip * self.white) / kept - self.white), 1e-8)
            middle = max(min(self._z1, self._z2), min(max(self._z1, self._z2), level))
            reach = _REACH * math.sqrt(self.white)
            tame = min(max(level, middle - reach), middle + reach)
        else:
            tame = level
        self._t2, self._z2 = self._t1, self._z1
        self._t1, self._z1 = t_s, level
        for block in self._blocks:
            if block.length_s > 1.5 * (t_s - self._t2) / 2:
                block.add(t_s, tame, self.white, 40.0)

    def state(self) -> State:
        return {"white": self.white, "seen": self._seen, "blocks": [block.state() for block in self._blocks]}

    def restore(self, state: State) -> None:
        """Take up what an earlier process learned; its last readings are too long ago to be neighbors."""
        self.white = state["white"]
        self._seen = state["seen"]
        for block, kept in zip(self._blocks, state["blocks"], strict=True):
            block.restore(kept)
        self.restart()
