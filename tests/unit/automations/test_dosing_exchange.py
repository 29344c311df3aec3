"""What all dosing automations do with liquid: portions, limits, interruptions, and pumps of plugins."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from pioreactor.actions import bioreactor
from pioreactor.actions.pump_run_log import account_interrupted_runs, begin_exchange
from pioreactor.automations.dosing.base import DosingAutomationJob, DosingAutomationJobContrib
from pioreactor.automations.dosing.chemostat import Chemostat
from pioreactor.automations.dosing.exchange import Volumes
from pioreactor.automations.dosing.fed_batch import FedBatch
from pioreactor.automations.dosing.silent import Silent
from pioreactor.exc import CalibrationMissingError, ConfigurationError, InvalidRequestError
from pioreactor.jobs.settings import Setting
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench, simulated_bench
from pioreactor.twin.scenarios import find_scenario

WATER = replace(find_scenario("water"), volume_ml=14.0, evaporation_ml_per_h=0.0)


class Manual(DosingAutomationJob):
    """Exchanges when it is told to."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.moved: list[Volumes] = []
        self.errors: list[Exception] = []

    def ask(self, **volumes_ml: float) -> None:
        def exchange() -> None:
            try:
                self.moved.append(self.execute_io_action(**volumes_ml))
            except InvalidRequestError as error:
                self.errors.append(error)

        self.run_soon(exchange)


