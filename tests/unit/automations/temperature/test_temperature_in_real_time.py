"""Thermostat on real threads: it heats, stops, and leaves no thread."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

from pioreactor.automations.temperature.thermostat import Thermostat
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.clock.system import SystemClock
from pioreactor.devices.spy_rig import SpyRig
from pioreactor.messaging.memory import MemoryBroker
from pioreactor.runtime import context


def test_a_thermostat_on_threads() -> None:
    clock = SystemClock()
    broker = MemoryBroker(clock)
    rig = SpyRig()
    rig.thermometer().will_read(25.0)
    runtime = dataclasses.replace(
        build_simulation().units[0].runtime, clock=clock, buses=broker, open_rig=lambda: rig, ownership=rig.ownership
    )
    heated, ended = threading.Event(), threading.Event()

    def listen(message: Any) -> None:
        if message.topic.endswith("/heater_duty_cycle") and message.payload == b"90.0":
            assert rig.pwm_duties()[18] == 90.0
            heated.set()
        if message.topic.endswith("/$state") and message.payload == b"disconnected":
            ended.set()

    bus = broker.connect("test")
    bus.subscribe("pioreactor/#", listen)
    with context.using(runtime), Thermostat(target_temperature=37.0) as job:
        assert heated.wait(10.0)
        bus.publish("pioreactor/unit1/simulation/temperature_automation/$state/set", "disconnected")
        assert ended.wait(10.0)
        job.block_until_disconnected()
    assert rig.pwm_duties()[18] == 0.0
    assert rig.ownership.holder("pwm-18") is None
