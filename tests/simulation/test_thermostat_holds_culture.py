"""The thermostat against the truth of simulated reactors of all models, and of those that break."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean, pstdev
from typing import Any

import msgspec
import pytest
from bench import thermostat_days

from pioreactor.actions import bioreactor
from pioreactor.automations.temperature.observer_store import ObserverStore
from pioreactor.background_jobs.temperature_automation import start_temperature_automation
from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import find_scenario

MINUTE_S = 60.0
LOOK_S = 10.0


class Culture:
    """One simulated reactor with a temperature automation; remembers true and published temperatures."""

    def __init__(
        self,
        automation: str = "thermostat",
        *,
        model: tuple[str, str] = ("pioreactor_20ml", "1.5"),
        strain: str = "ecoli_batch",
        volume_ml: float = 14.0,
        room: float = 22.0,
        start: float | None = None,
        seed: int = 1,
        faults: tuple[Fault, ...] = (),
        **options: Any,
    ) -> None:
        scenario = msgspec.structs.replace(
            find_scenario(strain),
            volume_ml=volume_ml,
            efflux_ml=volume_ml,
            ambient_celsius=room,
            start_celsius=room if start is None else start,
            spread=1.0,
            faults=faults,
        )
        self.simulation = build_simulation(scenario=scenario, seed=seed, model=model, hat="1.1")
        self.clock = self.simulation.clock
        self.unit = self.simulation.units[0]
        self.world = self.unit.world
        self.true: list[float] = []
        self.errors: list[float] = []
        self.messages: list[tuple[str, bytes]] = []
        self.bus = self.simulation.broker.connect("test")
        self.bus.subscribe("pioreactor/#", lambda m: self.messages.append((m.topic, m.payload)))
        self.bus.subscribe("pioreactor/+/+/temperature_automation/temperature", self._compare)
        self.jobs: list[Any] = []
        self.start(automation, **options)

    def start(self, automation: str, **options: Any) -> None:
        def run() -> None:
            self.jobs.append(start_temperature_automation(automation, **options))
            self.jobs[-1].block_until_disconnected()

        self.unit.run(run, name=automation)

    def _compare(self, message: Any) -> None:
        if message.payload:
            published = msgspec.json.decode(message.payload)["temperature"]
            self.errors.append(published - self.world.thermal.liquid)

    def run(self, minutes: float, between: Callable[[], None] | None = None) -> list[float]:
        """Let time pass; return the liquid's true temperature every 10 s."""
        seen = []
        for _ in range(round(minutes * MINUTE_S / LOOK_S)):
            self.clock.sleep(LOOK_S)
            self.world.advance()
            seen.append(self.world.thermal.liquid)
            if between is not None:
                between()
        self.true += seen
        return seen

    def aim(self, celsius: float) -> None:
        topic = f"pioreactor/{self.unit.name}/simulation/temperature_automation/target_temperature/set"
        self.bus.publish(topic, str(celsius))

    def dose(self) -> None:
        """Pump about 1 mL of media at room temperature in and out, and enter it in the volume ledger."""
        before = self.world.snapshot()
        for pump, name in (("media", "add_media"), ("waste", "remove_waste")):
            self.world.set_output(pump, 100.0, hz=200.0)
            self.clock.sleep(1.0 / 0.09)
            self.world.set_output(pump, 0.0, hz=200.0)
            after = self.world.snapshot()
            moved = {
                "media": after.media_added_ml - before.media_added_ml,
                "waste": after.waste_removed_ml - before.waste_removed_ml,
            }[pump]
            bioreactor.record_dose(self.unit.runtime, "simulation", name, moved)

    @property
    def duty(self) -> float:
        return self.world.outputs.get("heating", 0.0)

    def said(self, text: str) -> int:
        return sum(text in payload.decode() for topic, payload in self.messages if "/logs/" in topic)


def minutes_until_settled(true: list[float], target: float, *, within: float = 0.5) -> float:
    outside = [n for n, celsius in enumerate(true) if abs(celsius - target) > within]
    return (outside[-1] + 1) * LOOK_S / MINUTE_S if outside else 0.0


SMALL, LARGE = ("pioreactor_20ml", "1.5"), ("pioreactor_40ml", "1.5")
OLD_SMALL, OLD_LARGE = ("pioreactor_20ml", "1.0"), ("pioreactor_40ml", "1.0")