@dataclass
class Scene:
    bench: Bench
    job: Manual

    def books(self) -> Any:
        return bioreactor.vial_state(self.bench.unit.runtime, EXPERIMENT)

    def sums(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for event in self.bench.decoded("dosing_events"):
            found[event["event"]] = found.get(event["event"], 0.0) + event["volume_change"]
        return found


@pytest.fixture
def scene() -> Iterator[Scene]:
    with simulated_bench(scenario=WATER) as bench:
        yield Scene(bench, bench.start(Manual))


def test_an_exchange_keeps_the_volume_and_says_what_it_did(scene: Scene) -> None:
    scene.job.ask(media_ml=0.5, alt_media_ml=0.25, waste_ml=0.75)
    scene.bench.wait(120.0)
    (moved,) = scene.job.moved
    assert moved == pytest.approx({"media_ml": 0.5, "alt_media_ml": 0.25, "waste_ml": 0.75})
    assert scene.books().current_volume_ml == pytest.approx(14.0)
    assert scene.books().alt_media_fraction == pytest.approx(0.25 / 14.75, abs=1e-6)
    assert scene.sums() == pytest.approx(
        {"add_media": 0.5, "add_alt_media": 0.25, "remove_waste": 3 * 0.75}, abs=1e-6
    ), "waste is removed three times over, so that the tube's end decides the volume"
    names = [event["event_name"] for event in scene.bench.decoded("dosing_automation/latest_event")]
    assert names == ["DosingStarted", "DosingStopped"]
    sources = {event["source_of_event"] for event in scene.bench.decoded("dosing_events")}
    assert sources == {"dosing_automation:"}


def test_a_large_exchange_is_split_so_that_the_vial_never_holds_much_more(scene: Scene) -> None:
    highest: list[float] = []
    scene.job.every(0.5, lambda: None)
    scene.bench.unit.runtime.clock.spawn(
        lambda: [  # type: ignore[arg-type]
            (scene.bench.simulation.clock.sleep(0.5), highest.append(scene.books().current_volume_ml))  # type: ignore[func-returns-value]
            for _ in range(1600)
        ],
        name="watch",
    )
    scene.job.ask(media_ml=3.0, waste_ml=3.0)
    scene.bench.wait(700.0)
    (moved,) = scene.job.moved
    assert moved["media_ml"] == pytest.approx(3.0)
    assert max(highest) == pytest.approx(14.75, abs=0.01), "four portions of 0.75 mL: none above 1 mL"
    assert scene.books().current_volume_ml == pytest.approx(14.0)


def test_more_waste_than_media_is_accepted_and_more_media_than_waste_is_an_error(scene: Scene) -> None:
    scene.job.ask(media_ml=0.1, waste_ml=0.3)
    scene.job.ask(media_ml=0.3, waste_ml=0.1)
    scene.job.ask(media_ml=0.3)
    scene.job.ask(media_ml=0.3, waste_ml=float("nan"))
    scene.job.ask(media_ml=float("nan"), waste_ml=1.0)
    scene.job.ask(media_ml=-0.3, waste_ml=0.3)
    scene.job.ask(honey_ml=0.3, waste_ml=0.3)
    scene.job.ask(media=0.3, waste_ml=0.3)
    scene.bench.wait(60.0)
    assert len(scene.job.moved) == 1
    assert len(scene.job.errors) == 7
    assert scene.sums()["add_media"] == pytest.approx(0.1)


@pytest.mark.parametrize(("wanted", "state"), [("sleeping", "sleeping"), ("disconnected", "disconnected")])
def test_an_interrupted_exchange_returns_what_moved_and_counts_it_once(scene: Scene, wanted: str, state: str) -> None:
    scene.job.ask(media_ml=1.0, waste_ml=1.0)
    scene.bench.wait(4.4)
    scene.bench.set("dosing_automation", "state", wanted)
    scene.bench.wait(0.0)
    assert scene.bench.unit.world.outputs["media"] == 0.0
    scene.bench.wait(60.0)
    (moved,) = scene.job.moved
    assert moved == pytest.approx({"media_ml": 4.4 * 0.0911, "waste_ml": 0.0}, abs=1e-6)
    assert scene.sums() == pytest.approx({"add_media": 4.4 * 0.0911}, abs=1e-6)
    assert scene.books().current_volume_ml == pytest.approx(14 + 4.4 * 0.0911, abs=1e-6)
    assert scene.bench.states("dosing_automation")[-1] == state
    stopped = scene.bench.decoded("dosing_automation/latest_event")[-1]
    assert stopped["event_name"] == "DosingStopped"
    assert stopped["data"]["media_ml"] == pytest.approx(4.4 * 0.0911)


def test_a_pause_between_pumps_keeps_the_waste_pump_still(scene: Scene) -> None:
    scene.job.ask(media_ml=0.1, waste_ml=0.1)
    scene.bench.wait(3.0)
    scene.bench.set("dosing_automation", "state", "sleeping")
    scene.bench.wait(60.0)
    assert scene.job.moved == [pytest.approx({"media_ml": 0.1, "waste_ml": 0.0})]
    assert "remove_waste" not in scene.sums()


def test_a_full_vial_pauses_dosing_with_monitor_and_broker_away(scene: Scene) -> None:
    """Waste does not flow (the ledger does not know), media would: the limit is kept by the ledger."""
    scene.bench.simulation.broker.stop()

    scene.job.remove_waste_from_bioreactor = lambda ml, **_ignored: 0.0  # type: ignore[method-assign]
    for _ in range(20):
        scene.job.ask(media_ml=0.9, waste_ml=0.9)
    scene.bench.wait(3000.0)
    assert scene.books().current_volume_ml < scene.job.max_fill_volume_ml
    assert scene.job.state == scene.job.SLEEPING
    assert scene.bench.unit.world.outputs["media"] == 0.0
    scene.bench.simulation.broker.start()
    scene.bench.wait(1.0)
    assert any("maximum volume of this vial" in line for line in scene.bench.logged("error"))
    assert any("nearly full" in line for line in scene.bench.logged("warning"))


def test_no_portion_is_added_once_waste_was_not_removed(scene: Scene) -> None:
    scene.job.remove_waste_from_bioreactor = lambda ml, **_ignored: 0.5 * ml  # type: ignore[method-assign]
    scene.job.ask(media_ml=3.0, waste_ml=3.0)
    scene.bench.wait(300.0)
    [moved] = scene.job.moved
    assert moved == pytest.approx({"media_ml": 0.75, "waste_ml": 0.375}), "one portion of four"
    assert scene.job.state == scene.job.READY, "the next dose tries again; the fill limit stays"
    assert any("rest of this dose is not given" in line for line in scene.bench.logged("warning"))


class Syringe(DosingAutomationJobContrib):
    """A plugin that drives pumps of its own, which know nothing of our books."""

    automation_name = "_syringe_of_test"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calls: list[tuple[float, set[str]]] = []

    def add_salt_to_bioreactor(self, ml: float, **arguments: Any) -> float:
        self.calls.append((ml, set(arguments)))
        return ml

    def add_media_to_bioreactor(self, unit: str, experiment: str, ml: float, **_: Any) -> float:  # type: ignore[override]
        return ml

    def go(self, **volumes_ml: float) -> None:
        self.run_soon(lambda: self.execute_io_action(**volumes_ml) and None)  # type: ignore[arg-type]


def test_pumps_of_a_plugin_are_called_as_documented_and_entered_into_the_books() -> None:
    with simulated_bench(scenario=WATER) as bench:
        job = bench.start(Syringe)
        job.go(salt_ml=1.5, media_ml=0.5, waste_ml=2.0)
        bench.wait(300.0)
        assert [ml for ml, _ in job.calls] == [0.75, 0.75]
        assert job.calls[0][1] == {"unit", "experiment", "source_of_event", "mqtt_client", "logger"}
        state = bioreactor.vial_state(bench.unit.runtime, EXPERIMENT)
        assert state.cumulative_media_added_ml == pytest.approx(0.5)
        assert state.current_volume_ml == pytest.approx(14.0)
        job.remove_waste_from_bioreactor = lambda **_ignored: 0.0  # type: ignore[method-assign]
        for _ in range(10):
            job.go(salt_ml=10.0, waste_ml=10.0)
        bench.wait(900.0)
        assert job.state == job.SLEEPING, "the salt that is already in the vial counts"
        assert job.current_volume_ml < job.max_fill_volume_ml


# ---- starting -------------------------------------------------------------------------------------------------------


def test_pumps_must_be_calibrated_and_wired() -> None:
    with simulated_bench(scenario=WATER, calibrated_pumps=False) as bench:
        with pytest.raises(CalibrationMissingError, match="media_pump"):
            bench.start(Chemostat)
        bench.start(Silent).clean_up()
        bench.wait(1.0)
        settings = bench.decoded("dosing_automation/dosing_automation_settings")
        assert [record["automation_name"] for record in settings] == ["silent"], "what never began has no history"
    with simulated_bench(scenario=WATER, config="[PWM]\n2=nothing\n3=\n4=\n") as bench:
        roles = bench.unit.runtime.settings.pwm_channel_of
        if "waste" in roles and "media" in roles:
            pytest.fail(f"the configuration still wires both pumps: {roles}")
        with pytest.raises(ConfigurationError, match="PWM"):
            bench.start(Chemostat)


def test_initial_values_of_the_vial_come_as_text_from_the_command_line() -> None:
    with simulated_bench(scenario=WATER) as bench:
        bench.start(lambda: Silent(current_volume_ml="12.5", alt_media_fraction="0.25", efflux_tube_volume_ml="12"))
        state = bioreactor.vial_state(bench.unit.runtime, EXPERIMENT)
        assert (state.current_volume_ml, state.alt_media_fraction, state.efflux_tube_volume_ml) == (12.5, 0.25, 12.0)
        assert bench.decoded("bioreactor/current_volume_ml")[-1]["value"] == 12.5


@pytest.mark.parametrize("given", [{"alt_media_fraction": "1.5"}, {"current_volume_ml": "-1"}])
def test_impossible_initial_values_are_refused(given: dict[str, str]) -> None:
    with simulated_bench(scenario=WATER) as bench:
        with pytest.raises(InvalidRequestError):
            bench.start(lambda: Silent(**given))
        assert bench.unit.runtime.stores.jobs().running() == []


# ---- chemostat and fed batch ----------------------------------------------------------------------------------------


def run_events(bench: Bench, name: str) -> list[dict[str, Any]]:
    return [e for e in bench.decoded("dosing_automation/latest_event") if e["event_name"] == name]


def test_a_chemostat_exchanges_on_time() -> None:
    with simulated_bench(scenario=WATER) as bench:
        bench.start(lambda: Chemostat(exchange_volume_ml="0.5", duration="10"))
        bench.wait(3600.0)
        events = run_events(bench, "DilutionEvent")
        assert len(events) == 6
        assert events[0]["data"] == pytest.approx({"exchange_volume_ml": 0.5, "volume_actually_cycled_ml": 0.5})
        first = next(e["timestamp"] for e in bench.decoded("dosing_events") if e["event"] == "add_media")
        assert first == "2030-01-01T00:00:03.000Z", "two seconds after the start, one slice"


def test_a_new_duration_counts_from_the_last_run() -> None:
    with simulated_bench(scenario=WATER) as bench:
        started: list[float] = []

        class Noting(Chemostat):
            def execute(self) -> Any:
                started.append(self.runtime.clock.monotonic())

        job = bench.start(lambda: Noting(exchange_volume_ml=0.1, duration=60))
        bench.wait(1202.0)
        bench.set("dosing_automation", "duration", "30")
        bench.wait(2000.0)
        assert started == [2.0, 1802.0]
        bench.set("dosing_automation", "duration", "1")
        bench.wait(1.0)
        assert started == [2.0, 1802.0, 3202.0], "overdue: at once"
        with pytest.raises(Exception, match="above 0"):
            job.set_duration(0.0)
        assert job.duration == 1.0


def test_fed_batch_feeds_until_the_vial_is_full_and_rests() -> None:
    with simulated_bench(scenario=WATER) as bench:
        job = bench.start(lambda: FedBatch(dosing_volume_ml="1.5", duration="60"))
        bench.wait(8 * 3600.0)
        assert job.state == job.SLEEPING
        assert job.current_volume_ml == pytest.approx(17.0)
        assert len(run_events(bench, "AddMediaEvent")) == 2
        assert len(run_events(bench, "ErrorOccurred")) == 1
        assert "remove_waste" not in {event["event"] for event in bench.decoded("dosing_events")}


def test_skipping_the_first_run() -> None:
    with simulated_bench(scenario=WATER) as bench:
        bench.start(lambda: FedBatch(dosing_volume_ml=0.1, duration=60, skip_first_run="1"))
        bench.wait(3590.0)
        assert bench.decoded("dosing_events") == []
        bench.wait(30.0)
        assert bench.decoded("dosing_events") != []


# ---- the record of settings -----------------------------------------------------------------------------------------


def settings_records(bench: Bench) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (r["started_at"], r["ended_at"], msgspec.json.decode(base64.b64decode(r["settings"])))
        for r in bench.decoded("dosing_automation/dosing_automation_settings")
    ]


