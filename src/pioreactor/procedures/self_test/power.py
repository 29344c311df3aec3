"""Self-tests of the HAT and of the power supply."""

from __future__ import annotations

from pioreactor.exc import HardwareNotFoundError
from pioreactor.procedures.self_test.failure import check
from pioreactor.procedures.self_test.fixture import SelfTestFixture
from pioreactor.procedures.self_test.registry import SelfTest

HIGHEST_AUX_V = 18.0


def test_pioreactor_HAT_present(fixture: SelfTestFixture) -> None:  # noqa: N802  the published name
    """The HAT answers, and so does every chip that the HAT and the model have."""
    check(fixture.rig.is_hat_present(), "the HAT does not answer", remedy="Check that the HAT sits on all 40 pins.")
    missing = fixture.rig.missing()
    check(
        not missing,
        f"does not answer: {', '.join(missing)}",
        remedy="Check the ribbon cables of the wetware, and that the right model is assigned to the unit.",
    )


def test_aux_power_is_not_too_high(fixture: SelfTestFixture) -> None:
    """The supply of pumps, heater and fan stays within what they stand."""
    try:
        volts = fixture.rig.aux_volts()
    except HardwareNotFoundError:
        return  # this HAT does not measure it
    check(
        volts <= HIGHEST_AUX_V,
        f"the auxiliary supply gives {volts:.1f} V, more than {HIGHEST_AUX_V:g} V",
        remedy="Unplug the external power supply at once, and use one of 12 V.",
    )


TESTS: list[SelfTest] = [test_pioreactor_HAT_present, test_aux_power_is_not_too_high]
