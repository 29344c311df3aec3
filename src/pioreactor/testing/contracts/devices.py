"""What every rig and every way of owning must do, whichever adapter keeps the promise."""

import math
from collections.abc import Callable

import pytest

from pioreactor.devices.drivers.pwm import resource_of
from pioreactor.devices.ports import Ownership, Rig
from pioreactor.exc import ActuatorInUseError, ConfigurationError, HardwareNotFoundError, InvalidRequestError
from pioreactor.types import LED_CHANNELS


class OwnershipContract:
    """Provide `ownership`, and `kill_holder`: a function that takes a resource in a way that dies, and dies.

    `kill_holder(resource, owner)` returns after the holder's death.
    """

    @pytest.fixture
    def ownership(self) -> Ownership:
        raise pytest.UsageError("an ownership suite provides an `ownership` fixture")

    @pytest.fixture
    def kill_holder(self) -> Callable[[str, str], None]:
        raise pytest.UsageError("an ownership suite provides a `kill_holder` fixture")

    def test_nobody_holds_what_was_never_taken(self, ownership: Ownership) -> None:
        assert ownership.holder("pwm-17") is None

    def test_holder_is_the_owner_until_release(self, ownership: Ownership) -> None:
        lease = ownership.acquire("pwm-17", "stirring")
        assert ownership.holder("pwm-17") == "stirring"
        assert ownership.holder("pwm-17") == "stirring", "looking must not change anything"
        lease.release()
        assert ownership.holder("pwm-17") is None

    def test_second_taker_is_refused_and_told_who_holds_it(self, ownership: Ownership) -> None:
        lease = ownership.acquire("pwm-17", "stirring")
        with pytest.raises(ActuatorInUseError, match="stirring"):
            ownership.acquire("pwm-17", "pump")
        assert ownership.holder("pwm-17") == "stirring"
        lease.release()

    def test_the_same_owner_is_refused_too(self, ownership: Ownership) -> None:
        lease = ownership.acquire("job-stirring", "stirring")
        with pytest.raises(ActuatorInUseError):
            ownership.acquire("job-stirring", "stirring")
        lease.release()

    def test_resources_are_independent(self, ownership: Ownership) -> None:
        leases = [ownership.acquire(f"pwm-{pin}", f"job{pin}") for pin in (12, 13, 17)]
        leases[1].release()
        assert [ownership.holder(f"pwm-{pin}") for pin in (12, 13, 17)] == ["job12", None, "job17"]
        leases[0].release()
        leases[2].release()

    def test_releasing_twice_does_not_take_it_from_the_next_owner(self, ownership: Ownership) -> None:
        first = ownership.acquire("led-A", "first")
        first.release()
        second = ownership.acquire("led-A", "second")
        first.release()
        assert ownership.holder("led-A") == "second"
        second.release()

    def test_death_of_the_holder_frees_it(self, ownership: Ownership, kill_holder: Callable[[str, str], None]) -> None:
        kill_holder("pwm-18", "victim")
        assert ownership.holder("pwm-18") is None
        ownership.acquire("pwm-18", "heir").release()

    @pytest.mark.parametrize("name", ["", "../escape", "a/b", ".hidden", "with space"])
    def test_a_name_that_cannot_be_a_file_is_refused(self, ownership: Ownership, name: str) -> None:
        with pytest.raises(InvalidRequestError):
            ownership.acquire(name, "anybody")


