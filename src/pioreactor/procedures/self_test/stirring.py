"""Self-test of the stirrer."""

from __future__ import annotations

from pioreactor.procedures.self_test.failure import check
from pioreactor.procedures.self_test.fixture import SelfTestFixture, pearson
from pioreactor.procedures.self_test.power import test_aux_power_is_not_too_high
from pioreactor.procedures.self_test.registry import SelfTest

HIGHEST_SHARE, LOWEST_SHARE = 1.2, 0.8
STEPS = 8
SETTLE_S = 2.0
WINDOW_S = 2.0
KICK_S = 0.5
ENOUGH = 0.9


def test_positive_correlation_between_rpm_and_stirring(fixture: SelfTestFixture) -> None:
    """More duty makes the bar faster."""
    test_aux_power_is_not_too_high(fixture)
    usual = fixture.runtime.settings.stirring.initial_duty_cycle
    step = (HIGHEST_SHARE - LOWEST_SHARE) / (STEPS - 1)
    duties = [min(100.0, usual * (HIGHEST_SHARE - k * step)) for k in range(STEPS)]
    with fixture.fan() as fan:
        fan.set_duty(100.0)
        fixture.wait(KICK_S)
        speeds = []
        for duty in duties:
            fan.set_duty(duty)
            fixture.wait(SETTLE_S)
            speeds.append(fan.measure_rpm(WINDOW_S))
    check(
        max(speeds) > 0,
        "the stir bar does not turn, or its sensor sees nothing",
        remedy="Check the fan's cable and the heater board's ribbon cable: the sensor of the speed sits on that board.",
    )
    r = pearson(duties, speeds)
    check(
        r > ENOUGH,
        f"speed does not follow the fan's duty (correlation {r:.2f}, {speeds[0]:.0f} to {speeds[-1]:.0f} RPM)",
        remedy="Check that a vial with a stir bar is in place, and that nothing touches the fan.",
    )


TESTS: list[SelfTest] = [test_positive_correlation_between_rpm_and_stirring]
