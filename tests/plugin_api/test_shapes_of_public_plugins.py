"""Ways of writing jobs, automations, calibrations and routes that public plugins use."""

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import ModuleType, TracebackType
from typing import Any, cast

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from pioreactor import hardware, structs
from pioreactor.actions.dosing import WASTE
from pioreactor.automations import events
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.dosing.base import DosingAutomationJobContrib
from pioreactor.automations.temperature.thermostat import Thermostat
from pioreactor.background_jobs.base import BackgroundJobContrib
from pioreactor.calibrations import load_active_calibration
from pioreactor.exc import ConfigurationError
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.utils.pwm import PWM
from pioreactor.web import plugin_registry

Simulated = Callable[..., Bench]
UNIT = "unit1"


class Shutter(BackgroundJobContrib):
    """A setting that is a property acts when it is set; one without a setter is computed."""

    job_name = "shutter"
    published_settings = {  # noqa: RUF012
        "open_now": {"datatype": "boolean", "settable": True},
        "count": {"datatype": "integer", "settable": False},
        "fixed": {"datatype": "float", "settable": True},
        "unknown_yet": {"datatype": "float", "settable": False},
    }

    def __init__(self) -> None:
        super().__init__(UNIT, EXPERIMENT, plugin_name="shutter")
        self.opened = 0

    @property
    def open_now(self) -> bool:
        return False

    @open_now.setter
    def open_now(self, value: bool) -> None:
        self.opened += int(value)

    @property
    def count(self) -> int:
        return self.opened

    @property
    def fixed(self) -> float:
        return 1.5

    @property
    def unknown_yet(self) -> float:
        raise ValueError("nothing was measured")


def test_a_setting_that_is_a_property_is_set_and_published(simulated: Simulated) -> None:
    bench = simulated()
    job = bench.start(Shutter)
    bench.set("shutter", "open_now", "1")
    bench.wait(1.0)
    assert job.opened == job.count == 1
    assert bench.payloads("shutter/open_now") == [b"False", b"False"]
    assert bench.payloads("shutter/fixed") == [b"1.5"]
    assert bench.payloads("shutter/unknown_yet") == []
    bench.set("shutter", "fixed", "2")
    bench.wait(1.0)
    assert job.fixed == 1.5
    assert job.state == job.READY
    with pytest.raises(ValueError, match="nothing was measured"):
        _ = job.unknown_yet


class Heated(AutomationJob):
    """Declares twice what it publishes, and publishes its events itself."""

    job_name = "temperature_automation"
    automation_name = "heated"
    published_settings = {"warmth": {"datatype": "Temperature", "settable": False, "unit": "℃"}}  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__(UNIT, EXPERIMENT)
        self.add_to_published_settings("warmth", {"datatype": "Temperature", "settable": False, "unit": "℃"})
        self.add_to_published_settings("duty", {"datatype": "float", "settable": False})
        self.duty = 0.5


def test_what_is_declared_twice_is_published_once_it_has_a_value(simulated: Simulated) -> None:
    bench = simulated()
    job = bench.start(Heated)
    assert bench.payloads("temperature_automation/warmth") == []
    assert bench.payloads("temperature_automation/duty") == [b"0.5"]
    job.warmth = structs.Temperature(temperature=31.5, timestamp=datetime(2026, 1, 1, tzinfo=UTC))  # type: ignore[attr-defined]
    job.latest_event = events.UpdatedHeaterDC("more", {"current_dc": 3.0})
    bench.wait(1.0)
    assert [each["temperature"] for each in bench.decoded("temperature_automation/warmth")] == [31.5]
    (event,) = bench.decoded("temperature_automation/latest_event")
    assert (event["event_name"], event["data"]) == ("UpdatedHeaterDC", {"current_dc": 3.0})


def test_an_output_is_locked_from_lock_to_unlock(simulated: Simulated) -> None:
    bench = simulated()
    with context.using(bench.unit.runtime), PWM(hardware.get_pwm_to_pin_map()["3"], hz=16) as output:
        assert not output.is_locked()
        output.lock()
        assert output.is_locked()
        output.clean_up()
        assert not output.is_locked()


