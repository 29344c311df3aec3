"""The supervisor on doubles: every way an output, a pump run or heat can be left to it, and every way it can fail."""

from collections.abc import Mapping

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.guard import HeatingLimits
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.spy import DEFAULT_ROLE_PINS, SpyPwm, SpyRig
from pioreactor.exc import HardwareError, HardwareNotFoundError
from pioreactor.output_guard.output_guard import LOOK_EVERY_S, OVERDUE_AFTER_S, OutputGuard
from pioreactor.types import LedChannel

MEDIA, WASTE, HEATER, FAN = (DEFAULT_ROLE_PINS[role] for role in ("media", "waste", "heating", "stirring"))


class Bench:
    """A supervised rig."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.ownership = MemoryOwnership()
        self.rig = SpyRig(ownership=self.ownership)
        self.said: list[str] = []
        self.noted: list[int] = []
        self.powered_off = 0
        self.record: dict[LedChannel, float] = {}
        self.due_at_s: dict[str, float] = {}
        self.supervisor = OutputGuard(
            rig=self.rig,
            ownership=self.ownership,
            clock=self.clock,
            limits=HeatingLimits(reduce_above=60.0, disable_above=65.0, shutdown_above=70.0),
            heater_pin=HEATER,
            pump_pins={MEDIA: "media", WASTE: "waste"},
            tell=self.said.append,
            power_off=self._power_off,
            note_off=self.noted.append,
            due_at_s=self.due_at_s.get,
            recorded_light=lambda channel: self.record.get(channel, 0.0),
            forget_light=lambda channel: self.record.update({channel: 0.0}),
            longest_pump_run_s=60.0,
        )

    def _power_off(self) -> None:
        self.powered_off += 1

    def drive(self, role: str, duty: float = 100.0, owner: str = "job") -> SpyPwm:
        output = self.rig.pwm(role, owner=owner, hz=100.0)
        output.set_duty(duty)
        return output

    def look(self, for_s: float = LOOK_EVERY_S) -> None:
        """Look as often as it does, for so long."""
        for _ in range(round(for_s / LOOK_EVERY_S)):
            self.clock.sleep(LOOK_EVERY_S)
            self.supervisor.look()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def fail_with(error: Exception) -> object:
    def fail(*args: object, **kwargs: object) -> object:
        raise error

    return fail


# ---- outputs ---------------------------------------------------------------------------------------------------


def test_what_is_owned_is_left_alone(bench: Bench) -> None:
    bench.drive("stirring", 30.0)
    bench.look(5.0)
    assert bench.rig.duties[FAN] == 30.0
    assert bench.said == []


@pytest.mark.parametrize("role", ["stirring", "media", "waste", "heating"])
def test_an_output_whose_owner_died_is_off_at_the_next_look(bench: Bench, role: str) -> None:
    bench.drive(role)
    bench.ownership.drop_holder("job")
    bench.look()
    pin = DEFAULT_ROLE_PINS[role]
    assert bench.rig.duties[pin] == 0.0
    assert bench.said == [f"The owner of pin {pin} died; the output is off."]
    assert bench.noted == [pin]
    assert bench.ownership.holder(f"pwm-{pin}") is None
    bench.look(3.0)
    assert len(bench.said) == 1, "it is said once"


def test_an_output_that_is_on_though_nobody_has_it_is_switched_off(bench: Bench) -> None:
    """Its owner let go although switching off failed, or it was on before this supervisor came."""
    bench.rig.duties[WASTE] = 100.0
    bench.look()
    assert bench.rig.duties[WASTE] == 0.0
    assert len(bench.said) == 1


def test_an_owner_who_lets_go_while_it_is_looked_at_has_not_died(bench: Bench) -> None:
    output = bench.drive("media")
    duties = bench.rig.pwm_duties

    def release_after_looking() -> Mapping[int, float]:
        seen = duties()
        output.release()
        return seen

    bench.rig.pwm_duties = release_after_looking  # type: ignore[method-assign]
    bench.look()
    assert bench.said == []


def test_one_that_was_taken_meanwhile_is_left_to_its_owner(bench: Bench) -> None:
    bench.drive("media")
    bench.ownership.drop_holder("job")
    abandoned = bench.ownership.abandoned()
    bench.drive("media", 80.0, owner="next job")
    bench.ownership.abandoned = lambda: abandoned  # type: ignore[method-assign]
    bench.look()
    assert bench.rig.duties[MEDIA] == 80.0
    assert bench.said == []


def test_an_led_whose_owner_died_is_dark(bench: Bench) -> None:
    bench.ownership.acquire("led-B", "job")
    bench.rig.leds().set_intensity("B", 50.0)
    bench.ownership.drop_holder("job")
    bench.look()
    assert bench.rig.leds().intensities["B"] == 0.0
    assert bench.said == ["The owner of LED B died; the LED is off."]


@pytest.mark.parametrize("resource", ["job-stirring", "led-Z", "supervisor"])
def test_what_is_no_output_is_nobodys_business(bench: Bench, resource: str) -> None:
    bench.ownership.acquire(resource, "job")
    bench.ownership.drop_holder("job")
    bench.look()
    assert bench.said == []


@pytest.mark.parametrize("error", [HardwareError("no answer"), OSError("bus")])
def test_a_chip_that_does_not_answer_is_tried_until_it_does_and_keeps_nobody_from_the_others(
    bench: Bench, error: Exception
) -> None:
    bench.ownership.acquire("led-A", "job")
    bench.drive("waste")
    leds = bench.rig.leds()
    leds.intensities["A"] = 50.0
    works, leds.set_intensity = leds.set_intensity, fail_with(error)  # type: ignore[method-assign, assignment]
    bench.ownership.drop_holder("job")
    bench.look(2.0)
    assert bench.rig.duties[WASTE] == 0.0
    assert [words for words in bench.said if "answer" in words] == [f"Something does not answer: {error}."]
    leds.set_intensity = works  # type: ignore[method-assign]
    bench.look()
    assert leds.intensities["A"] == 0.0
    bench.look(2.0)
    assert len([words for words in bench.said if "LED A" in words]) == 1


def test_an_led_that_is_owed_and_was_taken_is_forgotten(bench: Bench) -> None:
    bench.ownership.acquire("led-A", "job")
    leds = bench.rig.leds()
    works, leds.set_intensity = leds.set_intensity, fail_with(OSError("bus"))  # type: ignore[method-assign, assignment]
    bench.ownership.drop_holder("job")
    bench.look()
    leds.set_intensity = works  # type: ignore[method-assign]
    lease = bench.ownership.acquire("led-A", "next job")
    leds.set_intensity("A", 20.0)
    bench.look()
    lease.release()
    bench.look(2.0)
    assert leds.intensities["A"] == 20.0


def test_a_pump_that_nobody_stops_when_its_run_is_over_is_off_soon(bench: Bench) -> None:
    """Its process is frozen: it is there, and holds its lock, but it does not act."""
    bench.due_at_s = {"waste": 3.0, "media": 100.0}
    bench.supervisor.due_at_s = bench.due_at_s.get
    bench.drive("media")
    bench.drive("waste")
    bench.look(3.0 + OVERDUE_AFTER_S)
    assert bench.rig.duties[WASTE] == 100.0
    bench.look(LOOK_EVERY_S)
    assert (bench.rig.duties[WASTE], bench.rig.duties[MEDIA]) == (0.0, 100.0)
    assert bench.noted == [WASTE]
    assert bench.said == ["The waste pump was not stopped when its run was over; it is off. Is its job frozen?"]
    bench.look(5.0)
    assert len(bench.said) == 1


# ---- pumps -----------------------------------------------------------------------------------------------------


def test_a_pump_that_runs_without_end_is_stopped(bench: Bench) -> None:
    bench.drive("media")
    bench.look(59.0)
    assert bench.rig.duties[MEDIA] == 100.0
    bench.look(2.0)
    assert bench.rig.duties[MEDIA] == 0.0
    assert bench.said == ["The media pump ran for 60 s without a pause; it is off."]


def test_pauses_begin_a_new_run(bench: Bench) -> None:
    output = bench.drive("media")
    for _ in range(3):
        bench.look(45.0)
        output.off()
        bench.look(1.0)
        output.set_duty(100.0)
    assert bench.said == []


def test_the_fan_may_run_for_ever(bench: Bench) -> None:
    bench.drive("stirring")
    bench.look(120.0)
    assert bench.rig.duties[FAN] == 100.0


# ---- heat ------------------------------------------------------------------------------------------------------


def test_too_hot_a_board_loses_its_heater_whoever_owns_it(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(66.0)
    bench.look(1.0)
    assert bench.rig.duties[HEATER] == 0.0
    assert bench.said == ["The heating board is at 66.0 °C; the heater is off."]
    assert bench.powered_off == 0


def test_a_warm_board_keeps_its_heater_and_a_hot_one_without_heat_is_only_watched(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(62.0)
    bench.look(2.0)
    assert bench.rig.duties[HEATER] == 50.0
    bench.rig.duties[HEATER] = 0.0
    bench.rig.thermometer().will_read(66.0)
    bench.look(2.0)
    assert bench.said == []


def test_a_burning_board_takes_the_unit_down(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(71.0)
    bench.look(0.5)
    assert bench.rig.duties[HEATER] == 0.0
    assert bench.powered_off == 1


@pytest.mark.parametrize("is_heating", [True, False])
def test_without_a_thermometer_there_is_no_heat(bench: Bench, is_heating: bool) -> None:
    bench.drive("heating", 50.0 if is_heating else 0.0)
    bench.rig.thermometer().read_celsius = fail_with(HardwareNotFoundError("gone"))  # type: ignore[assignment, method-assign]
    bench.look(3.0)
    assert bench.rig.duties[HEATER] == 0.0
    assert ("The heating board does not say how warm it is; the heater is off." in bench.said) is is_heating
    assert bench.said.count("Something does not answer: gone.") == 1


def test_the_thermometer_is_asked_once_a_second(bench: Bench) -> None:
    bench.look(10.0)
    assert bench.rig.thermometer().reads == 10


def test_one_step_that_fails_keeps_the_others(bench: Bench) -> None:
    bench.drive("heating", 50.0)
    bench.rig.thermometer().will_read(66.0)
    bench.ownership.abandoned = fail_with(OSError("no directory"))  # type: ignore[method-assign, assignment]
    bench.look(1.0)
    assert bench.rig.duties[HEATER] == 0.0
    assert "Something does not answer: no directory." in bench.said


@pytest.mark.parametrize("resource", ["led-C", "light-C"])
def test_a_light_goes_off_with_whoever_answered_for_it(bench: Bench, resource: str) -> None:
    bench.ownership.acquire(resource, "led_automation")
    bench.rig.leds().set_intensity("C", 50.0)
    bench.ownership.drop_holder("led_automation")
    bench.look()
    assert bench.rig.leds().calls[-1] == ("C", 0.0)
    assert bench.said == ["The owner of LED C died; the LED is off."]


def test_a_light_that_a_dead_reader_had_darkened_comes_back_as_it_is_on_record(bench: Bench) -> None:
    bench.record["C"] = 40.0
    bench.ownership.acquire("light-C", "led_automation")
    bench.ownership.acquire("led-C", "od_reading")
    bench.rig.leds().set_intensity("C", 0.0)
    bench.ownership.drop_holder("od_reading")
    bench.look()
    assert bench.rig.leds().intensities["C"] == 40.0
    assert bench.said == ["The owner of LED C died; the LED has its 40 % again."]


def test_a_light_whose_owner_died_with_the_reader_stays_dark(bench: Bench) -> None:
    """Not even for a moment is it lit: who wanted it is looked at first."""
    bench.record["C"] = 40.0
    for resource, owner in (("light-C", "led_automation"), ("led-C", "od_reading")):
        bench.ownership.acquire(resource, owner)
        bench.ownership.drop_holder(owner)
    bench.look(2.0)
    assert {percent for _, percent in bench.rig.leds().calls} == {0.0}
    assert bench.record["C"] == 0.0
