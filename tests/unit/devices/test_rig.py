"""The rig: roles and pins, chips that are absent or in each other's way, and outputs that fail."""

from collections.abc import Callable

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.board import load_board
from pioreactor.devices.buses.spy_buses import SpyBuses
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.rig import BoardRig, open_rig
from pioreactor.exc import ConfigurationError, HardwareError, HardwareNotFoundError, InvalidRequestError

RigMaker = Callable[..., BoardRig]


@pytest.fixture
def ownership() -> MemoryOwnership:
    return MemoryOwnership()


@pytest.fixture
def make_rig(wires: SpyBuses, clock: VirtualClock, ownership: MemoryOwnership) -> RigMaker:
    def make(
        hat: str = "1.1", model: str = "pioreactor_20ml", version: str = "1.1", *, hat_present: bool | None = None
    ) -> BoardRig:
        board = load_board(None, hat_version=hat, model_name=model, model_version=version)
        wires.i2c.chips = {chip.address: {} for chip in board.chips()}
        roles = {"stirring": "1", "media": "2", "heating": "3"}
        return open_rig(board, wires.as_buses(), clock, ownership, pwm_roles=roles, hat_present=hat_present)

    return make


def test_nothing_is_touched_before_a_part_is_used(make_rig: RigMaker, wires: SpyBuses) -> None:
    rig = make_rig()
    rig.leds()
    rig.thermometer()
    rig.indicator()
    assert wires.i2c.calls == []
    assert wires.pwm.calls == []


def test_roles_lead_to_pins_and_heating_to_the_boards_heater(make_rig: RigMaker, wires: SpyBuses) -> None:
    rig = make_rig()
    rig.pwm("stirring", owner="s", hz=200).set_duty(12.5)
    rig.pwm("heating", owner="h", hz=16).set_duty(50)
    assert wires.pwm.calls[-1] == (18, 50, 16)
    assert rig.pwm_duties() == {12: 0.0, 13: 0.0, 16: 0.0, 17: 12.5, 18: 50}


def test_an_output_that_a_killed_owner_left_on_is_seen_and_can_be_switched_off(
    make_rig: RigMaker, wires: SpyBuses, ownership: MemoryOwnership
) -> None:
    make_rig().pwm("media", owner="pump", hz=250).set_duty(100)
    ownership.drop_holder("pump")
    supervisor = make_rig()
    assert supervisor.pwm_duties()[13] == 100
    assert ownership.holder("pwm-13") is None
    supervisor.pwm_by_pin(13, owner="supervisor", hz=250).release()
    assert supervisor.pwm_duties()[13] == 0


def test_an_output_that_cannot_be_switched_off_at_opening_is_not_kept(
    make_rig: RigMaker, wires: SpyBuses, ownership: MemoryOwnership
) -> None:
    wires.pwm.fails = HardwareError("stuck")
    with pytest.raises(HardwareError):
        make_rig().pwm("media", owner="pump", hz=250)
    assert ownership.holder("pwm-13") is None


def test_an_output_that_cannot_be_switched_off_at_release_is_left_to_the_supervisor(
    make_rig: RigMaker, wires: SpyBuses, ownership: MemoryOwnership
) -> None:
    rig = make_rig()
    output = rig.pwm("media", owner="pump", hz=250)
    output.set_duty(50)
    wires.pwm.fails = HardwareError("stuck")
    with pytest.raises(HardwareError):
        output.release()
    assert ownership.holder("pwm-13") is None
    assert rig.pwm_duties()[13] == 50


