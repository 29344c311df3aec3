"""Former names and forms that code of plugins uses: each does the same as the present one, and names it."""

import importlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from pioreactor import structs, types
from pioreactor.automations import events
from pioreactor.automations.base import AutomationJob
from pioreactor.automations.dosing.base import DosingAutomationJobContrib
from pioreactor.automations.led.base import LEDAutomationJobContrib
from pioreactor.background_jobs.base import BackgroundJobContrib
from pioreactor.calibrations import CalibrationProtocol, load_active_calibration
from pioreactor.calibrations.registry import get_protocol
from pioreactor.exc import InvalidRequestError, JobRequiredError
from pioreactor.jobs.settings import Setting, from_declaration
from pioreactor.runtime import context
from pioreactor.structs.readings import ODByChannel
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench
from pioreactor.utils import JobManager, local_persistent_storage
from pioreactor.utils.timing import current_utc_datetime

OD_TOPIC = "od_reading/ods"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench(scenario="water") as made, context.using(made.unit.runtime):
        yield made


# ---- declarations -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [("int", "integer"), ("bool", "boolean"), ("str", "string"), ("dict", "json"), (int, "integer"), (float, "float")],
)
def test_a_datatype_may_be_a_type_of_python(written: object, meant: str) -> None:
    assert from_declaration("width", {"datatype": written, "settable": True}).datatype == meant


def test_a_struct_of_a_plugin_may_be_published_but_not_set() -> None:
    assert from_declaration("frame", {"datatype": "PlateImage", "settable": False}).datatype == "json"
    with pytest.raises(ValueError, match="datatype"):
        from_declaration("frame", {"datatype": "PlateImage", "settable": True})


def test_a_setting_declared_as_int_is_set_by_commands(bench: Bench) -> None:
    class Counter(BackgroundJobContrib):
        job_name = "counter_with_int"
        published_settings = {"width": cast(Any, {"datatype": "int", "settable": True})}  # noqa: RUF012  as plugins write it

        def __init__(self) -> None:
            super().__init__("unit1", EXPERIMENT, plugin_name="counter")
            self.width = 1

    job = bench.start(Counter)
    bench.set("counter_with_int", "width", "7")
    bench.wait(0.1)
    assert job.width == 7


@pytest.mark.parametrize("name", ["LedChannel", "PdChannel", "PwmChannel", "PdAngle", "PdAngleOrREF"])
def test_types_of_channels_can_be_called(name: str) -> None:
    channel: Callable[[str], str] = getattr(types, name)
    assert channel("B") == "B"


def test_types_of_channels_are_still_checked() -> None:
    assert Setting[types.PdAngle]("90").datatype == "string"
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert("E", types.LedChannel)


def test_a_protocol_can_be_subscripted(bench: Bench) -> None:
    class ByHand(CalibrationProtocol[str]):  # type: ignore[type-arg]  # public protocols are written so
        target_device = "thing_of_test"
        protocol_name = "by_hand"

    assert get_protocol("thing_of_test", "by_hand") is ByHand


# ---- automations ------------------------------------------------------------------------------------------------


class Reader(AutomationJob):
    """As plugins that replace an automation do: the base itself, under the name of the replaced job."""

    automation_name = "_replaced"
    job_name = "temperature_automation"


@pytest.mark.parametrize("signal", ["normalized_od", "growth_rate", "od_fused", "od"])
def test_latest_readings_can_be_assigned(bench: Bench, signal: str) -> None:
    job = bench.start(lambda: Reader("unit1", EXPERIMENT))
    with pytest.raises(JobRequiredError):
        getattr(job, f"latest_{signal}")
    now = current_utc_datetime()
    setattr(job, f"latest_{signal}", 1.5)
    setattr(job, f"previous_{signal}", 1.25)
    setattr(job, f"latest_{signal}_at", now)
    assert (getattr(job, f"latest_{signal}"), getattr(job, f"previous_{signal}")) == (1.5, 1.25)
    assert getattr(job, f"latest_{signal}_at") == now
    bench.wait(301.0)
    with pytest.raises(JobRequiredError, match="five minutes"):
        getattr(job, f"latest_{signal}")