class RigContract:
    """Provide `rig` (with the role "stirring") and the `ownership` it works with. Nothing is set beforehand."""

    @pytest.fixture
    def ownership(self) -> Ownership:
        raise pytest.UsageError("a rig suite provides an `ownership` fixture")

    @pytest.fixture
    def rig(self) -> Rig:
        raise pytest.UsageError("a rig suite provides a `rig` fixture")

    def test_an_output_is_at_rest_when_opened_and_does_what_it_is_told(self, rig: Rig) -> None:
        fan = rig.pwm("stirring", owner="test", hz=200)
        assert fan.get_duty() == 0
        fan.set_duty(30.0)
        fan.set_duty(30.0)
        assert fan.get_duty() == pytest.approx(30.0)
        assert max(rig.pwm_duties().values()) == pytest.approx(30.0)
        fan.release()
        assert set(rig.pwm_duties().values()) == {0}

    def test_an_output_is_owned_until_release(self, rig: Rig, ownership: Ownership) -> None:
        fan = rig.pwm("stirring", owner="test", hz=200)
        held = [pin for pin in rig.pwm_duties() if ownership.holder(resource_of(pin)) == "test"]
        assert len(held) == 1
        with pytest.raises(ActuatorInUseError, match="test"):
            rig.pwm_by_pin(held[0], owner="other", hz=100)
        fan.release()
        rig.pwm_by_pin(held[0], owner="other", hz=100).release()

    @pytest.mark.parametrize("percent", [-0.1, 100.1, float("nan"), float("inf")])
    def test_a_duty_out_of_range_is_refused_and_changes_nothing(self, rig: Rig, percent: float) -> None:
        fan = rig.pwm("stirring", owner="test", hz=200)
        fan.set_duty(20.0)
        with pytest.raises(InvalidRequestError):
            fan.set_duty(percent)
        assert fan.get_duty() == pytest.approx(20.0)
        fan.release()

    def test_switching_off_is_always_allowed(self, rig: Rig) -> None:
        fan = rig.pwm("stirring", owner="test", hz=200)
        fan.off()
        fan.set_duty(50.0)
        fan.off()
        fan.off()
        assert fan.get_duty() == 0
        fan.release()
        fan.release()
        fan.off()

    def test_who_gave_an_output_up_cannot_touch_it(self, rig: Rig) -> None:
        former = rig.pwm("stirring", owner="former", hz=200)
        former.release()
        with pytest.raises(ActuatorInUseError):
            former.set_duty(10.0)
        present = rig.pwm("stirring", owner="present", hz=200)
        present.set_duty(40.0)
        former.off()
        former.release()
        assert present.get_duty() == pytest.approx(40.0)
        present.release()

    def test_a_role_nobody_assigned_is_refused(self, rig: Rig) -> None:
        with pytest.raises(ConfigurationError, match="bubbles"):
            rig.pwm("bubbles", owner="test", hz=200)

    def test_leds_take_percent(self, rig: Rig) -> None:
        leds = rig.leds()
        for channel in LED_CHANNELS:
            leds.set_intensity(channel, 55.5)
            leds.set_intensity(channel, 0.0)
            with pytest.raises(InvalidRequestError):
                leds.set_intensity(channel, 101.0)

    def test_instruments_answer_plausibly(self, rig: Rig) -> None:
        diode = rig.photodiode("1")
        diode.fit_range(0.1)
        assert -0.01 <= diode.read_volts() < 5
        assert diode.converter
        assert -20 < rig.thermometer().read_celsius() < 90
        assert rig.tachometer().edges() == [], "the first call arms it"
        assert rig.aux_volts() >= 0
        assert rig.button().is_pressed() in (True, False)
        rig.indicator().on()
        rig.indicator().off()

    def test_additional_sensors_return_finite_readings(self, rig: Rig) -> None:
        for name in rig.sensors():
            sensor = rig.sensor(name)
            assert sensor.unit
            assert math.isfinite(sensor.read())
        with pytest.raises(HardwareNotFoundError, match="nonexistent"):
            rig.sensor("nonexistent")

    def test_everything_is_present(self, rig: Rig) -> None:
        assert rig.missing() == []
        assert rig.is_hat_present()
        assert rig.is_heating_pcb_present()

    def test_closing_switches_off_what_was_left_on(self, rig: Rig, ownership: Ownership) -> None:
        fan = rig.pwm("stirring", owner="test", hz=200)
        fan.set_duty(25.0)
        pins = list(rig.pwm_duties())
        rig.close()
        assert fan.get_duty() == 0
        assert all(ownership.holder(resource_of(pin)) is None for pin in pins)
        rig.close()