def test_each_stretch_of_time_has_the_settings_that_held_in_it() -> None:
    with simulated_bench(scenario=WATER) as bench:
        job = bench.start(lambda: Chemostat(exchange_volume_ml=0.5, duration=60, skip_first_run=True))
        bench.wait(100.0)
        bench.set("dosing_automation", "exchange_volume_ml", "0.7")
        bench.wait(100.0)
        bench.set("dosing_automation", "exchange_volume_ml", "0.7")
        bench.set("dosing_automation", "exchange_volume_ml", "99")
        bench.wait(100.0)
        bench.set("dosing_automation", "duration", "30")
        bench.wait(100.0)
        job.clean_up()
        records = settings_records(bench)
        assert [(r[2]["exchange_volume_ml"], r[2]["duration"]) for r in records] == [(0.5, 60), (0.7, 60), (0.7, 30)]
        assert [r[1] for r in records[:-1]] == [r[0] for r in records[1:]], "no gap and no overlap"
        assert (records[0][0], records[-1][1]) == ("2030-01-01T00:00:00.000Z", "2030-01-01T00:06:40.000Z")
        assert bench.retained("dosing_automation/automation_name") is None
        assert bench.retained("dosing_automation/dosing_automation_settings") is None


def test_the_last_stretch_is_recorded_whatever_hooks_a_plugin_defines() -> None:
    class Careless(DosingAutomationJobContrib):
        automation_name = "_careless_of_test"
        volume = Setting(1.0)

        def on_disconnected(self) -> None:
            """Does not call its base."""

    with simulated_bench(scenario=WATER) as bench:
        bench.start(Careless).clean_up()
        assert [r[2]["volume"] for r in settings_records(bench)] == [1.0]