class AcidOnly(DosingAutomationJobContrib):
    automation_name = "acid_only"


class Exchanging(DosingAutomationJobContrib):
    automation_name = "exchanging"
    pumps = (WASTE,)


def test_only_pumps_that_an_automation_names_keep_it_from_starting(simulated: Simulated) -> None:
    bench = simulated(config="[PWM]\n4=relay\n")
    job = bench.start(AcidOnly)
    assert job.state == "ready"
    job.clean_up()
    assert any("no PWM channel is named waste" in line for line in bench.logged("warning"))
    with pytest.raises(ConfigurationError, match="waste"):
        bench.start(Exchanging)


class RaisedThermostat(Thermostat):
    automation_name = "raised_thermostat"
    MAX_TEMP_TO_REDUCE_HEATING = 90.0


def test_a_limit_that_a_plugin_raises_is_reported_and_stays(simulated: Simulated) -> None:
    bench = simulated()
    job = bench.start(lambda: RaisedThermostat(target_temperature=40))
    assert job.MAX_TEMP_TO_REDUCE_HEATING == 78.0
    assert any("raises MAX_TEMP_TO_REDUCE_HEATING to 90" in line for line in bench.logged("warning"))


class ValveCalibration(structs.CalibrationBase, kw_only=True, tag="valve_of_a_test"):
    x: str = "Opening"
    y: str = "Flow"


def test_a_calibration_is_constructed_from_a_list_and_a_kind(simulated: Simulated) -> None:
    bench = simulated()
    with pytest.warns(DeprecationWarning, match="curve_type"):
        made = cast(Any, ValveCalibration)(
            calibration_name="v1", calibrated_on_pioreactor_unit=UNIT, created_at=datetime(2026, 1, 1, tzinfo=UTC),
            curve_data_=[2.0, 0.0], curve_type="poly", recorded_data={"x": [0.0, 1.0, 2.0], "y": [0.0, 2.0, 4.0]},
        )  # fmt: skip
    with pytest.warns(DeprecationWarning, match="curve_data_"):
        assert made.curve_type == "poly"
    with context.using(bench.unit.runtime):
        made.set_as_active_calibration_for_device("valve")
        again = load_active_calibration("valve")
    assert isinstance(again, ValveCalibration)
    assert again.y_to_x(3.0) == pytest.approx(1.5)


class FlaskResponse:
    def __init__(self, body: bytes, status: int, mimetype: str) -> None:
        self.body, self.status_code, self.mimetype = body, status, mimetype
        self.headers = {"X-Of": "plugin"}

    def get_data(self) -> bytes:
        return self.body


class FlaskApplication:
    """What of an application the server uses: the context of a request, and a response of what a view returned."""

    request: dict[str, Any] | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def test_request_context(self, **request: Any) -> "FlaskApplication":
        FlaskApplication.request = request
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        FlaskApplication.request = None

    def make_response(self, result: object) -> FlaskResponse:
        body, status = result if isinstance(result, tuple) else (result, 200)
        return FlaskResponse(str(body).encode(), status, "text/plain")


@pytest.fixture
def flask(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = ModuleType("flask")
    module.Flask = FlaskApplication  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flask", module)
    before = list(plugin_registry._routes)
    yield
    plugin_registry._routes[:] = before


@pytest.mark.usefixtures("flask")
def test_a_view_that_uses_flask_runs_in_the_context_of_its_request() -> None:
    def view(unit: str) -> tuple[str, int]:
        request = FlaskApplication.request
        assert request is not None
        return f"{request['method']} {request['path']} {request['query_string']} {request['data'].decode()} {unit}", 503

    plugin_registry.register_api_route("/probe/<unit>", view, methods=["POST"])
    with TestClient(Litestar([plugin_registry.routes("/api")], logging_config=None)) as client:
        answer = client.post("/probe/u1?again=1", content=b"body")
    assert (answer.status_code, answer.text) == (503, "POST /probe/u1 again=1 body u1")
    assert answer.headers["x-of"] == "plugin"