@pytest.mark.parametrize(
    ("model", "volume_ml", "room", "strain", "target", "settled_min"),
    [
        (SMALL, 10.0, 18.0, "ecoli_batch", 37.0, 20.0),
        (SMALL, 17.0, 28.0, "ecoli_batch", 37.0, 20.0),
        (SMALL, 14.0, 22.0, "yeast_batch", 30.0, 20.0),
        (LARGE, 36.0, 22.0, "ecoli_batch", 37.0, 20.0),
        (LARGE, 30.0, 25.0, "yeast_batch", 30.0, 20.0),
        (OLD_SMALL, 15.0, 22.0, "ecoli_batch", 37.0, 20.0),
        # 2.3 W take 20 minutes for 30 mL, whatever is done with them.
        (OLD_LARGE, 30.0, 22.0, "ecoli_batch", 37.0, 30.0),
    ],
)
@pytest.mark.parametrize("seed", [11, 12])
def test_warms_up_without_overshoot_and_holds(
    model: tuple[str, str], volume_ml: float, room: float, strain: str, target: float, settled_min: float, seed: int
) -> None:
    culture = Culture(model=model, volume_ml=volume_ml, room=room, strain=strain, seed=seed, target_temperature=target)
    true = culture.run(90)
    steady = true[-180:]
    assert max(true) - target <= 0.5
    assert minutes_until_settled(true, target) <= settled_min
    assert pstdev(steady) <= 0.15
    assert abs(fmean(steady) - target) <= 0.45
    assert culture.said("ERROR") == 0


def test_inference_is_good_on_many_units_while_warming_too() -> None:
    errors: list[float] = []
    for seed in range(30, 46):
        model = (SMALL, LARGE, OLD_SMALL, OLD_LARGE)[seed % 4]
        volume_ml = 10.0 + (seed - 30) * 0.5 if "20ml" in model[0] else 26.0 + (seed - 30) * 0.6
        culture = Culture(
            model=model, volume_ml=volume_ml, room=18.0 + (seed * 7 % 11), seed=seed, target_temperature=37.0
        )
        culture.run(60)
        assert len(culture.errors) > 100
        errors += culture.errors
    assert math.sqrt(fmean(e * e for e in errors)) <= 0.20


def test_targets_move_both_ways() -> None:
    culture = Culture(seed=21, target_temperature=30.0)
    culture.run(40)
    culture.aim(37.0)
    up = culture.run(50)
    assert max(up) - 37.0 <= 0.5
    assert minutes_until_settled(up, 37.0) <= 15.0
    culture.aim(30.0)
    down = culture.run(60)
    assert min(down) - 30.0 >= -0.5
    assert abs(fmean(down[-60:]) - 30.0) <= 0.4
    cooling = [n for n, celsius in enumerate(down) if celsius > 30.5]
    assert len(cooling) * LOOK_S / MINUTE_S <= 30.0


def test_cold_media_are_made_up_for() -> None:
    culture = Culture(seed=22, target_temperature=37.0)
    before = fmean(culture.run(50)[-60:])
    recovered = []
    for _ in range(6):
        culture.dose()
        after = culture.run(10)
        assert min(after[-30:]) >= before - 0.4
        recovered.append(after[-1] - before)
    assert max(map(abs, recovered)) <= 0.25


@pytest.mark.parametrize(
    ("culture", "model", "seed"),
    [
        ("ecoli", "20 mL v1.5", 61),
        ("yeast", "40 mL v1.5", 62),
        ("ecoli", "40 mL v1.0", 63),
        ("yeast", "20 mL v1.0", 64),
    ],
)
def test_a_chemostat_with_cold_media_and_a_colder_room_are_made_up_for(culture: str, model: str, seed: int) -> None:
    """A day in short; `python -m bench.thermostat_days` has whole ones."""
    true, target, said = thermostat_days.day(culture, model, seed, hours=5.0, colder_after_h=3.5)
    score = thermostat_days.score(true, target)
    assert score.overshoot <= 0.5
    assert score.settled_min <= (30.0 if model == "40 mL v1.0" else 20.0)
    assert abs(score.steady_mean_error) <= 0.45
    assert score.steady_sd <= 0.15
    assert said == []


def test_a_colder_room_is_hardly_felt() -> None:
    culture = Culture(seed=23, target_temperature=37.0, faults=(Fault("ambient_step", 60 * MINUTE_S, value=-4.0),))
    before = fmean(culture.run(60)[-60:])
    after = culture.run(90)
    assert min(after) >= before - 0.4
    assert fmean(after[-60:]) == pytest.approx(before, abs=0.25)


def test_a_restart_in_a_warm_culture_does_not_overheat() -> None:
    culture = Culture(seed=24, start=37.0, target_temperature=37.0)
    true = culture.run(120)
    assert max(true) <= 37.7
    assert min(true) >= 36.3


