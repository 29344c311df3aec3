"""Speed from the times of edges, with the edges a real sensor misses or doubles."""

import pytest

from pioreactor.devices.buses.spy_buses import SpyGpioLines
from pioreactor.devices.drivers.gpio import HatButton, HatIndicator
from pioreactor.devices.drivers.tachometer import HallTachometer, rpm_from_edges


def turning(rpm: float, revolutions: int = 20, from_s: float = 5.0) -> list[float]:
    return [from_s + n * 60 / rpm for n in range(revolutions + 1)]


@pytest.mark.parametrize("rpm", [60.0, 150.0, 500.0, 1234.5, 2000.0])
def test_even_edges(rpm: float) -> None:
    assert rpm_from_edges(turning(rpm)) == pytest.approx(rpm, abs=0.051)


@pytest.mark.parametrize("edges", [[], [1.0], [1.0, 1.001]])
def test_too_few_edges_are_no_speed(edges: list[float]) -> None:
    assert rpm_from_edges(edges) == 0.0


def test_two_edges_are_enough() -> None:
    assert rpm_from_edges([10.0, 10.12]) == 500.0


@pytest.mark.parametrize("missed", [{7}, {7, 8}, {3, 9, 15}])
def test_missed_edges_do_not_slow_it_down(missed: set[int]) -> None:
    edges = [edge for n, edge in enumerate(turning(500)) if n not in missed]
    assert rpm_from_edges(edges) == pytest.approx(500, abs=0.1)


def test_bouncing_edges_do_not_speed_it_up() -> None:
    edges = sorted(edge + bounce for edge in turning(500) for bounce in (0.0, 0.0008))
    assert rpm_from_edges(edges) == pytest.approx(500, abs=1)


def test_a_fan_that_slows_down_is_averaged_as_it_is() -> None:
    edges = [0.0, 0.1, 0.2, 0.3, 0.55]
    assert rpm_from_edges(edges) == round(60 * 4 / 0.55, 1)


def test_tachometer_hands_on_edges_after_it_is_armed() -> None:
    gpio = SpyGpioLines(edges={21: [1.0, 2.0]})
    tachometer = HallTachometer(gpio, 21)
    assert tachometer.edges() == []
    assert tachometer.edges() == [1.0, 2.0]
    assert tachometer.edges() == []


def test_indicator_and_button() -> None:
    gpio = SpyGpioLines(levels={4: True})
    HatIndicator(gpio, 23).on()
    assert gpio.levels[23] is True
    HatIndicator(gpio, 23).off()
    assert gpio.levels[23] is False
    assert HatButton(gpio, 4).is_pressed()
    assert not HatButton(gpio, 5).is_pressed()
