"""The doubles answer as scripted, remember, and hang on request."""

import threading

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.drivers.tachometer import rpm_from_edges
from pioreactor.devices.ports import Rig
from pioreactor.devices.spy_rig import SpyPhotodiode, SpyRig
from pioreactor.exc import ActuatorInUseError


def test_it_is_a_rig() -> None:
    rig: Rig = SpyRig()
    assert rig.is_hat_present()


def test_scripted_volts() -> None:
    diode = SpyPhotodiode([0.1, 0.2])
    assert [diode.read_volts() for _ in range(4)] == [0.1, 0.2, 0.2, 0.2]
    diode.will_read(lambda: 0.7)
    assert diode.read_volts() == 0.7
    assert diode.reads == 5


def test_outputs_remember_what_they_were_told() -> None:
    rig = SpyRig()
    pump = rig.pwm("media", owner="pump", hz=250)
    pump.set_duty(75)
    pump.off()
    pump.release()
    assert rig.pwm_of("media").calls == ["duty 75", "off", "release"]
    with pytest.raises(ActuatorInUseError):
        pump.set_duty(1)


def test_scripted_speed() -> None:
    tachometer = SpyRig().tachometer()
    tachometer.will_turn_at(480)
    assert tachometer.edges() == []
    assert rpm_from_edges(tachometer.edges()) == 480
    assert tachometer.edges() == []


def test_a_call_can_be_held_open() -> None:
    rig = SpyRig()
    pump = rig.pwm("media", owner="pump", hz=250)
    pump.gate.clear()
    caller = threading.Thread(target=pump.set_duty, args=(50.0,))
    caller.start()
    assert rig.pwm_duties()[13] == 0
    pump.gate.set()
    caller.join()
    assert rig.pwm_duties()[13] == 50


def test_a_call_can_be_held_open_in_virtual_time() -> None:
    clock = VirtualClock()
    thermometer = SpyRig(gates=clock.signal).thermometer()
    thermometer.gate.clear()
    seen: list[float] = []
    clock.spawn(lambda: seen.append(thermometer.read_celsius()), name="reader")
    clock.sleep(5)
    assert seen == []
    thermometer.gate.set()
    clock.sleep(1)
    assert seen == [25.0]
