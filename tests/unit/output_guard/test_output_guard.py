"""The output guard on test doubles: orphaned outputs, pump runs, heat, and failures of each."""

from collections.abc import Mapping

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.guard import HeatingLimits
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.spy_rig import DEFAULT_ROLE_PINS, SpyPwm, SpyRig
from pioreactor.exc import HardwareError, HardwareNotFoundError
from pioreactor.output_guard.output_guard import CHECK_INTERVAL_S, OVERDUE_AFTER_S, OutputGuard
from pioreactor.types import LedChannel

MEDIA, WASTE, HEATER, FAN = (DEFAULT_ROLE_PINS[role] for role in ("media", "waste", "heating", "stirring"))


class Bench:
    """A guarded rig."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.ownership = MemoryOwnership()
        self.rig = SpyRig(ownership=self.ownership)
        self.messages: list[str] = []
        self.switched_off: list[int] = []
        self.powered_off = 0
        self.record: dict[LedChannel, float] = {}
        self.due_at_s: dict[str, float] = {}
        self.guard = OutputGuard(
            rig=self.rig,
            ownership=self.ownership,
            clock=self.clock,
            limits=HeatingLimits(reduce_above=60.0, disable_above=65.0, shutdown_above=70.0),
            heater_pin=HEATER,
            pump_pins={MEDIA: "media", WASTE: "waste"},
            report=self.messages.append,
            power_off=self._power_off,
            on_switched_off=self.switched_off.append,
            due_at_s=self.due_at_s.get,
            recorded_led=lambda channel: self.record.get(channel, 0.0),
            clear_recorded_led=lambda channel: self.record.update({channel: 0.0}),
            longest_pump_run_s=60.0,
        )

    def _power_off(self) -> bool:
        self.powered_off += 1
        return True

    def drive(self, role: str, duty: float = 100.0, owner: str = "job") -> SpyPwm:
        output = self.rig.pwm(role, owner=owner, hz=100.0)
        output.set_duty(duty)
        return output

    def check(self, for_s: float = CHECK_INTERVAL_S) -> None:
        """Check at its interval, for this long."""
        for _ in range(round(for_s / CHECK_INTERVAL_S)):
            self.clock.sleep(CHECK_INTERVAL_S)
            self.guard.check()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def fail_with(error: Exception) -> object:
    def fail(*args: object, **kwargs: object) -> object:
        raise error

    return fail


# ---- outputs ---------------------------------------------------------------------------------------------------


def test_owned_outputs_are_left_alone(bench: Bench) -> None:
    bench.drive("stirring", 30.0)
    bench.check(5.0)
    assert bench.rig.duties[FAN] == 30.0
    assert bench.messages == []


@pytest.mark.parametrize("role", ["stirring", "media", "waste", "heating"])
def test_output_of_a_killed_owner_is_switched_off_at_the_next_check(bench: Bench, role: str) -> None:
    bench.drive(role)
    bench.ownership.drop_holder("job")
    bench.check()
    pin = DEFAULT_ROLE_PINS[role]
    assert bench.rig.duties[pin] == 0.0
    assert bench.messages == [f"The process that owned pin {pin} was killed; the output was switched off."]
    assert bench.switched_off == [pin]
    assert bench.ownership.holder(f"pwm-{pin}") is None
    bench.check(3.0)
    assert len(bench.messages) == 1, "it is reported once"


def test_output_that_is_on_without_an_owner_is_switched_off(bench: Bench) -> None:
    """Its owner let go although switching off failed, or it was on before the guard started."""
    bench.rig.duties[WASTE] = 100.0
    bench.check()
    assert bench.rig.duties[WASTE] == 0.0
    assert len(bench.messages) == 1


def test_owner_that_releases_during_the_check_was_not_killed(bench: Bench) -> None:
    output = bench.drive("media")
    duties = bench.rig.pwm_duties

    def release_after_looking() -> Mapping[int, float]:
        seen = duties()
        output.release()
        return seen

    bench.rig.pwm_duties = release_after_looking  # type: ignore[method-assign]
    bench.check()
    assert bench.messages == []


def test_output_acquired_meanwhile_is_left_to_its_owner(bench: Bench) -> None:
    bench.drive("media")
    bench.ownership.drop_holder("job")
    abandoned = bench.ownership.abandoned()
    bench.drive("media", 80.0, owner="next job")
    bench.ownership.abandoned = lambda: abandoned  # type: ignore[method-assign]
    bench.check()
    assert bench.rig.duties[MEDIA] == 80.0
    assert bench.messages == []


def test_led_of_a_killed_owner_is_switched_off(bench: Bench) -> None:
    bench.ownership.acquire("led-B", "job")
    bench.rig.leds().set_intensity("B", 50.0)
    bench.ownership.drop_holder("job")
    bench.check()
    assert bench.rig.leds().intensities["B"] == 0.0
    assert bench.messages == ["The process that owned LED B was killed; the LED was switched off."]


@pytest.mark.parametrize("resource", ["job-stirring", "led-Z", "output_guard"])
def test_resources_that_are_not_outputs_are_ignored(bench: Bench, resource: str) -> None:
    bench.ownership.acquire(resource, "job")
    bench.ownership.drop_holder("job")
    bench.check()
    assert bench.messages == []


@pytest.mark.parametrize("error", [HardwareError("no answer"), OSError("bus")])
def test_failing_chip_is_retried_and_does_not_block_other_outputs(bench: Bench, error: Exception) -> None:
    bench.ownership.acquire("led-A", "job")
    bench.drive("waste")
    leds = bench.rig.leds()
    leds.intensities["A"] = 50.0
    works, leds.set_intensity = leds.set_intensity, fail_with(error)  # type: ignore[method-assign, assignment]
    bench.ownership.drop_holder("job")
    bench.check(2.0)
    assert bench.rig.duties[WASTE] == 0.0
    assert [message for message in bench.messages if "error" in message] == [f"Hardware error: {error}."]
    leds.set_intensity = works  # type: ignore[method-assign]
    bench.check()
    assert leds.intensities["A"] == 0.0
    bench.check(2.0)
    assert len([message for message in bench.messages if "LED A" in message]) == 1


def test_pending_led_that_was_acquired_is_left_to_its_owner(bench: Bench) -> None:
    bench.ownership.acquire("led-A", "job")
    leds = bench.rig.leds()
    works, leds.set_intensity = leds.set_intensity, fail_with(OSError("bus"))  # type: ignore[method-assign, assignment]
    bench.ownership.drop_holder("job")
    bench.check()
    leds.set_intensity = works  # type: ignore[method-assign]
    lease = bench.ownership.acquire("led-A", "next job")
    leds.set_intensity("A", 20.0)
    bench.check()
    lease.release()
    bench.check(2.0)
    assert leds.intensities["A"] == 20.0


def test_pump_of_a_hanging_process_is_stopped_after_its_run(bench: Bench) -> None:
    """Its process is suspended: it holds its lock, but it does not act."""
    bench.due_at_s = {"waste": 3.0, "media": 100.0}
    bench.guard.due_at_s = bench.due_at_s.get
    bench.drive("media")
    bench.drive("waste")
    bench.check(3.0 + OVERDUE_AFTER_S)
    assert bench.rig.duties[WASTE] == 100.0
    bench.check(CHECK_INTERVAL_S)
    assert (bench.rig.duties[WASTE], bench.rig.duties[MEDIA]) == (0.0, 100.0)
    assert bench.switched_off == [WASTE]
    assert bench.messages == ["The waste pump was not stopped at the end of its run and is off now. Its job hangs."]
    bench.check(5.0)
    assert len(bench.messages) == 1


# ---- pumps -----------------------------------------------------------------------------------------------------


def test_longest_pump_run_is_limited(bench: Bench) -> None:
    bench.drive("media")
    bench.check(59.0)
    assert bench.rig.duties[MEDIA] == 100.0
    bench.check(2.0)
    assert bench.rig.duties[MEDIA] == 0.0
    assert bench.messages == ["The media pump ran for 60 s without a pause; it was stopped."]


def test_a_pause_starts_a_new_run(bench: Bench) -> None:
    output = bench.drive("media")
    for _ in range(3):
        bench.check(45.0)
        output.off()
        bench.check(1.0)
        output.set_duty(100.0)
    assert bench.messages == []


def test_stirring_is_not_limited(bench: Bench) -> None:
    bench.drive("stirring")
    bench.check(120.0)
    assert bench.rig.duties[FAN] == 100.0


# ---- heat ------------------------------------------------------------------------------------------------------


def test_hot_board_has_its_heater_switched_off(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(66.0)
    bench.check(1.0)
    assert bench.rig.duties[HEATER] == 0.0
    assert bench.messages == ["The heater board is at 66.0 °C; the heater was switched off."]
    assert bench.powered_off == 0


def test_warm_board_and_hot_board_without_heating_are_left_alone(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(62.0)
    bench.check(2.0)
    assert bench.rig.duties[HEATER] == 50.0
    bench.rig.duties[HEATER] = 0.0
    bench.rig.thermometer().will_read(66.0)
    bench.check(2.0)
    assert bench.messages == []


def test_overheated_board_shuts_the_unit_down(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(71.0)
    bench.check(0.5)
    assert bench.rig.duties[HEATER] == 0.0
    assert bench.powered_off == 1


@pytest.mark.parametrize("is_heating", [True, False])
def test_heater_is_switched_off_without_a_thermometer(bench: Bench, is_heating: bool) -> None:
    bench.drive("heating", 50.0 if is_heating else 0.0)
    bench.rig.thermometer().read_celsius = fail_with(HardwareNotFoundError("gone"))  # type: ignore[assignment, method-assign]
    bench.check(3.0)
    assert bench.rig.duties[HEATER] == 0.0
    assert (
        "The heater board's thermometer does not respond; the heater was switched off." in bench.messages
    ) is is_heating
    assert bench.messages.count("Hardware error: gone.") == 1


def test_thermometer_is_read_once_a_second(bench: Bench) -> None:
    bench.check(10.0)
    assert bench.rig.thermometer().reads == 10


def test_failing_step_does_not_block_the_others(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(66.0)
    bench.ownership.abandoned = fail_with(OSError("no directory"))  # type: ignore[method-assign, assignment]
    bench.check(1.0)
    assert bench.rig.duties[HEATER] == 0.0
    assert "Hardware error: no directory." in bench.messages


@pytest.mark.parametrize("resource", ["led-C", "light-C"])
def test_led_is_switched_off_when_its_owner_is_killed(bench: Bench, resource: str) -> None:
    bench.ownership.acquire(resource, "led_automation")
    bench.rig.leds().set_intensity("C", 50.0)
    bench.ownership.drop_holder("led_automation")
    bench.check()
    assert bench.rig.leds().calls[-1] == ("C", 0.0)
    assert bench.messages == ["The process that owned LED C was killed; the LED was switched off."]


def test_led_darkened_by_a_killed_reader_is_restored(bench: Bench) -> None:
    bench.record["C"] = 40.0
    bench.ownership.acquire("light-C", "led_automation")
    bench.ownership.acquire("led-C", "od_reading")
    bench.rig.leds().set_intensity("C", 0.0)
    bench.ownership.drop_holder("od_reading")
    bench.check()
    assert bench.rig.leds().intensities["C"] == 40.0
    assert bench.messages == ["The process that owned LED C was killed; the LED was restored to 40 %."]


def test_led_whose_owner_was_killed_with_the_reader_stays_off(bench: Bench) -> None:
    """It is not lit even briefly: the owner is checked first."""
    bench.record["C"] = 40.0
    for resource, owner in (("light-C", "led_automation"), ("led-C", "od_reading")):
        bench.ownership.acquire(resource, owner)
        bench.ownership.drop_holder(owner)
    bench.check(2.0)
    assert {percent for _, percent in bench.rig.leds().calls} == {0.0}
    assert bench.record["C"] == 0.0
