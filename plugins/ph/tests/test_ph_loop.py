"""A loop around the plugin's sensor, tuned and judged by the true pH of the model, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from pioreactor import measurements
from pioreactor.automations.dosing.pid_dosing import PIDDosing
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench

if TYPE_CHECKING:
    from pioreactor_ph.acid_base import BufferedCulture
    from pioreactor_ph.job import PhReader


@pytest.fixture(autouse=True)
def plugin_is_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the plugin declare its measurement for this test alone: other tests declare their own."""
    monkeypatch.setattr(measurements.registry, "_registered", [])
    from pioreactor_ph.job import PH

    measurements.register(PH)
    yield
    measurements.registry._forget_matches()


def culture_of(reader: PhReader) -> BufferedCulture:
    from pioreactor_ph.job import SimulatedProbe

    assert isinstance(reader.probe, SimulatedProbe)
    return reader.probe.culture


def course(bench: Bench, culture: BufferedCulture, minutes: int) -> list[float]:
    found = []
    for _ in range(6 * minutes):
        bench.wait(10.0)
        found.append(culture.ph)
    return found


@pytest.mark.parametrize("ph", [3.0, 6.2, 7.2, 8.5, 11.0])
def test_ph_follows_from_the_balance_of_charges(ph: float) -> None:
    from pioreactor_ph.acid_base import alkalinity_of, ph_of

    assert ph_of(alkalinity_of(ph, 20.0), 20.0) == pytest.approx(ph, abs=1e-5)


@pytest.mark.parametrize(
    ("seed", "acid_mm_per_h", "base_mm", "buffer_mm"), [(11, 4, 100, 20), (12, 8, 100, 20), (13, 6, 200, 50)]
)
def test_ph_is_held_with_nothing_but_the_sensor_in_the_plugin(
    seed: int, acid_mm_per_h: float, base_mm: float, buffer_mm: float
) -> None:
    """Tuned at 6.9, a step to 7.1, and then twice the acid: figures are those of the true pH."""
    from pioreactor_ph.job import PhReader

    config = f"[ph_reading.config]\nacid_mm_per_h={acid_mm_per_h}\nbase_mm={base_mm}\nbuffer_mm={buffer_mm}\n"
    with simulated_bench(scenario="water", seed=seed, config=config) as bench:
        culture = culture_of(bench.start(lambda: PhReader("unit1", EXPERIMENT)))
        options = {"measurement": "ph", "setpoint": 6.9, "mode": "tune", "duration": 0.5}
        job = bench.start(lambda: PIDDosing(**options))  # type: ignore[arg-type]
        minutes = 0
        while job.mode == "tune" and minutes < 200:
            course(bench, culture, 5)
            minutes += 5
        assert job.mode == "control", bench.logged("error")
        course(bench, culture, 120)
        held = course(bench, culture, 60)
        bench.set("dosing_automation", "setpoint", 7.1)
        step = course(bench, culture, 240)
        culture.acid_mm_per_h *= 2
        loaded = course(bench, culture, 240)
        assert max(abs(ph - 6.9) for ph in held) < 0.03
        assert max(step) < 7.1 + 0.06
        assert max(abs(ph - 7.1) for ph in step[1080:]) < 0.03
        assert min(loaded) > 7.1 - 0.08
        assert max(abs(ph - 7.1) for ph in loaded[1080:]) < 0.03
        assert bench.logged("error") == []
