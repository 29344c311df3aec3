"""The converters: bytes on the wire, gains, waiting, and what happens when a chip fails."""

from collections.abc import Callable

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.devices.buses.spy_buses import SpyI2C
from pioreactor.devices.drivers.ads111x import COUNTS, FULL_SCALE_V, Ads1114, Ads1115, Gain, choose_gain
from pioreactor.exc import HardwareError, HardwareNotFoundError

AT = 0x48


def answering(count: int) -> Callable[[], bytes]:
    return lambda: count.to_bytes(2, "big", signed=True)


@pytest.mark.parametrize(
    ("volts", "gain"),
    [
        (-2.0, "16"),
        (0.0, "16"),
        (0.85 * 0.256 - 1e-6, "16"),
        (0.85 * 0.256, "8"),
        (0.5, "4"),
        (0.85 * 1.024, "2"),
        (2.0, "1"),
        (0.85 * 4.096, "2/3"),
        (5.9, "2/3"),
    ],
)
def test_choose_gain(volts: float, gain: Gain) -> None:
    assert choose_gain(volts) == gain


def test_a_level_keeps_a_margin_in_the_gain_chosen_for_it() -> None:
    for millivolts in range(0, 5200, 7):
        volts = millivolts / 1000
        assert volts <= 0.85 * FULL_SCALE_V[choose_gain(volts)]


class TestAds1114:
    @pytest.fixture
    def adc(self, i2c: SpyI2C, clock: VirtualClock) -> Ads1114:
        i2c.chips[AT] = {0: answering(8000)}
        return Ads1114(i2c, AT, clock=clock)

    def test_nothing_is_sent_before_the_first_read(self, adc: Ads1114, i2c: SpyI2C) -> None:
        assert i2c.calls == []

    def test_configures_continuous_conversion_once(self, adc: Ads1114, i2c: SpyI2C) -> None:
        adc.read_volts()
        adc.read_volts()
        # gain 1 (PGA 001), continuous (mode 0), 128 samples/s (100), comparator off (11)
        assert i2c.calls == [(AT, bytes((0x01, 0x02, 0x83)))]

    @pytest.mark.parametrize("count", [-32768, -1, 0, 1, 32767])
    def test_counts_are_signed(self, adc: Ads1114, i2c: SpyI2C, count: int) -> None:
        i2c.chips[AT][0] = answering(count)
        assert adc.read_volts() == pytest.approx(count * 4.096 / 32767)

    def test_waits_for_a_whole_conversion_after_a_change_of_gain_only(
        self, adc: Ads1114, i2c: SpyI2C, clock: VirtualClock
    ) -> None:
        started_s = clock.monotonic()
        adc.read_volts()
        assert clock.monotonic() - started_s >= 1.1 / 128
        configured_s = clock.monotonic()
        adc.read_volts()
        adc.fit_range(3.0)
        adc.read_volts()
        assert clock.monotonic() == configured_s, "the gain was right already"
        adc.fit_range(0.1)
        assert adc.read_volts() == pytest.approx(8000 * 0.256 / COUNTS)
        assert clock.monotonic() - configured_s >= 1.1 / 128
        assert i2c.calls[-1] == (AT, bytes((0x01, 0x0A, 0x83)))

    def test_a_chip_that_went_away_is_configured_again(self, adc: Ads1114, i2c: SpyI2C) -> None:
        adc.read_volts()
        chip = i2c.chips.pop(AT)
        with pytest.raises(HardwareNotFoundError):
            adc.read_volts()
        i2c.chips[AT] = chip
        adc.read_volts()
        assert len(i2c.calls) == 2

    def test_a_failed_configuration_is_tried_again(self, i2c: SpyI2C, clock: VirtualClock) -> None:
        adc = Ads1114(i2c, AT, clock=clock)
        with pytest.raises(HardwareNotFoundError):
            adc.read_volts()
        i2c.chips[AT] = {0: answering(1)}
        adc.read_volts()
        assert len(i2c.calls) == 1


class TestAds1115:
    @pytest.fixture
    def adc(self, i2c: SpyI2C, clock: VirtualClock) -> Ads1115:
        i2c.chips[AT] = {0: answering(-100)}
        return Ads1115(i2c, AT, channel=3, clock=clock)

    def test_starts_one_conversion_of_its_input_per_read(self, adc: Ads1115, i2c: SpyI2C) -> None:
        assert adc.read_volts() == pytest.approx(-100 * 4.096 / 32767)
        # start, input 3 against ground (111), gain 1 (001), single shot, 128 samples/s, comparator off
        assert i2c.calls == [(AT, bytes((0x01, 0xF3, 0x83)))]

    def test_inputs_and_gains(self, i2c: SpyI2C, clock: VirtualClock) -> None:
        i2c.chips[AT] = {0: answering(100)}
        for channel, first in enumerate((0xC3, 0xD3, 0xE3, 0xF3)):
            Ads1115(i2c, AT, channel=channel, clock=clock).read_volts()
            assert i2c.calls[-1] == (AT, bytes((0x01, first, 0x83)))
        for level, first in ((5.9, 0xC1), (3.0, 0xC3), (1.5, 0xC5), (0.8, 0xC7), (0.4, 0xC9), (0.1, 0xCB)):
            adc = Ads1115(i2c, AT, channel=0, clock=clock)
            adc.fit_range(level)
            adc.read_volts()
            assert i2c.calls[-1] == (AT, bytes((0x01, first, 0x83)))

    def test_waits_until_the_chip_is_idle(self, adc: Ads1115, i2c: SpyI2C, clock: VirtualClock) -> None:
        started_s = clock.monotonic()
        finished_s = started_s + 1.1 / 128
        asked_for: list[bytes] = []

        def config() -> bytes:
            busy = clock.monotonic() < finished_s
            return bytes((asked_for[0][0] & (0x7F if busy else 0xFF), asked_for[0][1]))

        def before(address: int, write: bytes, read_length: int) -> None:
            if len(write) > 1:
                asked_for.append(write[1:])
            elif write == b"\x01":
                i2c.chips[AT][1] = config
            else:
                assert clock.monotonic() >= finished_s, "read before the conversion was finished"

        i2c.before = before
        adc.read_volts()
        assert clock.monotonic() - started_s < 1.25 / 128

    def test_repeats_a_conversion_that_another_process_took_over(self, adc: Ads1115, i2c: SpyI2C) -> None:
        foreign = [bytes((0xC3, 0x83))]

        def before(address: int, write: bytes, read_length: int) -> None:
            if write == b"\x01" and foreign:
                i2c.chips[AT][1] = foreign.pop()

        i2c.before = before
        adc.read_volts()
        assert i2c.calls == [(AT, bytes((0x01, 0xF3, 0x83)))] * 2

    def test_a_chip_that_never_finishes_is_an_error(self, adc: Ads1115, i2c: SpyI2C) -> None:
        def before(address: int, write: bytes, read_length: int) -> None:
            if write == b"\x01":
                i2c.chips[AT][1] = bytes((0x73, 0x83))

        i2c.before = before
        with pytest.raises(HardwareError, match=r"0x48.*input 3"):
            adc.read_volts()
