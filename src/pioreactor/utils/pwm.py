"""A power output under the name plugins import."""

from __future__ import annotations

from typing import Any

from pioreactor import structs, topics
from pioreactor.actions.pwm import duties_payload
from pioreactor.runtime.context import current
from pioreactor.types import UNIVERSAL_EXPERIMENT


class PWM:
    """The output on a pin, owned from construction until `clean_up`; raises `PWMError` when another job has it.

    `lock` and `is_locked` are a mark for the code that holds this object: no other job can drive the pin anyhow.
    """

    def __init__(
        self, pin: int, hz: float = 200.0, always_use_software: bool = False, unit: str | None = None,
        experiment: str | None = None, pub_client: Any = None, logger: Any = None,
    ) -> None:  # fmt: skip
        del always_use_software, logger
        runtime = current()
        self._rig, self._client = runtime.open_rig(), pub_client
        self._now = runtime.clock.now
        self._topic = topics.pwm_duties(
            unit if unit is not None else runtime.unit,
            experiment if experiment is not None else UNIVERSAL_EXPERIMENT,
        )
        self.pin, self.hz = pin, hz
        self._output = self._rig.pwm_by_pin(pin, owner=f"plugin on pin {pin} ({runtime.pid})", hz=hz)
        self.duty_cycle = 0.0
        self._is_locked = False

    def start(self, duty_cycle: float) -> None:
        """Drive the output, 0–100 %."""
        self.change_duty_cycle(duty_cycle)

    def change_duty_cycle(self, duty_cycle: float) -> None:
        self._output.set_duty(duty_cycle)
        self._publish_duty_cycle(duty_cycle)

    def _publish_duty_cycle(self, duty_cycle: float) -> None:
        self.duty_cycle = round(float(duty_cycle), 5)
        if self._client is not None:
            payload = duties_payload(self._rig.pwm_duties_by_channel(), self._now())
            self._client.publish(self._topic, structs.encode(payload), retain=True)

    def stop(self) -> None:
        self._output.off()
        self._publish_duty_cycle(0.0)

    def lock(self) -> None:
        self._is_locked = True

    def unlock(self) -> None:
        self._is_locked = False

    def is_locked(self) -> bool:
        return self._is_locked

    def clean_up(self) -> None:
        """Switch off and give the pin up. Safe to repeat."""
        self._output.release()
        self.unlock()
        self._publish_duty_cycle(0.0)

    cleanup = clean_up

    def __enter__(self) -> PWM:
        return self

    def __exit__(self, *_: object) -> None:
        self.clean_up()