def test_a_message_replaces_what_was_assigned(bench: Bench) -> None:
    job = bench.start(lambda: Reader("unit1", EXPERIMENT))
    job.latest_growth_rate_at = now = current_utc_datetime()
    job._latest_growth_rate = 0.1
    assert job.latest_growth_rate == 0.1
    later = now + timedelta(seconds=5)
    reading = structs.GrowthRate(growth_rate=0.25, timestamp=later)
    job.publish(f"pioreactor/unit1/{EXPERIMENT}/growth_rate_calculating/growth_rate", reading)
    bench.wait(0.1)
    assert (job.latest_growth_rate, job.latest_growth_rate_at) == (0.25, later)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (lambda od: od > 0.4, True),
        (lambda od: od >= 0.5, True),
        (lambda od: od < 0.4, False),
        (lambda od: od <= 0.5, True),
        (lambda od: od < 1, True),
        (lambda od: od * 2, 1.0),
        (lambda od: 2 / od, 4.0),
        (lambda od: od / 2, 0.25),
        (lambda od: 1 - od, 0.5),
        (lambda od: od + 1, 1.5),
        (lambda od: float(od), 0.5),
        (lambda od: round(od, 1), 0.5),
        (lambda od: f"{od:.2f}", "0.50"),
    ],
)
def test_od_stands_for_its_first_channel(use: Callable[[Any], object], expected: object) -> None:
    with pytest.warns(DeprecationWarning, match="latest_od_fused"):
        assert use(ODByChannel({"2": 0.5, "3": 9.0})) == expected


def test_od_by_channel_is_a_dictionary() -> None:
    assert ODByChannel({"2": 0.5}) == {"2": 0.5}
    assert f"{ODByChannel({'2': 0.5})}" == "{'2': 0.5}"


class Feeder(DosingAutomationJobContrib):
    """Adds by time inside `execute`, and asks for the vial by its former names."""

    automation_name = "_feeder_by_duration"
    published_settings = {"duration": {"datatype": "float", "settable": True}}  # noqa: RUF012  as plugins write it

    def __init__(self, call: Callable[["Feeder"], float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.call = call
        self.moved: list[float] = []

    def execute(self) -> events.AutomationEvent:
        self.moved.append(self.call(self))
        return events.AddMediaEvent()


def keywords(job: Feeder, **how_much: float) -> dict[str, Any]:
    return {
        "unit": job.unit,
        "experiment": job.experiment,
        "source_of_event": "test",
        "mqtt_client": job.pub_client,
        "logger": job.logger,
        **how_much,
    }


@pytest.mark.parametrize(
    ("event", "call"),
    [
        ("add_media", lambda job: job.add_media_to_bioreactor(**keywords(job, duration=2.0))),
        ("add_alt_media", lambda job: job.add_alt_media_to_bioreactor(**keywords(job, duration=2.0))),
        ("remove_waste", lambda job: job.remove_waste_from_bioreactor(**keywords(job, duration=2.0))),
        ("add_media", lambda job: job.add_media_to_bioreactor(job.unit, job.experiment, 0.5, "test")),
        ("add_alt_media", lambda job: job.add_alt_media_to_bioreactor(ml=0.5)),
    ],
)
def test_pumps_take_a_volume_or_a_duration(bench: Bench, event: str, call: Callable[[Feeder], float]) -> None:
    job = bench.start(lambda: Feeder(call, duration="10"))
    bench.wait(30.0)
    assert len(job.moved) == 1
    assert job.moved[0] > 0.1
    moved = [each["volume_change"] for each in bench.decoded("dosing_events") if each["event"] == event]
    assert sum(moved) == pytest.approx(job.moved[0])
    assert bench.logged("error") == []


def test_a_pump_needs_one_of_volume_and_duration(bench: Bench) -> None:
    job = bench.start(lambda: Feeder(lambda job: 0.0))
    with pytest.raises(InvalidRequestError, match="either ml or duration"):
        job.add_media_to_bioreactor()
    with pytest.raises(InvalidRequestError, match="either ml or duration"):
        job.add_media_to_bioreactor(ml=1.0, duration=1.0)


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("vial_volume", "current_volume_ml"),
        ("liquid_volume", "current_volume_ml"),
        ("max_volume", "max_fill_volume_ml"),
        ("max_working_volume_ml", "efflux_tube_volume_ml"),
    ],
)
def test_former_names_of_volumes(bench: Bench, former: str, present: str) -> None:
    job = bench.start(lambda: Feeder(lambda job: 0.0))
    with pytest.warns(DeprecationWarning, match=present):
        assert getattr(job, former) == getattr(job, present)
    setattr(job, former, 3.0)
    assert getattr(job, former) == 3.0


