"""`pio run od_reading --fake-data`: readings of a culture simulated in the process."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner

from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.run import run
from pioreactor.devices.ports import Rig
from pioreactor.exc import HardwareNotFoundError
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.testing.simulation import Bench, simulated_bench


def no_hardware() -> Rig:
    raise HardwareNotFoundError("nothing answers")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench() as built:
        yield built


def bare(bench: Bench) -> Runtime:
    """Return the runtime of a machine without any hardware."""
    return replace(bench.unit.runtime, open_rig=no_hardware)


def pio_run(runtime: Runtime, *words: str) -> tuple[int, str]:
    with context.using(runtime):
        answer = CliRunner().invoke(run, ["od_reading", *words], obj=CliContext({}, runtime=runtime))
    return answer.exit_code, answer.stdout


def test_a_reading_needs_no_hardware(bench: Bench) -> None:
    assert pio_run(bare(bench), "--snapshot")[0] != 0
    status, said = pio_run(bare(bench), "--fake-data", "--snapshot")
    assert status == 0
    assert 0.001 < json.loads(said)["ods"]["2"]["od"] < 3.0
    assert any("simulated culture" in words for words in bench.logged("warning"))


def test_readings_are_recorded_as_any_and_the_unit_s_outputs_stay_as_they_are(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven: list[object] = []
    monkeypatch.setattr(bench.unit.world, "set_led", lambda *what: driven.append(what))
    bench.unit.run(lambda: pio_run(bare(bench), "--fake-data", "--interval", "5"), name="od_reading")
    bench.wait(60.0)
    assert len(bench.decoded("od_reading/ods")) >= 9
    assert driven == []
    assert bench.unit.ownership.holder("led-A") is None
    bench.set("od_reading", "state", "disconnected")
    bench.wait(2.0)
    assert bench.states("od_reading")[-1] == "disconnected"
