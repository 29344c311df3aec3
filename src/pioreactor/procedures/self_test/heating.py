"""Self-tests of the heater board."""

from __future__ import annotations

from pioreactor.procedures.self_test.failure import check
from pioreactor.procedures.self_test.fixture import SelfTestFixture, pearson
from pioreactor.procedures.self_test.registry import SelfTest

DUTIES = [float(duty) for duty in range(0, 30, 3)]
STEP_S = 1.5
HEATER_HZ = 6.0
ENOUGH = 0.9
TOO_HOT_CELSIUS = 50.0


def test_detect_heating_pcb(fixture: SelfTestFixture) -> None:
    """The thermometer on the heater board answers."""
    check(
        fixture.rig.is_heating_pcb_present(),
        "the heater board does not answer",
        remedy="Check the ribbon cable between the HAT and the heater board under the vial.",
    )


def test_positive_correlation_between_temperature_and_heating(fixture: SelfTestFixture) -> None:
    """More power makes the board warmer."""
    test_detect_heating_pcb(fixture)
    thermometer = fixture.rig.thermometer()
    heater = fixture.rig.pwm("heating", owner=fixture.action.owner, hz=HEATER_HZ)
    celsius: list[float] = []
    try:
        for duty in DUTIES:
            heater.set_duty(duty)
            fixture.wait(STEP_S)
            celsius.append(thermometer.read_celsius())
            check(
                celsius[-1] < TOO_HOT_CELSIUS,
                f"the heater board is at {celsius[-1]:.1f} °C",
                remedy="Let the unit cool down, then run the test again.",
            )
    finally:
        heater.release()
    r = pearson(DUTIES, celsius)
    check(
        r > ENOUGH,
        f"temperature does not follow the heater's power (correlation {r:.2f}, "
        f"{celsius[0]:.2f} to {celsius[-1]:.2f} °C)",
        remedy="Check the heater's cable, the external power supply, and that the vial was at rest before the test.",
    )


TESTS: list[SelfTest] = [test_detect_heating_pcb, test_positive_correlation_between_temperature_and_heating]
