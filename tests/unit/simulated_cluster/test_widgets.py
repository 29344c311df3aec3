"""Widgets of the client on a simulated cluster: what they show, and what their buttons do."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.unit.simulated_cluster.conftest import client_over

from pioreactor_client import Client, Point
from pioreactor_client.widgets import JobControls, LiveChart
from pioreactor_client.widgets.live_chart import MAX_POINTS


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with client_over("simulated") as opened:
        reactor = opened.reactors[0]
        reactor.od_reading.start()
        opened.sleep(seconds=30)
        yield opened


PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "use-the-python-client.md"


def test_the_lines_of_the_how_to_show_both(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.sleep(seconds=2)  # a job may not start twice within a second
    code = PAGE.read_text("utf-8").split("```python\n")[2].split("```")[0].replace("reactor.od_reading.start()\n", "")
    monkeypatch.setattr(Client, "simulated", classmethod(lambda _: client))
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    names["reactor"].stirring.stop()
    assert names["controls"].values == {"target_rpm": 500}
    assert all(len(points) > 20 for points in names["chart"].lines.values())


def press(controls: JobControls, **request: Any) -> None:
    """Send what a button of the page sends."""
    controls._handle_custom_msg(request, [])


def test_a_chart_begins_with_the_past_and_follows_the_present(client: Client) -> None:
    chart = LiveChart(client.reactors[0].od, hours=0.1)
    [before] = chart.lines.values()
    chart.follow(seconds=30)
    [after] = chart.lines.values()
    assert chart.title == "Optical density of worker1"
    assert chart.unit == "OD"
    assert 3 <= len(before) < len(after)
    assert after[: len(before)] == before
    times = [at for at, _ in after]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_a_chart_keeps_a_bounded_number_of_points_over_all_of_the_time(client: Client) -> None:
    chart = LiveChart(client.reactors[0].od, hours=0)
    start = datetime(2030, 1, 1, tzinfo=UTC)
    for second in range(10 * MAX_POINTS):
        chart._add(Point(start + timedelta(seconds=second), 1.0))
    chart._show()
    times = [at / 1000 - start.timestamp() for at, _ in chart.lines[""]]
    assert MAX_POINTS / 2 <= len(times) <= MAX_POINTS
    assert times[0] == 0
    steps = {later - earlier for earlier, later in pairwise(times)}
    assert len(steps) == 1
    assert times[-1] >= 10 * MAX_POINTS - 1 - steps.pop()


def test_a_chart_of_no_time_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="how long"):
        LiveChart(client.reactors[0].od, hours=0).follow()
    with pytest.raises(ValueError, match="negative"):
        LiveChart(client.reactors[0].od, hours=-1)


def test_buttons_start_set_and_stop_a_job(client: Client) -> None:
    client.sleep(seconds=2)  # a job may not start twice within a second
    controls = JobControls(client.reactors[0].stirring, "target_rpm", start_options={"target_rpm": 400})
    assert (controls.is_running, controls.values) == (False, {"target_rpm": None})
    press(controls, do="start")
    assert (controls.is_running, controls.values, controls.message) == (True, {"target_rpm": 400}, "")
    press(controls, do="set", setting="target_rpm", value=1e6)
    assert "between 0 and 5000" in controls.message
    assert controls.values == {"target_rpm": 400}
    press(controls, do="set", setting="target_rpm", value=450)
    assert (controls.values, controls.message) == ({"target_rpm": 450}, "")
    press(controls, do="stop")
    assert not controls.is_running


@pytest.mark.parametrize(
    "request_", [{"do": "set", "setting": "$state", "value": "lost"}, {"do": "rm"}, {"do": "set", "setting": []}]
)
def test_a_request_that_no_button_makes_is_refused(client: Client, request_: dict[str, object]) -> None:
    controls = JobControls(client.reactors[0].od_reading, "interval")
    press(controls, **request_)
    assert "not understood" in controls.message
    assert controls.is_running