# ---- triggers -------------------------------------------------------------------------------------------------------


def test_a_plugin_that_chooses_no_trigger_is_run_each_duration() -> None:
    """Automations written before `run_every` existed only define `execute`."""
    runs: list[float] = []

    class Old(DosingAutomationJobContrib):
        automation_name = "_old_style_of_test"
        published_settings = {"duration": {"datatype": "float", "settable": True, "unit": "min"}}  # noqa: RUF012

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)

        def execute(self) -> None:
            runs.append(self.runtime.clock.monotonic())

    with simulated_bench(scenario=WATER) as bench:
        bench.start(lambda: Old(duration="2"))
        bench.wait(361.0)
        assert runs == [0.0, 120.0, 240.0, 360.0]


@pytest.mark.parametrize("method", ["latest_normalized_od", "latest_growth_rate", "latest_od", "latest_od_fused"])
def test_a_rule_without_its_readings_says_which_job_it_misses(method: str) -> None:
    class Needy(DosingAutomationJobContrib):
        automation_name = "_needy_of_test"

        def execute(self) -> None:
            getattr(self, method)

    with simulated_bench(scenario=WATER) as bench:
        job = bench.start(lambda: Needy(duration=1))
        bench.wait(61.0)
        assert job.state == job.READY
        events = run_events(bench, "ErrorOccurred")
        assert len(events) == 2
        assert any("Start" in line for line in bench.logged("warning"))


