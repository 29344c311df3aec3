"""What power outputs do is published by the job that changes them."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from pioreactor import structs, topics
from pioreactor.actions.dosing import MEDIA, DoseRequest, dose, load_pump_rate
from pioreactor.actions.pwm import publish_duties
from pioreactor.background_jobs.stirring.job import Stirrer
from pioreactor.devices.ports import Rig
from pioreactor.exc import HardwareError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench

FAN, MEDIA_CHANNEL = "1", "2"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench(scenario="water") as made:
        yield made


def told(bench: Bench) -> list[dict[str, float]]:
    return [msgspec.json.decode(payload)["channels"] for payload in bench.payloads("pwms/channel_dc")]


def test_stirring_is_told_while_it_lasts_and_gone_at_the_end(bench: Bench) -> None:
    stirrer = bench.start(lambda: Stirrer(500.0, bench.unit.name, EXPERIMENT))
    bench.wait(10)
    assert told(bench)[0] == {FAN: 100.0}
    assert 5 < told(bench)[-1][FAN] < 60
    stirrer.clean_up()
    bench.wait(1)
    assert told(bench)[-1] == {}
    last = msgspec.json.decode(bench.retained("pwms/channel_dc") or b"", type=structs.PWMDutyCycles)
    assert (last.channels, last.timestamp.tzinfo is not None) == ({}, True)
    assert bench.payloads("pwms/dc") == []


def test_a_pump_is_told_beside_the_fan_that_runs_meanwhile(bench: Bench) -> None:
    bench.start(lambda: Stirrer(500.0, bench.unit.name, EXPERIMENT))
    bench.wait(60)
    count = len(told(bench))

    def pump() -> None:
        with context.using(bench.unit.runtime), managed_lifecycle(bench.unit.name, EXPERIMENT, "add_media") as host:
            dose(host, MEDIA, DoseRequest(volume_ml=0.5), load_pump_rate(host, MEDIA))

    bench.unit.run(pump, name="add_media")
    bench.wait(20)
    seen = told(bench)[count:]
    assert any(set(one) == {FAN, MEDIA_CHANNEL} for one in seen)
    assert set(seen[-1]) == {FAN}


def test_a_board_that_does_not_answer_fails_nobody(bench: Bench) -> None:
    def broken() -> Rig:
        raise HardwareError("no board")

    runtime = replace(bench.unit.runtime, open_rig=broken)

    class Host:
        unit, experiment = bench.unit.name, EXPERIMENT
        runtime: Runtime

        def publish(self, *_: object, **__: object) -> None:
            raise AssertionError(topics.ROOT)

    host = Host()
    host.runtime = runtime
    publish_duties(host)  # type: ignore[arg-type]
