"""Whether the condition of a rule holds at one source, with hysteresis, from what was observed there."""

from collections import deque
from collections.abc import Callable
from typing import Protocol

from pioreactor.alarms.condition_types import (
    Condition,
    Diagnosis,
    JobState,
    Limit,
    LogEntry,
    MissingData,
    RateOfChange,
    RecordsWaiting,
    UnitSilent,
)
from pioreactor.alarms.observation_types import Diagnosed, Logged, Measured, Observation, RecordsStatus, StateChanged

MONITOR = "monitor"
_ENDED = ("disconnected", "lost")
_MAX_SAMPLES = 600
LOST_GRACE_S = 15.0
"""On a reconnection the broker publishes the last will of the old connection; the unit corrects it."""


class Evaluator(Protocol):
    """Evaluates one condition at one source. Times are monotonic [s]."""

    def observe(self, observation: Observation, at_s: float, /) -> None: ...

    def text(self, at_s: float, /) -> str | None:
        """Return a sentence that states what holds, None when the condition does not hold."""
        ...


class LimitEvaluator:
    """A value outside of a limit; inside again once it is `hysteresis` away from it."""

    def __init__(self, topic: str, field: str, high: float | None, low: float | None, hysteresis: float) -> None:
        self._topic = topic
        self._field = field
        self._high = high
        self._low = low
        self._hysteresis = hysteresis
        self._job = topic.partition("/")[0]
        self._side = ""
        self._value = 0.0

    def observe(self, observation: Observation, at_s: float) -> None:
        match observation:
            case Measured(topic=topic, values=values) if topic == self._topic and self._field in values:
                self._take(values[self._field], at_s)
            case StateChanged(job=job, state=state) if job == self._job and state in (*_ENDED, "sleeping"):
                self._side = ""
            case _:
                pass

    def _take(self, value: float, _at_s: float) -> None:
        self.take(value)

    def take(self, value: float) -> None:
        """Compare a value with the limits, those of the side that holds moved inwards by the hysteresis."""
        self._value = value
        high, low = self._high, self._low
        if high is not None and value > high - (self._hysteresis if self._side == "above" else 0.0):
            self._side = "above"
        elif low is not None and value < low + (self._hysteresis if self._side == "below" else 0.0):
            self._side = "below"
        else:
            self._side = ""

    def text(self, _at_s: float) -> str | None:
        if not self._side:
            return None
        limit = self._high if self._side == "above" else self._low
        return f"{self._topic} is {self._value:.4g}, {self._side} {limit:.4g}"


class RateEvaluator(LimitEvaluator):
    """The rate of change over a window: that of the line from its first to its last value."""

    def __init__(self, condition: RateOfChange) -> None:
        bounds = (condition.above_per_h, condition.below_per_h, condition.hysteresis_per_h)
        super().__init__(condition.topic, condition.field, *bounds)
        self._window_s = condition.window_s
        self._samples: deque[tuple[float, float]] = deque(maxlen=_MAX_SAMPLES)

    def _take(self, value: float, at_s: float) -> None:
        samples = self._samples
        # Values closer together than the window can hold are skipped: the rate needs its ends, not all of them.
        if not samples or at_s - samples[-1][0] >= self._window_s / _MAX_SAMPLES:
            samples.append((at_s, value))
        while len(samples) > 2 and at_s - samples[1][0] >= self._window_s:
            samples.popleft()
        first_s, first = samples[0]
        if at_s - first_s >= 0.5 * self._window_s:
            self.take((value - first) / (at_s - first_s) * 3600.0)

    def text(self, at_s: float) -> str | None:
        text = super().text(at_s)
        return None if text is None else text.replace(" is ", " changes by ", 1) + " per hour"


class MissingEvaluator:
    def __init__(self, condition: MissingData) -> None:
        self._condition = condition
        self._job = condition.topic.partition("/")[0]
        self._ready_since_s: float | None = None
        self._received_s = float("-inf")

    def observe(self, observation: Observation, at_s: float) -> None:
        match observation:
            case Measured(topic=topic) if topic == self._condition.topic:
                self._received_s = at_s
            case StateChanged(job=job, state=state) if job == self._job:
                is_ready = state == "ready"
                if not is_ready or self._ready_since_s is None:
                    self._ready_since_s = at_s if is_ready else None
            case _:
                pass

    def text(self, at_s: float) -> str | None:
        if self._ready_since_s is None:
            return None
        silent_s = at_s - max(self._received_s, self._ready_since_s)
        if silent_s < self._condition.after_s:
            return None
        return f"{self._condition.topic} has sent nothing for {max(1, round(silent_s / 60))} min"


