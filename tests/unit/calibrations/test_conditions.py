"""The conditions of a calibration are compared with the present ones at start and in `pio status`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from pioreactor.actions.dosing import MEDIA, DoseRequest
from pioreactor.actions.pump import run_pump_action
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.background_jobs.od_reading.job import start_od_reading
from pioreactor.background_jobs.stirring.job import start_stirring
from pioreactor.calibrations import store
from pioreactor.calibrations.conditions import differences
from pioreactor.calibrations.curves import PolyFitCoefficients
from pioreactor.calibrations.defaults import simulated_pump
from pioreactor.calibrations.models import OD600Calibration
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.status_checks import run_checks
from pioreactor.runtime import context
from pioreactor.testing.simulation import Bench, simulated_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench(scenario="water") as bench, context.using(bench.unit.runtime):
        yield bench


def use_pump_made_at(bench: Bench, volts: float) -> None:
    runtime = bench.unit.runtime
    made = simulated_pump(runtime)
    made.voltage = volts
    store.save(runtime, "media_pump", made)
    store.set_active(runtime, "media_pump", made.calibration_name)


def od_calibration(angle: str = "90", channel: str = "2", rpm: float | None = 500.0) -> OD600Calibration:
    return OD600Calibration(
        calibration_name="standards",
        calibrated_on_pioreactor_unit="unit1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        curve_data_=PolyFitCoefficients([0.2, 0.0]),
        recorded_data={"x": [0.0, 1.0, 2.0], "y": [0.0, 0.2, 0.4]},
        ir_led_intensity=80.0,
        angle=angle,  # type: ignore[arg-type]
        pd_channel=channel,  # type: ignore[arg-type]
        rpm=rpm,
    )


def warnings_of(bench: Bench, text: str) -> list[str]:
    return [line for line in bench.logged("warning") if text in line]


@pytest.mark.parametrize(("volts", "is_told"), [(5.0, True), (12.0, False), (11.7, False), (-1.0, False)])
def test_a_pump_calibrated_at_another_voltage_is_told(bench: Bench, volts: float, is_told: bool) -> None:
    use_pump_made_at(bench, volts)
    run_pump_action(MEDIA, DoseRequest(volume_ml=0.2))
    bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=60, skip_first_run=True))
    bench.wait(1.0)
    told = warnings_of(bench, "a supply of 5 V, now it is 12 V")
    assert len(told) == (2 if is_told else 0), bench.logged("warning")


def test_a_dosing_automation_tells_it_once_and_not_for_each_dose(bench: Bench) -> None:
    use_pump_made_at(bench, 5.0)
    job = bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=60, skip_first_run=True))
    for _ in range(3):
        job.execute_io_action(media_ml=0.1, waste_ml=0.1)
    bench.wait(1.0)
    assert len(warnings_of(bench, "a supply of")) == 1


def test_another_photodiode_intensity_or_speed_is_told(bench: Bench) -> None:
    runtime = bench.unit.runtime
    assert runtime.settings.photodiodes["2"] == "90"
    assert differences(runtime, od_calibration(), only=("rpm",)) == []
    assert "a stirring speed of 300 RPM, now it is 500 RPM" in " ".join(differences(runtime, od_calibration(rpm=300)))
    assert differences(runtime, od_calibration(rpm=None), only=("rpm",)) == []
    assert "photodiode 2 at 45°, and 90 is" in " ".join(differences(runtime, od_calibration("45")))
    bench.start(lambda: start_stirring(300))
    bench.wait(2.0)
    assert "500 RPM, now it is 300 RPM" in " ".join(differences(runtime, od_calibration()))


def test_od_reading_tells_another_speed_at_start(bench: Bench) -> None:
    store.save(bench.unit.runtime, "od90", od_calibration(rpm=900))
    store.set_active(bench.unit.runtime, "od90", "standards")
    bench.start(lambda: start_od_reading(ir_led_intensity=80.0))
    bench.wait(20.0)
    assert len(warnings_of(bench, "a stirring speed of 900 RPM, now it is 500 RPM")) == 1


def test_status_lists_unusable_doubtful_and_differing_calibrations(bench: Bench) -> None:
    cli = CliContext({}, runtime=bench.unit.runtime)

    def found() -> tuple[str, str]:
        [finding] = [each for each in run_checks(cli) if each.check == "calibrations"]
        return finding.verdict, finding.details

    assert found()[0] == "OK"
    use_pump_made_at(bench, 5.0)
    verdict, details = found()
    assert verdict == "WARN"
    assert "media_pump (simulated): It was made with a supply of 5 V" in details
    bench.unit.runtime.artifacts.write("calibrations", "waste_pump", "simulated", "x: [")
    verdict, details = found()
    assert verdict == "FAIL"
    assert "waste_pump" in details
    assert "5 V" in details