@pytest.mark.parametrize("after_min", [3.0, 8.0, 40.0])
def test_a_restart_with_a_hot_board_does_not_overheat(after_min: float) -> None:
    culture = Culture(seed=32, target_temperature=37.0)
    culture.run(after_min)
    culture.jobs[0].clean_up()
    assert culture.duty == 0.0
    culture.start("thermostat", target_temperature=37.0)
    true = culture.run(60)
    assert max(true) - 37.0 <= 0.6
    assert abs(fmean(true[-60:]) - 37.0) <= 0.4


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("away_min", [0.0, 3.0])
def test_a_restart_goes_on_with_what_was_known(killed: bool, away_min: float, monkeypatch: pytest.MonkeyPatch) -> None:
    if killed:  # no process is told that the heater is off
        monkeypatch.setattr(ObserverStore, "store_heater_off", lambda self: None)
    overshoots, errors = [], []
    for seed, model, volume_ml, room in ((41, SMALL, 11.0, 18.0), (42, LARGE, 33.0, 26.0), (43, OLD_SMALL, 17.0, 22.0)):
        culture = Culture(model=model, volume_ml=volume_ml, room=room, seed=seed, target_temperature=37.0)
        culture.run(6)
        culture.jobs[0].clean_up()
        culture.run(away_min)
        culture.errors.clear()
        culture.start("thermostat", target_temperature=37.0)
        overshoots.append(max(culture.run(40)) - 37.0)
        errors += culture.errors
    assert max(overshoots) <= 0.4
    assert math.sqrt(fmean(e * e for e in errors)) <= 0.25


def test_a_restart_with_another_vial_begins_anew() -> None:
    culture = Culture(seed=44, target_temperature=37.0)
    culture.run(40)
    culture.jobs[0].clean_up()
    culture.run(2)
    culture.world.thermal.liquid = 22.0
    culture.run(3)
    culture.errors.clear()
    culture.start("thermostat", target_temperature=37.0)
    true = culture.run(60)
    assert max(true) - 37.0 <= 0.6
    assert math.sqrt(fmean(e * e for e in culture.errors[12:])) <= 0.3


def test_what_was_known_hours_ago_is_not_used() -> None:
    culture = Culture(seed=45, target_temperature=37.0)
    culture.run(30)
    culture.jobs[0].clean_up()
    culture.run(180)
    culture.errors.clear()
    culture.start("thermostat", target_temperature=37.0)
    true = culture.run(40)
    assert max(true) - 37.0 <= 0.5
    assert math.sqrt(fmean(e * e for e in culture.errors)) <= 0.3


def test_recording_follows_a_cooling_culture() -> None:
    culture = Culture("only_record_temperature", seed=25, start=37.0)
    culture.run(60)
    assert culture.duty == 0.0
    assert math.sqrt(fmean(e * e for e in culture.errors[4:])) <= 0.35


# ---- what goes wrong ---------------------------------------------------------------------------------------------


def test_broker_away_for_hours_changes_nothing() -> None:
    culture = Culture(seed=26, target_temperature=37.0)
    culture.run(5)
    culture.simulation.broker.stop()
    true = culture.run(120)
    assert minutes_until_settled(true, 37.0) <= 20.0
    culture.simulation.broker.start()
    culture.run(1)
    assert culture.jobs[0].state == "ready"


@pytest.mark.parametrize("starts_min", [3.0, 60.0])
def test_stuck_thermometer_heats_nobody(starts_min: float) -> None:
    stuck = Fault("stuck_heater_sensor", starts_min * MINUTE_S, (starts_min + 120.0) * MINUTE_S)
    culture = Culture(seed=27, target_temperature=37.0, faults=(stuck,))
    culture.run(starts_min + 6.0)
    assert culture.duty == 0.0
    assert culture.said("does not follow") == 1
    assert max(culture.run(114.0)) < 38.0
    culture.run(90.0)
    assert abs(culture.true[-1] - 37.0) <= 0.5


def test_dead_heater_is_told_and_costs_nothing() -> None:
    culture = Culture(seed=28, target_temperature=37.0, faults=(Fault("dead_heater"),))
    culture.run(4)
    assert culture.said("heater is not connected") == 1
    assert culture.duty == 0.0


def test_thermometer_that_drops_off_the_bus_and_returns() -> None:
    dropout = Fault("i2c_dropout", 30 * MINUTE_S, 50 * MINUTE_S, target="0x4F")
    culture = Culture(seed=29, target_temperature=37.0, faults=(dropout,))
    culture.run(30.5)
    assert culture.duty == 0.0
    assert culture.said("does not respond") == 1
    culture.run(19.5)
    assert culture.said("does not respond") == 1
    assert culture.said("ERROR") == 1
    back = culture.run(40)
    assert culture.said("responds again") == 1
    assert max(back) <= 37.6
    assert abs(back[-1] - 37.0) <= 0.5


def test_equal_seeds_give_equal_bytes() -> None:
    runs = []
    for _ in range(2):
        culture = Culture(seed=31, target_temperature=37.0)
        culture.run(20)
        runs.append(culture.messages)
    assert runs[0] == runs[1]
