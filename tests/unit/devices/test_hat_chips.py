"""The RP2040, the LED driver and the thermometer: bytes on the wire."""

import pytest

from pioreactor.devices.buses.spy_buses import SpyI2C
from pioreactor.devices.drivers.dac43608 import Dac43608Leds
from pioreactor.devices.drivers.pico import PicoAdc, PicoLeds, read_firmware
from pioreactor.devices.drivers.tmp1075 import Tmp1075
from pioreactor.exc import HardwareError, HardwareNotFoundError, InvalidRequestError

PICO = 0x2C
DAC = 0x49
TMP = 0x4F


class TestPico:
    def test_firmware_version_is_sent_minor_first(self, i2c: SpyI2C) -> None:
        i2c.chips[PICO] = {8: bytes((4, 1))}
        assert read_firmware(i2c, PICO) == (1, 4)

    @pytest.mark.parametrize(("firmware", "counts"), [((0, 3), 4095 * 16), ((0, 4), 4095 * 32), ((1, 0), 4095 * 32)])
    def test_scale_depends_on_firmware(self, i2c: SpyI2C, firmware: tuple[int, int], counts: int) -> None:
        i2c.chips[PICO] = {6: (40000).to_bytes(2, "little")}
        adc = PicoAdc(i2c, PICO, channel=2, firmware=firmware)
        adc.fit_range(0.1)
        assert adc.read_volts() == pytest.approx(3.3 * 40000 / counts)

    @pytest.mark.parametrize(("percent", "level"), [(0.0, 0), (0.2, 1), (50.0, 128), (100.0, 255)])
    def test_leds(self, i2c: SpyI2C, percent: float, level: int) -> None:
        i2c.chips[PICO] = {}
        PicoLeds(i2c, PICO, registers={"A": 0, "B": 1, "C": 2, "D": 3}).set_intensity("D", percent)
        assert i2c.calls == [(PICO, bytes((3, level)))]

    @pytest.mark.parametrize("percent", [-1.0, 100.5, float("nan")])
    def test_leds_refuse_what_is_no_percentage(self, i2c: SpyI2C, percent: float) -> None:
        i2c.chips[PICO] = {}
        with pytest.raises(InvalidRequestError):
            PicoLeds(i2c, PICO, registers={"A": 0}).set_intensity("A", percent)
        assert i2c.calls == []


class TestDac43608:
    @pytest.fixture
    def leds(self, i2c: SpyI2C) -> Dac43608Leds:
        i2c.chips[DAC] = {1: bytes((0x00, 0xFF))}
        return Dac43608Leds(i2c, DAC, registers={"A": 8, "B": 9, "C": 10, "D": 11})

    def test_powers_up_only_the_channel_that_is_lit(self, leds: Dac43608Leds, i2c: SpyI2C) -> None:
        leds.set_intensity("B", 100.0)
        assert i2c.calls == [(DAC, bytes((9, 0x0F, 0xF0))), (DAC, bytes((1, 0x00, 0xFD)))]

    def test_powers_down_at_zero_and_leaves_the_others(self, leds: Dac43608Leds, i2c: SpyI2C) -> None:
        leds.set_intensity("A", 10.0)
        leds.set_intensity("D", 10.0)
        assert i2c.chips[DAC][1] == bytes((0x00, 0xF6))
        leds.set_intensity("A", 0.0)
        assert i2c.chips[DAC][1] == bytes((0x00, 0xF7))
        assert i2c.chips[DAC][8] == b"\x00\x00"

    def test_keeps_what_another_process_powered_up(self, leds: Dac43608Leds, i2c: SpyI2C) -> None:
        Dac43608Leds(i2c, DAC, registers={"A": 8, "C": 10}).set_intensity("C", 50.0)
        leds.set_intensity("A", 50.0)
        assert i2c.chips[DAC][1] == bytes((0x00, 0xFA))

    def test_a_channel_that_stays_powered_is_not_configured_again(self, leds: Dac43608Leds, i2c: SpyI2C) -> None:
        leds.set_intensity("A", 10.0)
        i2c.calls.clear()
        leds.set_intensity("A", 20.0)
        assert [write[0] for _, write in i2c.calls] == [8]


class TestTmp1075:
    @pytest.mark.parametrize(
        ("answer", "celsius"),
        [
            ("7fe0", 127.875),
            ("5000", 80.0),
            ("1900", 25.0),
            ("0010", 0.0625),
            ("0000", 0.0),
            ("fff0", -0.0625),
            ("ff00", -1.0),
            ("e700", -25.0),
            ("c900", -55.0),
        ],
    )
    def test_twelve_bits_in_twos_complement(self, i2c: SpyI2C, answer: str, celsius: float) -> None:
        i2c.chips[TMP] = {0: bytes.fromhex(answer)}
        assert Tmp1075(i2c, TMP).read_celsius() == celsius

    def test_a_bus_stuck_high_is_no_temperature(self, i2c: SpyI2C) -> None:
        i2c.chips[TMP] = {0: b"\xff\xff"}
        with pytest.raises(HardwareError, match="0x4F"):
            Tmp1075(i2c, TMP).read_celsius()

    def test_absent(self, i2c: SpyI2C) -> None:
        with pytest.raises(HardwareNotFoundError, match="0x4F"):
            Tmp1075(i2c, TMP).read_celsius()