def test_an_error_in_a_rule_is_an_event_and_the_next_run_comes() -> None:
    class Wrong(DosingAutomationJobContrib):
        automation_name = "_wrong_of_test"

        def execute(self) -> None:
            raise ZeroDivisionError("the biologist divided by zero")

    with simulated_bench(scenario=WATER) as bench:
        bench.start(lambda: Wrong(duration=1))
        bench.wait(130.0)
        assert [e["message"] for e in run_events(bench, "ErrorOccurred")] == ["the biologist divided by zero"] * 3


def test_pausing_stops_pumps_that_somebody_started_by_hand() -> None:
    from pioreactor.actions.pump import add_media

    with simulated_bench(scenario=WATER) as bench:
        job = bench.start(Silent)
        moved: list[float] = []
        act: Callable[[], None] = lambda: moved.append(add_media(ml=2.0))  # noqa: E731
        bench.unit.run(act, name="add_media")
        bench.wait(3.0)
        job.set_state("sleeping")
        bench.wait(1.0)
        assert moved == [pytest.approx(3.0 * 0.0911, abs=1e-6)]
        with context.using(bench.unit.runtime):
            assert add_media(duration=1.0) == pytest.approx(0.0911)


def test_an_automation_without_a_word_about_itself_does_not_break_the_help() -> None:
    from click.testing import CliRunner

    from pioreactor.automations import registry
    from pioreactor.cli.automation_commands import automation_command

    registry.register("dosing", "silent_plugin", type("Mute", (DosingAutomationJobContrib,), {}))
    try:
        shown = CliRunner().invoke(automation_command(DosingAutomationJobContrib), ["--help"])
    finally:
        del registry._registered["dosing"]["silent_plugin"]
    assert shown.exit_code == 0
    assert "silent_plugin" in shown.output
    assert "_syringe" not in shown.output


def test_an_exchange_that_a_crash_interrupted_is_closed_at_the_next_start() -> None:
    with simulated_bench(scenario=WATER) as bench:
        begin_exchange(bench.unit.runtime, "dosing_automation", EXPERIMENT, {"media_ml": 0.5})
        bench.start(Manual)
        [stopped] = run_events(bench, "DosingStopped")
        assert (stopped["message"], stopped["data"]) == ("interrupted", {"requested": {"media_ml": 0.5}})
        assert any("media 0.5 mL) was interrupted" in line for line in bench.logged("warning"))


def test_monitor_closes_the_exchange_of_a_job_that_is_gone_and_of_no_other(scene: Scene) -> None:
    runtime = scene.bench.unit.runtime
    scene.job.ask(media_ml=0.5, waste_ml=0.5)
    scene.bench.wait(2.0)
    assert account_interrupted_runs(scene.job) == []
    scene.bench.wait(120.0)
    assert len(run_events(scene.bench, "DosingStopped")) == 1
    begin_exchange(runtime, "other_automation", EXPERIMENT, {"media_ml": 0.5})
    assert len(account_interrupted_runs(scene.job)) == 1
    assert account_interrupted_runs(scene.job) == []