class Blinker(LEDAutomationJobContrib):
    """Defines `execute`, is given a duration, and calls nothing else."""

    automation_name = "_blinker_by_duration"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.runs = 0

    def execute(self) -> events.AutomationEvent:
        self.runs += 1
        self.set_led_intensity("C", 5.0 * self.runs)
        return events.ChangedLedIntensity()


@pytest.mark.parametrize("duration", [2, 2.0, "2"])
def test_an_automation_with_a_duration_runs(bench: Bench, duration: object) -> None:
    job = bench.start(lambda: Blinker(duration=duration))
    bench.wait(5 * 60.0)
    assert job.runs == 3
    assert bench.unit.world.snapshot().leds["C"] == pytest.approx(15.0, abs=0.5)


# ---- calibrations -----------------------------------------------------------------------------------------------


def line() -> Any:
    with pytest.warns(DeprecationWarning, match="SimplePeristalticPump"):
        return structs.PumpCalibration(
            name="old line",
            pioreactor_unit="unit1",
            created_at=datetime.fromisoformat("2024-01-01T00:00:00+00:00"),
            pump="media",
            hz=200.0,
            dc=60.0,
            duration_=0.5,
            bias_=0.25,
            voltage=12.0,
        )


def test_a_pump_calibration_of_the_former_type_is_a_present_one(bench: Bench) -> None:
    made = line()
    assert isinstance(made, structs.SimplePeristalticPump)
    assert made.duration_to_ml(2.0) == 1.25
    with pytest.warns(DeprecationWarning, match="curve_data_"):
        assert (made.duration_, made.bias_) == (0.5, 0.25)
    made.set_as_active_calibration_for_device("media_pump")
    assert load_active_calibration("media_pump") == made


@pytest.mark.parametrize(
    ("former", "present", "argument"),
    [("predict", "x_to_y", 2.0), ("ipredict", "y_to_x", 1.25)],
)
def test_former_methods_of_calibrations(former: str, present: str, argument: float) -> None:
    made = line()
    with pytest.warns(DeprecationWarning, match=present):
        assert getattr(made, former)(argument) == getattr(made, present)(argument)
    with pytest.warns(DeprecationWarning, match="calibration_name"):
        assert made.name == "old line"


@pytest.mark.parametrize("name", sorted(structs._RENAMED))
def test_former_types_of_calibrations(name: str) -> None:
    with pytest.warns(DeprecationWarning, match=structs._RENAMED[name]):
        assert issubclass(getattr(structs, name), structs.CalibrationBase)


@pytest.mark.parametrize("cache_name", ["current_pump_calibration", "current_pump_calibrations"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_former_cache_of_pump_calibrations_has_the_active_ones(bench: Bench, cache_name: str) -> None:
    with local_persistent_storage(cache_name) as cache:
        assert set(cache) == {"media", "alt_media", "waste"}
        found = msgspec.json.decode(cast(bytes, cache["media"]), type=structs.SimplePeristalticPump)
        assert found == load_active_calibration("media_pump")
        assert "none" not in cache
    newer = line()
    newer.set_as_active_calibration_for_device("media_pump")
    with local_persistent_storage(cache_name) as cache:
        assert msgspec.json.decode(cast(bytes, cache["media"]), type=structs.SimplePeristalticPump) == newer


def test_a_former_cache_names_what_to_use(bench: Bench) -> None:
    warned = pytest.warns(DeprecationWarning, match="load_active_calibration")
    with warned, local_persistent_storage("current_od_calibration") as cache:
        assert list(cache) == []


# ---- modules ----------------------------------------------------------------------------------------------------


def test_long_running_jobs_are_those_of_the_catalog() -> None:
    assert {"monitor", "mqtt_to_db_streaming"} <= set(JobManager.LONG_RUNNING_JOBS)
    assert "stirring" not in JobManager.LONG_RUNNING_JOBS


def test_chips_are_asked_for_by_name(bench: Bench) -> None:
    hardware = importlib.import_module("pioreactor.hardware")
    assert hardware.is_DAC_present()