class StateEvaluator:
    def __init__(self, condition: JobState) -> None:
        self._condition = condition
        self._found: set[str] = set()

    def observe(self, observation: Observation, _at_s: float) -> None:
        if not isinstance(observation, StateChanged):
            return
        job, wanted = observation.job, self._condition
        if job == wanted.job or (not wanted.job and job != MONITOR):
            (self._found.add if observation.state in wanted.states else self._found.discard)(job)

    def text(self, _at_s: float) -> str | None:
        if not self._found:
            return None
        return f"{', '.join(sorted(self._found))}: {' or '.join(self._condition.states)}"


class DiagnosisEvaluator:
    def __init__(self, condition: Diagnosis) -> None:
        self._condition = condition
        self._message: str | None = None

    def observe(self, observation: Observation, _at_s: float) -> None:
        match observation:
            case Diagnosed(job=job, diagnoses=diagnoses) if job == self._condition.job:
                self._message = diagnoses.get(self._condition.name)
            case StateChanged(job=job, state=state) if job == self._condition.job and state in _ENDED:
                self._message = None
            case _:
                pass

    def text(self, _at_s: float) -> str | None:
        return self._message


class RecordsEvaluator:
    def __init__(self, condition: RecordsWaiting) -> None:
        self._after_s = condition.after_s
        self._waiting = 0
        self._since_s = 0.0

    def observe(self, observation: Observation, at_s: float) -> None:
        if isinstance(observation, RecordsStatus):
            self._waiting = observation.waiting
            self._since_s = at_s - max(0.0, observation.oldest_age_s)

    def text(self, at_s: float) -> str | None:
        if self._waiting == 0 or at_s - self._since_s < self._after_s:
            return None
        return f"{self._waiting} records have waited for {round((at_s - self._since_s) / 60)} min"


class SilentEvaluator:
    """Counts from its construction, so that a unit that is never received is silent as well."""

    def __init__(self, condition: UnitSilent, at_s: float) -> None:
        self._after_s = condition.after_s
        self._received_s = at_s
        self._lost_s: float | None = None

    def observe(self, observation: Observation, at_s: float) -> None:
        match observation:
            case StateChanged(job=job, state=state) if job == MONITOR:
                self._lost_s = at_s if state == "lost" else None
                self._received_s = at_s
            case RecordsStatus() | Logged():
                self._received_s = at_s
            case _:
                pass

    def text(self, at_s: float) -> str | None:
        if self._lost_s is not None and at_s - self._lost_s >= LOST_GRACE_S:
            return "its monitor disconnected unexpectedly"
        silent_s = at_s - self._received_s
        return f"nothing was received of it for {round(silent_s / 60)} min" if silent_s >= self._after_s else None


class LogEvaluator:
    def __init__(self, condition: LogEntry) -> None:
        self._condition = condition
        self._message = ""
        self._until_s = float("-inf")

    def observe(self, observation: Observation, at_s: float) -> None:
        if isinstance(observation, Logged) and observation.level in self._condition.levels:
            self._message = f"{observation.task}: {observation.message}"
            self._until_s = at_s + self._condition.quiet_s

    def text(self, at_s: float) -> str | None:
        return self._message if at_s < self._until_s else None


def evaluator_of(condition: Condition, at_s: float) -> Evaluator:
    """Return what evaluates a condition at one source from this moment on."""
    match condition:
        case Limit():
            bounds = (condition.above, condition.below, condition.hysteresis)
            return LimitEvaluator(condition.topic, condition.field, *bounds)
        case UnitSilent():
            return SilentEvaluator(condition, at_s)
        case _:
            made: Callable[[Condition], Evaluator] = _EVALUATORS[type(condition)]
            return made(condition)


_EVALUATORS: dict[type, Callable[..., Evaluator]] = {
    RateOfChange: RateEvaluator,
    MissingData: MissingEvaluator,
    JobState: StateEvaluator,
    Diagnosis: DiagnosisEvaluator,
    RecordsWaiting: RecordsEvaluator,
    LogEntry: LogEvaluator,
}
