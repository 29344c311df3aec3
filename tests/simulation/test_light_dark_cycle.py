"""Day and night on a simulated photobioreactor, while optical density is read beside it."""

from __future__ import annotations

from typing import Any

from pioreactor.background_jobs.led_automation import start_led_automation
from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.bootstrap.simulated import build_simulation

LATE_S = 3.0
"""An OD reading holds the LEDs for up to two seconds."""


def test_an_alga_sees_day_and_night_though_od_readings_dim_the_lamps() -> None:
    simulation = build_simulation(scenario="alga_photobioreactor", seed=5)
    unit = simulation.units[0]
    jobs: list[Any] = []

    def run(make: Any) -> None:
        jobs.append(make())
        jobs[-1].block_until_disconnected()

    unit.run(lambda: run(start_od_reading), name="od")
    unit.run(
        lambda: run(
            lambda: start_led_automation(
                "light_dark_cycle", light_intensity=60, light_duration_minutes=10, dark_duration_minutes=5
            )
        ),
        name="light",
    )
    lit: list[tuple[float, float]] = []
    for _ in range(31 * 60 * 2):
        simulation.clock.sleep(0.5)
        lit.append((simulation.clock.monotonic(), 100.0 * unit.world.optics.leds.get("D", 0.0)))
    for at_s, level in lit:
        phase = at_s % 900.0
        if phase < 600.0 - LATE_S and phase > LATE_S:
            assert level in (0.0, 60.0) or abs(level - 60.0) < 1.0
        elif phase > 600.0 + LATE_S:
            assert level == 0.0
    share = sum(level > 0 for _, level in lit) / len(lit)
    assert 0.4 < share <= 2 / 3 + 0.01
    for job in jobs:
        job.clean_up()
    assert unit.world.optics.leds.get("D", 0.0) == 0.0
