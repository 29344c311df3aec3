"""Running calculations under the names plugins import."""

from __future__ import annotations

from typing import Any

from pioreactor import structs, topics
from pioreactor.science.pid import PidController


class ExponentialMovingAverage:
    """m ← (1 − alpha)·x + alpha·m: with alpha 0 the newest value alone counts."""

    def __init__(self, alpha: float) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be between 0 and 1, not {alpha}")
        self.alpha = alpha
        self.value: float | None = None

    def update(self, new_value: float) -> float:
        old = self.value
        self.value = new_value if old is None else (1 - self.alpha) * new_value + self.alpha * old
        return self.value

    def get_latest(self) -> float | None:
        return self.value

    def clear(self) -> None:
        self.value = None


class PID:
    """A controller that publishes what it did on `pid_log/<target_name>`, when it is given a client."""

    def __init__(
        self, Kp: float, Ki: float, Kd: float, setpoint: float | None = None,  # noqa: N803  the names that plugins pass
        output_limits: tuple[float | None, float | None] = (None, None), unit: str | None = None,
        experiment: str | None = None, job_name: str | None = None, target_name: str | None = None,
        derivative_smoothing: float = 0.0, pub_client: Any = None, **_ignored: Any,
    ) -> None:  # fmt: skip
        start = setpoint if setpoint is not None else 0.0
        self.pid = PidController(Kp, Ki, Kd, start, *output_limits, smoothing=derivative_smoothing)
        self._names = {"job_name": job_name, "target_name": target_name}
        self._topic = topics.pid_log(unit, experiment, str(target_name)) if unit and experiment else None
        self._client = pub_client

    def update(self, input_: float, dt: float = 1.0) -> float:
        output = self.pid.update(input_, dt)
        if self._client is not None and self._topic is not None:
            p = self.pid
            said = {"setpoint": p.setpoint, "output_limits_lb": p.low, "output_limits_ub": p.high,
                    "Kp": p.kp, "Ki": p.ki, "Kd": p.kd, "integral": p.integral, "proportional": p.proportional,
                    "derivative": p.derivative, "latest_input": input_, "latest_output": output}  # fmt: skip
            self._client.publish(self._topic, structs.encode({**said, **self._names}))
        return output

    def set_setpoint(self, new_setpoint: float) -> None:
        self.pid.set_setpoint(new_setpoint)