def test_closing_switches_off_the_others_when_one_fails_and_closes_the_buses(
    make_rig: RigMaker, wires: SpyBuses, ownership: MemoryOwnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig()
    rig.pwm("stirring", owner="a", hz=200).set_duty(20)
    rig.pwm("media", owner="a", hz=200).set_duty(20)
    set_duty = wires.pwm.set_duty

    def fails_on_17(pin: int, duty_percent: float, *, hz: float) -> None:
        if pin == 17:
            raise HardwareError("stuck")
        set_duty(pin, duty_percent, hz=hz)

    monkeypatch.setattr(wires.pwm, "set_duty", fails_on_17)
    with pytest.raises(HardwareError):
        rig.close()
    assert rig.pwm_duties()[13] == 0
    assert wires.i2c.is_closed
    assert wires.pwm.is_closed
    assert wires.gpio.is_closed


@pytest.mark.parametrize("hz", [0, -1, float("nan"), 1e9])
def test_a_frequency_that_is_none_is_refused(make_rig: RigMaker, ownership: MemoryOwnership, hz: float) -> None:
    with pytest.raises(InvalidRequestError):
        make_rig().pwm("media", owner="pump", hz=hz)
    assert ownership.holder("pwm-13") is None


@pytest.mark.parametrize("pin", [2, 3, 4, 21, 23])
def test_pins_of_other_parts_are_no_outputs(make_rig: RigMaker, pin: int) -> None:
    with pytest.raises(ConfigurationError, match=str(pin)):
        make_rig().pwm_by_pin(pin, owner="plugin", hz=100)


def test_a_free_pin_is_an_output_for_a_plugin(make_rig: RigMaker, wires: SpyBuses) -> None:
    make_rig().pwm_by_pin(27, owner="plugin", hz=100).set_duty(10)
    assert wires.pwm.duties[27] == 10


def test_missing_names_each_chip(make_rig: RigMaker, wires: SpyBuses) -> None:
    rig = make_rig("1.2", "pioreactor_40ml", "1.5")
    assert rig.missing() == []
    del wires.i2c.chips[0x49]
    del wires.i2c.chips[0x4F]
    assert rig.missing() == ["ADS1114 at 0x49 (photodiode 2)", "TMP1075 at 0x4F (heating board)"]
    assert not rig.is_heating_pcb_present()


@pytest.mark.parametrize("known", [True, False])
def test_what_is_known_of_the_hat_is_believed(make_rig: RigMaker, wires: SpyBuses, known: bool) -> None:
    rig = make_rig(hat_present=known)
    wires.i2c.chips.clear()
    assert rig.is_hat_present() is known


def test_an_unknown_hat_is_asked_for(make_rig: RigMaker, wires: SpyBuses) -> None:
    rig = make_rig()
    assert rig.is_hat_present()
    wires.i2c.chips.clear()
    assert not rig.is_hat_present()


def test_a_model_that_does_not_suit_the_hat_stops_what_is_in_the_way_only(make_rig: RigMaker) -> None:
    rig = make_rig("1.0", "pioreactor_20ml", "1.5")
    with pytest.raises(HardwareError, match="0x49") as caught:
        rig.photodiode("1")
    assert "assign the right model" in str(caught.value.remedy)
    with pytest.raises(HardwareError):
        rig.leds()
    rig.photodiode("2").read_volts()
    rig.thermometer().read_celsius()
    rig.pwm("stirring", owner="s", hz=200).release()


def test_rail_voltage_goes_through_the_divider(make_rig: RigMaker, wires: SpyBuses) -> None:
    rig = make_rig("1.0")
    wires.i2c.chips[0x48] = {0: round(12 * 0.134 / 4.096 * 32767).to_bytes(2, "big")}
    assert rig.aux_volts() == pytest.approx(12, abs=0.001)


@pytest.mark.parametrize(("firmware", "volts"), [(b"\x03\x00", 1.65), (b"\x04\x00", 0.825)])
def test_the_firmware_is_asked_once_for_the_scale(
    make_rig: RigMaker, wires: SpyBuses, firmware: bytes, volts: float
) -> None:
    rig = make_rig()
    asked: list[bytes] = []

    def version() -> bytes:
        asked.append(firmware)
        return firmware

    wires.i2c.chips[0x2C] = {8: version, 6: (4095 * 8).to_bytes(2, "little"), 7: b"\x00\x00"}
    assert rig.photodiode("1").read_volts() == pytest.approx(volts)
    assert rig.photodiode("2").read_volts() == 0
    assert rig.photodiode("1") is rig.photodiode("1")
    assert len(asked) == 1


def test_hat_1_0_has_no_firmware(make_rig: RigMaker) -> None:
    with pytest.raises(HardwareNotFoundError):
        make_rig("1.0").firmware()
