"""Button and LED of the HAT."""

from collections.abc import Callable

import pytest
from tests.unit.background_jobs.monitor.conftest import Watched

from pioreactor.background_jobs.monitor import Monitor
from pioreactor.background_jobs.monitor.blinking import Blinker, pattern_of_code
from pioreactor.devices.spy_rig import SpyIndicator
from pioreactor.exc import HardwareError


@pytest.fixture(autouse=True)
def no_callbacks_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Monitor, "_pre_button", [])
    monkeypatch.setattr(Monitor, "_post_button", [])


def test_the_button_lights_the_led_and_republishes_everything(watched: Watched) -> None:
    watched.computer.slow = False
    watched.start()
    watched.bench.wait(5)
    watched.light.clear()
    said = len(watched.published("versions"))
    watched.rig.button().pressed = True
    watched.bench.wait(0.3)
    assert watched.light[-1][1] == "on"
    assert len(watched.published("versions")) == said + 1
    watched.rig.button().pressed = False
    watched.bench.wait(0.3)
    assert watched.light[-1][1] == "off"
    topic = "pioreactor/unit1/$experiment/monitor/button_down"
    told = [m.payload for m in watched.bench.messages if m.topic == topic]
    assert (told.count(b"True") >= 1, told[-1]) == (True, b"False")


def test_button_callbacks_run_although_one_raises(watched: Watched) -> None:
    called: list[str] = []

    def broken() -> None:
        raise RuntimeError("plugin")

    watched.computer.slow = False
    Monitor.add_pre_button_callback(broken)
    Monitor.add_pre_button_callback(lambda: called.append("pre"))
    Monitor.add_post_button_callback(lambda: called.append("post"))
    watched.start()
    watched.bench.wait(2)
    watched.rig.button().pressed = True
    watched.bench.wait(1)
    assert called == ["pre"]
    watched.rig.button().pressed = False
    watched.bench.wait(1)
    assert called == ["pre", "post"]
    assert watched.said("plugin", "error")


@pytest.mark.parametrize(
    ("config", "slow", "polls"),
    [("", False, True), ("", True, False), ("enable_button=1", True, True), ("enable_button=0", False, False)],
)
def test_slow_computers_do_not_poll_the_button_by_default(
    set_up: Callable[..., Watched], config: str, slow: bool, polls: bool
) -> None:
    watched = set_up(config=f"[monitor.config]\n{config}\n")
    watched.computer.slow = slow
    job = watched.start()
    watched.bench.wait(2)
    watched.rig.button().pressed = True
    watched.bench.wait(1)
    assert job.button_down is polls


@pytest.mark.parametrize("to", [{}, {"unit": "$broadcast"}, {"experiment": "simulation"}])
def test_a_blink_request_shows_eight_flashes(watched: Watched, to: dict[str, str]) -> None:
    watched.start()
    watched.bench.wait(2)
    watched.light.clear()
    watched.publish("flicker_led_response_okay", **to)
    watched.bench.wait(10)
    assert watched.flashes() == 8
    assert watched.light[-1] == (pytest.approx(watched.light[0][0] + 4 * 0.87 - 0.45), "off")  # type: ignore[comparison-overlap]


def test_patterns_are_queued_without_duplicates(watched: Watched) -> None:
    watched.start()
    watched.bench.wait(2)
    watched.light.clear()
    for code in ("4", "4", "2", "4"):
        watched.publish("flicker_led_with_error_code", code)
    watched.bench.wait(60)
    assert watched.flashes() == (1 + 4) + (1 + 2)
    assert [a for (a, _), (b, _) in zip(watched.light, watched.light[1:], strict=False) if a > b] == []


@pytest.mark.parametrize("payload", ["x", "", "0", "-3", "1e9", "21"])
def test_an_invalid_error_code_is_refused(watched: Watched, payload: str) -> None:
    watched.start()
    watched.bench.wait(2)
    watched.light.clear()
    watched.publish("flicker_led_with_error_code", payload)
    watched.bench.wait(5)
    assert watched.light == []
    assert watched.said("is not an error code", "warning")


def test_only_versions_of_known_parts_are_updated(watched: Watched) -> None:
    job = watched.start()
    watched.bench.wait(2)
    watched.publish("versions/set", '{"firmware": "0.7", "nonsense": 1}')
    watched.publish("versions/set", '"no mapping"')
    watched.bench.wait(1)
    assert job.versions["firmware"] == "0.7"
    assert "nonsense" not in job.versions


def test_a_failing_led_does_not_stop_a_pattern() -> None:
    class Broken(SpyIndicator):
        def on(self) -> None:
            raise HardwareError("bus")

    queue: list[Callable[[], None]] = []
    blinker = Blinker(Broken(), lambda _s, run: queue.append(run))
    blinker.show(pattern_of_code(2))
    while queue:
        queue.pop(0)()
    blinker.show(pattern_of_code(2))
    assert len(queue) == 1


def test_the_led_is_dark_when_the_monitor_has_ended(watched: Watched) -> None:
    job = watched.start()
    watched.bench.wait(2)
    watched.publish("flicker_led_with_error_code", "4")
    watched.bench.wait(1)
    assert watched.light[-1][1] == "on"
    job.clean_up()
    watched.bench.wait(1)
    assert watched.light[-1][1] == "off"


def test_the_firmware_version_is_published(watched: Watched) -> None:
    watched.rig.firmware = lambda: (0, 5)  # type: ignore[attr-defined]
    job = watched.start()
    watched.bench.wait(10.0)
    assert job.versions["firmware"] == "0.5"
