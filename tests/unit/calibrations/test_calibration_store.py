"""Calibrations are kept, used, and refused with a reason, in files and in memory."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pioreactor import structs
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.calibrations import defaults, load_active_calibration, store
from pioreactor.calibrations.curves import PolyFitCoefficients
from pioreactor.calibrations.models import CalibrationBase, ODCalibration, SimplePeristalticPump
from pioreactor.exc import CalibrationError, InvalidRequestError, NotFoundError
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.storage.artifacts import DiskArtifacts, MemoryArtifacts
from pioreactor.structs.tagged import kinds_of

REFERENCE_PUMP_FILE = """\
calibration_type: simple_peristaltic_pump
calibration_name: media_pump-2025-03-02
calibrated_on_pioreactor_unit: unit1
created_at: 2025-03-02 16:41:07.211903+00:00
curve_data_:
  type: poly
  coefficients:
  - 0.0911
  - 0.0
x: Duration
y: Volume
recorded_data:
  x:
  - 1.0
  - 10.0
  y:
  - 0.09
  - 0.912
hz: 250.0
dc: 100.0
voltage: 12.03
"""


@pytest.fixture(params=["memory", "disk"])
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Runtime:
    runtime = build_simulation(data_root=tmp_path).units[0].runtime
    files = MemoryArtifacts() if request.param == "memory" else DiskArtifacts(runtime.paths)
    return replace(runtime, artifacts=files)


def od_calibration(angle: str = "90", channel: str = "2", name: str = "cal") -> ODCalibration:
    return ODCalibration(
        calibration_name=name,
        calibrated_on_pioreactor_unit="unit1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        curve_data_=PolyFitCoefficients([0.5, 0.0]),
        recorded_data={"x": [0.0, 2.0], "y": [0.0, 1.0]},
        ir_led_intensity=80.0,
        angle=angle,  # type: ignore[arg-type]
        pd_channel=channel,  # type: ignore[arg-type]
    )


def test_a_file_of_the_reference_loads_and_saves_byte_for_byte(runtime: Runtime) -> None:
    runtime.artifacts.write("calibrations", "media_pump", "media_pump-2025-03-02", REFERENCE_PUMP_FILE)
    pump = store.load(runtime, "media_pump", "media_pump-2025-03-02")

    assert isinstance(pump, SimplePeristalticPump)
    assert pump.ml_to_duration(0.911) == pytest.approx(10.0)
    assert pump.duration_to_ml(2.0) == 0.1822
    store.save(runtime, "media_pump", pump)
    assert runtime.artifacts.read("calibrations", "media_pump", "media_pump-2025-03-02") == REFERENCE_PUMP_FILE


def test_none_is_active_until_one_is_chosen_and_a_change_of_the_file_is_seen(runtime: Runtime) -> None:
    assert store.load_active(runtime, "media_pump") is None
    store.save(runtime, "media_pump", defaults.simulated_pump(runtime))
    assert store.load_active(runtime, "media_pump") is None
    store.set_active(runtime, "media_pump", "simulated")

    before = store.load_active(runtime, "media_pump")
    store.save(runtime, "media_pump", defaults.simulated_pump(runtime, ml_per_s=0.2))
    after = store.load_active(runtime, "media_pump")

    assert isinstance(before, SimplePeristalticPump)
    assert isinstance(after, SimplePeristalticPump)
    assert (before.duration_to_ml(10), after.duration_to_ml(10)) == (0.911, 2.0)
    store.set_active(runtime, "media_pump", None)
    assert store.load_active(runtime, "media_pump") is None


def test_what_one_caller_changes_another_does_not_see(runtime: Runtime) -> None:
    store.save(runtime, "media_pump", defaults.simulated_pump(runtime))
    mine = store.load(runtime, "media_pump", "simulated")
    mine.calibration_name = "mine"
    assert store.load(runtime, "media_pump", "simulated").calibration_name == "simulated"


def test_an_active_calibration_that_went_missing_is_an_error_with_a_remedy(runtime: Runtime) -> None:
    defaults.install_simulated(runtime)
    runtime.artifacts.delete("calibrations", "waste_pump", "simulated")
    with pytest.raises(CalibrationError, match=r"the active calibration 'simulated' of waste_pump is") as raised:
        store.load_active(runtime, "waste_pump")
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "calibration_type is missing"),
        ("a: [1, 2", "it is not valid YAML"),
        ("calibration_type: of_a_plugin", "unknown calibration_type 'of_a_plugin'; known"),
        (REFERENCE_PUMP_FILE.replace("hz: 250.0", "hz: -1.0"), r"Expected `float` >= 0.0 - at `\$.hz`"),
        (REFERENCE_PUMP_FILE.replace("  - 0.912\n", ""), "as many x as y"),
        (REFERENCE_PUMP_FILE.replace("07.211903+00:00", "07"), "timezone"),
    ],
)
def test_a_damaged_file_is_refused_with_its_reason_and_hides_no_other(runtime: Runtime, text: str, reason: str) -> None:
    store.save(runtime, "media_pump", defaults.simulated_pump(runtime))
    runtime.artifacts.write("calibrations", "media_pump", "bad", text)
    with pytest.raises(CalibrationError, match=reason) as raised:
        store.load(runtime, "media_pump", "bad")
    assert "'bad' of media_pump" in str(raised.value)
    with pytest.raises(CalibrationError):
        store.set_active(runtime, "media_pump", "bad")
    assert [kept.calibration_name for kept in store.list_all(runtime)["media_pump"]] == ["simulated"]
    assert store.names(runtime, "media_pump") == ["bad", "simulated"]


def test_a_calibration_of_another_device_is_refused(runtime: Runtime) -> None:
    with pytest.raises(CalibrationError, match="does not fit a pump"):
        store.save(runtime, "media_pump", od_calibration())
    with pytest.raises(CalibrationError, match="angle is 45°, which does not fit od90"):
        store.save(runtime, "od90", od_calibration(angle="45"))
    with pytest.raises(CalibrationError, match="does not fit stirring"):
        store.save(runtime, "stirring", od_calibration())
    runtime.artifacts.write("calibrations", "od90", "pump", REFERENCE_PUMP_FILE)
    runtime.stores.persistent("active_calibrations").set("od90", "pump")
    with pytest.raises(CalibrationError, match="does not fit optical density"):
        store.load_active(runtime, "od90")


def test_deleting_the_active_calibration_deactivates_it(runtime: Runtime) -> None:
    defaults.install_simulated(runtime)
    store.delete(runtime, "media_pump", "simulated")
    assert store.active_names(runtime) == {"alt_media_pump": "simulated", "waste_pump": "simulated"}
    assert store.load_active(runtime, "media_pump") is None
    with pytest.raises(NotFoundError):
        store.delete(runtime, "media_pump", "simulated")
    with pytest.raises(NotFoundError):
        store.set_active(runtime, "media_pump", "simulated")


def test_installing_the_simulated_ones_leaves_a_chosen_one_alone(runtime: Runtime) -> None:
    mine = defaults.simulated_pump(runtime, ml_per_s=0.3)
    mine.calibration_name = "mine"
    store.save(runtime, "media_pump", mine)
    store.set_active(runtime, "media_pump", "mine")
    defaults.install_simulated(runtime)
    defaults.install_simulated(runtime)
    assert store.active_names(runtime)["media_pump"] == "mine"
    assert store.active_names(runtime)["waste_pump"] == "simulated"


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "-x", "a  b", " a", "a ", "a\n", "ü", "x" * 251])
def test_names_that_are_no_safe_file_names_are_refused(runtime: Runtime, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        store.load(runtime, "media_pump", name)
    with pytest.raises(InvalidRequestError):
        runtime.artifacts.write("calibrations", name, "x", "")
    assert runtime.artifacts.names("calibrations") == {}


def test_a_plugin_adds_a_kind_by_subclassing(runtime: Runtime) -> None:
    class ValveCalibration(structs.CalibrationBase, kw_only=True, tag="valve"):
        opening_mm: float
        x: str = "Turns"
        y: str = "Flow"

    assert kinds_of(CalibrationBase)["valve"] is ValveCalibration
    valve = ValveCalibration(
        calibration_name="v 1",
        calibrated_on_pioreactor_unit="unit1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        curve_data_=PolyFitCoefficients(coefficients=[1.0, 0.0]),
        recorded_data={"x": [], "y": []},
        opening_mm=2.5,
    )
    with context.using(runtime):
        path = valve.save_to_disk_for_device("valve")
        assert path.endswith("valve/v 1.yaml")
        assert not valve.is_active("valve")
        valve.set_as_active_calibration_for_device("valve")
        loaded = load_active_calibration("valve")
        assert loaded == valve
        assert valve.is_active("valve")
        valve.remove_as_active_calibration_for_device("valve")
        assert load_active_calibration("valve") is None


def test_a_struct_is_checked_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="as many x as y"):
        msgspec.structs.replace(od_calibration(), recorded_data={"x": [1.0], "y": []})
    with pytest.raises(ValueError, match="coefficient"):
        PolyFitCoefficients([])
    assert CalibrationBase not in kinds_of(CalibrationBase).values()
