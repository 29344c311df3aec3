"""`pio calibrations`, `pio estimators`, `pio run self_test | od_blank | stirring_calibration` on a unit in memory."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import click
import msgspec
import pytest

from pioreactor.calibrations import store
from pioreactor.calibrations.defaults import ML_PER_S, simulated_pump
from pioreactor.calibrations.judgment import save_judged
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.commands.calibrations import _offer_to_use
from pioreactor.cli.exit_codes import run
from pioreactor.cli.tree import pio
from pioreactor.estimators import store as estimator_store
from pioreactor.estimators.models import ODFusionEstimator
from pioreactor.runtime import context
from pioreactor.science.fusion import Observation
from pioreactor.testing.simulation import Bench, simulated_bench
from pioreactor.twin.faults import Fault


@dataclass
class Desk:
    bench: Bench
    capsys: pytest.CaptureFixture[str]

    def pio(self, *words: str) -> tuple[int, str]:
        status = run(pio, words, obj=CliContext({}, runtime=self.bench.unit.runtime))
        said = self.capsys.readouterr()
        return status, said.out + said.err


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with simulated_bench(scenario="water") as bench, context.using(bench.unit.runtime):
        yield Desk(bench, capsys)


def test_stirring_is_calibrated_without_a_question(desk: Desk) -> None:
    status, said = desk.pio("calibrations", "run", "--device", "stirring", "-y", "--min-dc", "25")
    assert status == 0, said
    runtime = desk.bench.unit.runtime
    (name,) = store.names(runtime, "stirring")
    assert min(store.load(runtime, "stirring", name).recorded_data["x"]) == 25
    assert store.active_name(runtime, "stirring") is None
    assert f"set-active --device stirring --name '{name}'" in said


def test_lists_say_what_is_in_use(desk: Desk) -> None:
    status, said = desk.pio("calibrations", "list", "--json")
    assert status == 0
    assert {row["device"]: row["active"] for row in json.loads(said)} == {
        "alt_media_pump": True,
        "media_pump": True,
        "waste_pump": True,
    }
    _, said = desk.pio("calibrations", "list", "--device", "media_pump")
    assert "media_pump" in said
    assert "waste_pump" not in said


def test_a_calibration_is_shown_chosen_fitted_anew_and_deleted(desk: Desk) -> None:
    of = ("--device", "media_pump")
    status, said = desk.pio("calibrations", "display", *of, "--name", "simulated")
    assert status == 0
    assert "y = 0.0911·x" in said
    assert "curve" in said
    status, said = desk.pio(
        "calibrations", "analyze", *of, "--name", "simulated", "--fit", "spline", "--save-as", "new"
    )
    assert status == 0, said
    assert store.load(desk.bench.unit.runtime, "media_pump", "new").x_to_y(10) == pytest.approx(0.911)
    assert desk.pio("calibrations", "set-active", *of, "--name", "new")[0] == 0
    assert store.active_name(desk.bench.unit.runtime, "media_pump") == "new"
    assert desk.pio("calibrations", "delete", *of, "--name", "new", "-y")[0] == 0
    assert store.active_name(desk.bench.unit.runtime, "media_pump") is None
    status, said = desk.pio("calibrations", "delete", *of, "--name", "new", "-y")
    assert status == 1
    assert "has no calibration 'new'" in said
    desk.pio("calibrations", "set-active", *of, "--name", "simulated")
    desk.pio("calibrations", "set-active", *of)
    assert store.active_name(desk.bench.unit.runtime, "media_pump") is None


def test_a_doubtful_result_is_used_only_after_a_yes_at_a_terminal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    runtime = desk.bench.unit.runtime
    fast = simulated_pump(runtime, ml_per_s=5 * ML_PER_S)
    saved = save_judged(runtime, "media_pump", fast, activate=True)
    assert saved.name == "simulated-2"
    of = {"kind": "calibration", "device": "media_pump", "name": saved.name}
    entry = {**of, "active": False, "judgment": msgspec.to_builtins(saved.judgment)}
    questions: list[str] = []

    def confirm(question: str, **_options: object) -> bool:
        questions.append(question)
        return True

    monkeypatch.setattr(click, "confirm", confirm)
    for yes, at_terminal, asked, used in (
        (False, False, 0, "simulated"),
        (True, True, 0, "simulated"),
        (False, True, 1, "simulated-2"),
    ):
        monkeypatch.setattr(sys.stdin, "isatty", lambda answer=at_terminal: answer)
        _offer_to_use(runtime, entry, yes=yes)
        printed = desk.capsys.readouterr()
        assert "Doubtful: For the same Volume it gives 0.2 times the Duration of 'simulated'" in printed.err
        assert ("It is not in use. To use it: pio calibrations set-active" in printed.out) == (used == "simulated")
        assert len(questions) == asked
        assert store.active_name(runtime, "media_pump") == used
    _, said = desk.pio("calibrations", "set-active", "--device", "media_pump", "--name", "simulated")
    assert "Doubtful: For the same Volume it gives 5 times the Duration of 'simulated-2'" in said
    assert store.active_name(runtime, "media_pump") == "simulated"


@pytest.mark.parametrize("fit", ["poly", "spline", "akima"])
def test_analysis_is_there_for_programs(desk: Desk, fit: str) -> None:
    words = ("calibrations", "analyze", "--device", "waste_pump", "--name", "simulated", "--fit", fit, "--json")
    status, said = desk.pio(*words)
    assert status == 0
    found = json.loads(said)
    assert found["curve_data_"]["type"] == fit
    assert found["residual_sd"] < 1e-6


def test_protocols_and_unknown_names(desk: Desk) -> None:
    status, said = desk.pio("calibrations", "protocols", "--json")
    assert status == 0
    offered = {(row["target_device"], row["protocol_name"]) for row in json.loads(said)}
    assert ("stirring", "dc_based") in offered
    assert all("{device}" not in json.dumps(row) for row in json.loads(said))
    status, said = desk.pio("calibrations", "run", "--device", "stirring", "--protocol-name", "standards")
    assert status == 1
    assert "Choose one of: dc_based" in said
    status, said = desk.pio("calibrations", "run", "--device", "stirring", "--resume")
    assert status == 1
    assert "no unfinished session" in said


def test_estimators_are_listed_shown_chosen_and_deleted(desk: Desk) -> None:
    seen = [
        Observation(angle, level, level**power * factor)
        for angle, power in (("45", 0.5), ("90", 1.0), ("135", 0.8))
        for level in (0.1, 0.3, 1.0, 3.0, 10.0)
        for factor in (0.99, 1.01)
    ]
    made = ODFusionEstimator.fitted(
        seen, name="fused", unit="unit1", created_at=datetime(2030, 1, 1, tzinfo=UTC), ir_led_intensity=80.0
    )
    estimator_store.save(desk.bench.unit.runtime, "od_fused", made)
    assert desk.pio("estimators", "set-active", "--name", "fused")[0] == 0
    status, said = desk.pio("estimators", "list", "--json")
    assert [row["active"] for row in json.loads(said)] == [True]
    status, said = desk.pio("estimators", "analyze", "--name", "fused")
    assert status == 0, said
    assert "135°" in said
    status, said = desk.pio("estimators", "analyze", "--name", "fused", "--json")
    for row in json.loads(said)["standards"]:
        assert row["estimate"] == pytest.approx(row["concentration"], rel=0.1)
    assert desk.pio("estimators", "protocols")[0] == 0
    assert desk.pio("estimators", "delete", "--name", "fused", "-y")[0] == 0
    assert desk.pio("estimators", "list")[1].strip() == "No estimators."


def test_self_test_ends_with_status_1_when_something_fails(desk: Desk) -> None:
    status, said = desk.pio("run", "self_test", "-k", "heating_pcb")
    assert (status, "1 passed, 0 failed" in said) == (0, True)
    desk.bench.unit.world.inject(Fault("i2c_dropout", target="0x4F"))
    status, said = desk.pio("run", "self_test", "-k", "heating_pcb")
    assert status == 1
    assert "Try: Check the ribbon cable" in said
    status, said = desk.pio("run", "self_test", "--retry-failed", "--json")
    assert status == 1
    assert [row["name"] for row in json.loads(said[: said.rindex("]") + 1])] == ["detect_heating_pcb"]
    status, said = desk.pio("run", "self_test", "--list")
    assert "ambient_light_interference: With all LEDs off, it is dark." in said


def test_blank_by_command(desk: Desk) -> None:
    status, said = desk.pio("run", "od_blank", "--n-samples", "6")
    assert status == 0, said
    assert "photodiode 2: 0.000" in said
    assert desk.pio("run", "od_blank", "delete")[1].startswith("Deleted the blank of simulation.")
    assert "has no blank" in desk.pio("run", "od_blank", "delete")[1]


def test_stirring_calibration_by_command_does_not_replace_unasked(desk: Desk) -> None:
    words = ("run", "stirring_calibration", "--name", "mine")
    assert desk.pio(*words)[0] == 0
    assert store.active_name(desk.bench.unit.runtime, "stirring") == "mine"
    status, said = desk.pio(*words)
    assert status == 1
    assert "--overwrite" in said


def test_work_for_the_web_server_answers_in_json(desk: Desk) -> None:
    payload = '{"device": "media_pump", "duration_s": 2, "hz": 250, "dc": 100}'
    status, said = desk.pio("run", "calibration_action", "pump", payload)
    assert status == 0, said
    assert json.loads(said.splitlines()[-1]) == {"answer": {"duration_s": 2.0}}
    assert desk.bench.unit.world.snapshot().media_added_ml > 0.05
    for action, wrong in (("pump", "x"), ("none", "{}"), ("pump", payload.replace("media_pump", "no_pump"))):
        _, said = desk.pio("run", "calibration_action", action, wrong)
        assert json.loads(said.splitlines()[-1])["status"] in (400, 404)


def test_names_that_plugins_import_are_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from pioreactor.calibrations import CalibrationProtocol, utils
    from pioreactor.calibrations.registry import CalibrationProtocol as registered
    from pioreactor.calibrations.sessions import actions
    from pioreactor.cli.calibrations import calibration
    from pioreactor.web.tasks import register_calibration_action

    assert CalibrationProtocol is registered
    assert utils.linspace(0, 1, num=3) == [0.0, 0.5, 1.0]
    assert utils.curve_to_functional_form("poly", [2.0, 1.0]) == "y = 2·x + 1"
    monkeypatch.setattr(actions, "_actions", dict(actions._actions))
    monkeypatch.setattr(calibration, "commands", dict(calibration.commands))
    register_calibration_action("mine", lambda payload: {"done": True})
    assert actions.perform_here("mine", {}) == {"done": True}

    @calibration.command(name="shake", help="Shake it.")
    def shake() -> None:
        click.echo("shaken")

    assert desk.pio("calibrations", "shake") == (0, "shaken\n")
