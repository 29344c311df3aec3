"""The AsyncAPI document describes every topic that running jobs use."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pioreactor.automations.dosing.turbidostat import Turbidostat
from pioreactor.automations.led.light_dark_cycle import LightDarkCycle
from pioreactor.automations.temperature.thermostat import Thermostat
from pioreactor.background_jobs.growth_rate_calculating import GrowthRateCalculator
from pioreactor.background_jobs.monitor import Monitor
from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.background_jobs.stirring import start_stirring
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.web import asyncapi


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(asyncapi.render())
    return found


@pytest.fixture
def busy(simulated: Callable[..., Bench]) -> Iterator[Bench]:
    """A bench on which everything ran that a culture needs, for six minutes."""
    bench = simulated(seed=3, scenario="ecoli_turbidostat")
    bench.start(lambda: Monitor(bench.unit.name))
    bench.start(start_stirring)
    bench.start(start_od_reading)
    bench.start(lambda: GrowthRateCalculator(bench.unit.name, EXPERIMENT))
    bench.start(lambda: Thermostat(target_temperature=37))
    bench.start(lambda: Turbidostat(target_biomass=0.1, exchange_volume_ml=0.5))
    bench.start(lambda: LightDarkCycle(light_intensity=10, light_duration_minutes=1, dark_duration_minutes=1))
    bench.wait(360)
    yield bench


def test_topics_of_running_jobs_are_in_the_document(busy: Bench, document: dict[str, Any]) -> None:
    patterns = [
        (re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(channel["address"]))), name)
        for name, channel in document["channels"].items()
    ]
    published = {message.topic for message in busy.messages}
    unknown = {topic for topic in published if not any(pattern.fullmatch(topic) for pattern, _ in patterns)}
    assert unknown == set()
    used = {name for topic in published for pattern, name in patterns if pattern.fullmatch(topic)}
    assert {"state", "logs", "dosing_events", "pwms.channel_dc", "od_reading.ods", "stirring.measured_rpm"} <= used


def test_every_referenced_schema_exists(document: dict[str, Any]) -> None:
    referred = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert referred == set(document["components"]["schemas"])


def test_a_setting_has_its_bounds_its_unit_and_a_direction(document: dict[str, Any]) -> None:
    channel = document["channels"]["stirring.target_rpm.set"]
    assert channel["messages"]["payload"]["payload"] == {"type": "number", "minimum": 0, "maximum": 5000}
    assert channel["summary"].endswith("[RPM]")
    assert document["operations"]["receive.stirring.target_rpm.set"]["action"] == "receive"
    assert document["operations"]["send.stirring.target_rpm"]["action"] == "send"
