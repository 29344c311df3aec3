"""The world as a whole: time, reading, dosing, heat, faults, and scenarios from files."""

import math
import random
from pathlib import Path

import msgspec
import pytest

from pioreactor.exc import ConfigurationError, NotFoundError
from pioreactor.twin.buses import open_buses
from pioreactor.twin.faults import Fault
from pioreactor.twin.scenarios import SCENARIOS, Scenario, check, find_scenario, load_scenario
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World


class Rig:
    """A world with a clock that a test turns by hand."""

    def __init__(self, scenario: Scenario | str = "ideal", *, seed: int = 1, start_s: float = 1000.0) -> None:
        self.t_s = start_s
        chosen = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
        self.world = World(chosen, wiring(), seed=seed, now_s=lambda: self.t_s)
        self.buses = open_buses(self.world)

    def wait(self, duration_s: float) -> None:
        self.t_s += duration_s
        self.world.advance()

    def read_volts(self, address: int = 0x4A) -> float:
        """Read an ADS1114 at +-2.048 V, continuous."""
        self.buses.i2c.transfer(address, b"\x01\x04\x83")
        return int.from_bytes(self.buses.i2c.transfer(address, b"\x00", 2), "big", signed=True) * 2.048 / 32767


# ---- time and looking


def run_for_an_hour(*, look_every_s: float | None) -> tuple[object, list[bytes]]:
    rig = Rig("noisy", seed=5)
    rig.buses.i2c.transfer(0x2C, bytes((0, 204)))
    seen = []
    for minute in range(60):
        end_s = 1000.0 + 60.0 * (minute + 1) + 0.3
        while look_every_s is not None and rig.t_s + look_every_s < end_s:
            rig.wait(look_every_s)
            rig.read_volts(0x49)
            rig.world.snapshot()
            rig.world.board_celsius()
        rig.t_s = end_s
        if minute == 3:
            rig.buses.pwm.set_duty(17, 100.0, hz=200)
        if minute % 7 == 0:
            rig.buses.pwm.set_duty(13, 100.0, hz=250)
            rig.t_s += 5.37
            rig.buses.pwm.set_duty(13, 0.0, hz=250)
        rig.buses.pwm.set_duty(18, minute % 40, hz=16)
        rig.buses.i2c.transfer(0x4A, b"\x01\x04\x83")
        seen.append(rig.buses.i2c.transfer(0x4A, b"\x00", 2))
        seen.append(rig.buses.i2c.transfer(0x4F, b"\x00", 2))
    return rig.world.snapshot(), seen


def test_looking_changes_nothing_and_the_same_seed_gives_the_same_bytes() -> None:
    undisturbed = run_for_an_hour(look_every_s=None)
    assert run_for_an_hour(look_every_s=None) == undisturbed
    assert run_for_an_hour(look_every_s=0.77) == undisturbed


def test_another_seed_is_another_unit() -> None:
    assert Rig("noisy", seed=1).world.thermal.constants != Rig("noisy", seed=2).world.thermal.constants
    assert Rig("ideal", seed=1).world.thermal.constants == Rig("ideal", seed=2).world.thermal.constants


def test_time_that_goes_back_is_ignored() -> None:
    rig = Rig()
    rig.wait(100.0)
    before = rig.world.snapshot()
    rig.wait(-50.0)
    assert rig.world.snapshot() == before


def test_the_beginning_of_the_clock_does_not_matter() -> None:
    early, late = Rig("standard", start_s=0.0), Rig("standard", start_s=5e6)
    for rig in (early, late):
        rig.buses.pwm.set_duty(17, 60.0, hz=200)
        rig.wait(600.5)
    assert early.world.snapshot().od == pytest.approx(late.world.snapshot().od, rel=1e-12)


# ---- dosing


def test_a_dose_dilutes_by_what_really_flowed() -> None:
    rig = Rig()
    rig.wait(10.0)
    before = rig.world.snapshot()
    rig.buses.pwm.set_duty(13, 100.0, hz=250)
    rig.wait(11.0)
    rig.buses.pwm.set_duty(13, 0.0, hz=250)
    rig.wait(1.0)
    after = rig.world.snapshot()
    assert after.media_added_ml == pytest.approx(0.999, abs=0.03)
    assert after.volume_ml == pytest.approx(before.volume_ml + after.media_added_ml, abs=1e-3)
    assert after.od / before.od == pytest.approx(before.volume_ml / after.volume_ml, rel=0.002)


def test_a_pump_off_between_two_whole_seconds_stops_at_that_moment() -> None:
    rig = Rig()
    rig.t_s += 0.25
    rig.buses.pwm.set_duty(13, 100.0, hz=250)
    rig.t_s += 0.5
    rig.buses.pwm.set_duty(13, 0.0, hz=250)
    rig.wait(60.0)
    assert rig.world.snapshot().media_added_ml == pytest.approx(0.0911 * 0.465, abs=0.012)


def test_outputs_keep_their_duty_for_ever() -> None:
    rig = Rig()
    rig.buses.pwm.set_duty(16, 100.0, hz=250)
    rig.buses.close()
    rig.wait(600.0)
    snapshot = rig.world.snapshot()
    assert snapshot.spilled_ml > 40.0
    assert snapshot.volume_ml == pytest.approx(20.0, abs=0.01)
    assert snapshot.alt_media_fraction > 0.9
    assert rig.buses.pwm.get_duty(16) == 100.0


def test_alt_media_carries_the_drug_and_cold() -> None:
    rig = Rig(Scenario(start_celsius=37.0, alt_media_drug_ug_ml=10.0, drug="ampicillin", media_celsius=4.0, spread=0.0))
    rig.buses.pwm.set_duty(16, 100.0, hz=250)
    rig.wait(20.0)
    rig.buses.pwm.set_duty(16, 0.0, hz=250)
    snapshot = rig.world.snapshot()
    assert snapshot.drug_ug_ml == pytest.approx(10.0 * snapshot.alt_media_fraction, rel=1e-4)
    assert 0.09 < snapshot.alt_media_fraction < 0.13
    assert snapshot.liquid_celsius < 35.0


def test_mixing_takes_seconds_stirred_and_longer_unstirred() -> None:
    def settled_after(seconds: float, *, stirred: bool) -> float:
        rig = Rig(Scenario(start_od=1.0, spread=0.0, noise_cv=0.0, hum=0.0, bubbles=0.0))
        if stirred:
            rig.buses.pwm.set_duty(17, 40.0, hz=200)
        rig.wait(60.0)
        rig.buses.pwm.set_duty(13, 100.0, hz=250)
        rig.wait(20.0)
        rig.buses.pwm.set_duty(13, 0.0, hz=250)
        rig.wait(seconds)
        scene = rig.world.optics.scene
        return scene.density_mg_ml / rig.world.culture.scattering_mg_ml

    assert settled_after(15.0, stirred=True) == pytest.approx(1.0, abs=0.005)
    assert settled_after(1.0, stirred=False) > 1.03


@pytest.mark.parametrize("seed", range(6))
def test_no_sequence_of_commands_breaks_physics(seed: int) -> None:
    chance = random.Random(seed)
    strain = chance.choice(["ecoli", "yeast", "phototroph"])
    drug = chance.choice(["none", "trimethoprim", "ampicillin"])
    rig = Rig(Scenario(strain=strain, drug=drug, alt_media_drug_ug_ml=50.0, start_od=1.0, spread=1.0), seed=seed)
    for _ in range(150):
        rig.buses.pwm.set_duty(chance.choice([17, 13, 16, 12, 18]), chance.choice([0, 0, 30, 100]), hz=200)
        rig.buses.i2c.transfer(0x2C, bytes((chance.randrange(4), chance.randrange(256))))
        rig.wait(chance.choice([0.0, 0.1, 1.0, 17.3, 300.0]))
        rig.buses.gpio.falling_edges(21)
        assert 0.0 <= rig.read_volts() <= 2.048
        snapshot = rig.world.snapshot()
        numbers = [value for value in msgspec.to_builtins(snapshot).values() if isinstance(value, float)]
        assert all(math.isfinite(value) for value in numbers)
        assert 5.0 < snapshot.volume_ml <= 20.0
        assert min(snapshot.od, snapshot.first_substrate_g_l, snapshot.second_substrate_g_l, snapshot.rpm) >= 0.0
        assert 0.0 < snapshot.oxygen_mg_l <= 7.01
        assert 0.0 <= snapshot.alt_media_fraction <= 1.0
        assert 10.0 < snapshot.liquid_celsius < 150.0
        balance = 15.0 + snapshot.media_added_ml + snapshot.alt_media_added_ml
        balance -= snapshot.waste_removed_ml + snapshot.spilled_ml + rig.world.vessel.evaporated_ml
        assert snapshot.volume_ml == pytest.approx(balance, abs=1e-6)


# ---- what instruments see


def test_od_signal_follows_growth() -> None:
    rig = Rig("ideal")
    rig.buses.pwm.set_duty(17, 40.0, hz=200)
    rig.buses.i2c.transfer(0x2C, bytes((0, 204)))
    rig.wait(60.0)
    early, od = rig.read_volts(), rig.world.snapshot().od
    rig.buses.pwm.set_duty(18, 20.0, hz=16)
    rig.wait(4 * 3600.0)
    assert rig.read_volts() > 1.5 * early
    assert rig.world.snapshot().od > 2 * od


def test_the_fan_answers_to_duty_and_is_counted() -> None:
    rig = Rig()
    assert rig.buses.gpio.falling_edges(21) == []
    rig.buses.pwm.set_duty(17, 100.0, hz=200)
    rig.wait(0.5)
    rig.buses.pwm.set_duty(17, 30.0, hz=200)
    rig.wait(10.0)
    rig.buses.gpio.falling_edges(21)
    rig.wait(5.0)
    edges = rig.buses.gpio.falling_edges(21)
    rpm = 60.0 * (len(edges) - 1) / (edges[-1] - edges[0])
    assert 420.0 < rpm < 560.0
    assert rig.t_s - 5.0 <= edges[0] <= edges[-1] <= rig.t_s
    assert rig.buses.gpio.falling_edges(20) == []


def test_heat_reaches_the_thermometer_within_seconds_and_the_liquid_within_minutes() -> None:
    rig = Rig()
    rig.buses.pwm.set_duty(18, 30.0, hz=16)
    rig.wait(15.0)
    assert rig.world.board_celsius() > 24.0
    assert rig.world.snapshot().liquid_celsius < 23.0
    rig.wait(1800.0)
    assert rig.world.snapshot().liquid_celsius > 30.0


def test_a_half_second_of_heat_counts_half() -> None:
    whole, half = Rig(), Rig()
    for rig, seconds in ((whole, 10.0), (half, 5.25)):
        rig.buses.pwm.set_duty(18, 100.0, hz=16)
        rig.t_s += seconds
        rig.buses.pwm.set_duty(18, 0.0, hz=16)
        rig.wait(20.75 + 10.0 - seconds)
    warmed = [rig.world.snapshot().liquid_celsius - 22.0 for rig in (whole, half)]
    assert warmed[1] / warmed[0] == pytest.approx(0.525, rel=0.15)


# ---- faults


def test_a_stalled_fan_stalls_for_its_time() -> None:
    rig = Rig(Scenario(spread=0.0, faults=(Fault("stalled_fan", 60.0, 120.0),)))
    rig.buses.pwm.set_duty(17, 40.0, hz=200)
    rig.wait(50.0)
    assert rig.world.snapshot().rpm > 400.0
    rig.wait(40.0)
    assert rig.world.snapshot().rpm == pytest.approx(0.0, abs=1.0)
    rig.wait(60.0)
    assert rig.world.snapshot().rpm > 400.0


@pytest.mark.parametrize(
    ("fault", "pin"),
    [("empty_media_bottle", 13), ("empty_alt_media_bottle", 16), ("blocked_waste", 12)],
)
def test_liquid_does_not_flow_when_it_cannot(fault: str, pin: int) -> None:
    rig = Rig(Scenario(spread=0.0, volume_ml=15.0, efflux_ml=10.0, evaporation_ml_per_h=0.0))
    rig.world.inject(Fault(fault))  # type: ignore[arg-type]
    rig.buses.pwm.set_duty(pin, 100.0, hz=250)
    rig.wait(30.0)
    assert rig.world.snapshot().volume_ml == 15.0
    assert rig.world.snapshot().faults == [fault]


def test_a_weak_pump_and_an_air_bubble() -> None:
    def added(fault: Fault | None) -> float:
        rig = Rig()
        if fault is not None:
            rig.world.inject(fault)
        rig.buses.pwm.set_duty(13, 100.0, hz=250)
        rig.wait(40.0)
        return rig.world.snapshot().media_added_ml

    healthy = added(None)
    assert added(Fault("pump_gain", target="media", value=0.5)) == pytest.approx(healthy / 2, rel=0.03)
    assert added(Fault("pump_gain", target="waste", value=0.5)) == healthy
    assert added(Fault("air_in_line", value=1.0)) == pytest.approx(healthy - 1.0, abs=0.01)


def test_a_vial_that_was_moved_scatters_less_and_the_reference_sees_the_same() -> None:
    rig = Rig()
    rig.buses.i2c.transfer(0x2C, bytes((0, 204)))
    rig.wait(10.0)
    ref, signal = rig.read_volts(0x49), rig.read_volts(0x4A)
    rig.world.inject(Fault("moved_vial", value=0.5))
    rig.wait(2.0)
    assert rig.read_volts(0x49) == pytest.approx(ref, rel=0.02)
    assert rig.read_volts(0x4A) == pytest.approx(signal / 2, rel=0.05)


def test_light_troubles() -> None:
    rig = Rig()
    rig.buses.i2c.transfer(0x2C, bytes((0, 204)))
    rig.wait(10.0)
    ref, signal = rig.read_volts(0x49), rig.read_volts(0x4A)
    rig.world.inject(Fault("saturated_photodiode", target="2", start_s=10.0, end_s=20.0))
    assert rig.read_volts(0x4A) == pytest.approx(2.048)
    assert rig.read_volts(0x49) == pytest.approx(ref, rel=0.01)
    rig.wait(15.0)
    assert rig.read_volts(0x4A) == pytest.approx(signal, rel=0.02)
    rig.world.inject(Fault("ambient_light", value=0.2))
    assert rig.read_volts(0x4A) == pytest.approx(signal + 0.2, rel=0.1)
    rig.world.inject(Fault("ref_drift", start_s=25.0, value=0.1))
    rig.wait(7200.0)
    assert rig.read_volts(0x49) == pytest.approx(0.2 + ref * 1.2214, rel=0.05)


def test_a_dropped_chip_comes_back() -> None:
    from pioreactor.exc import HardwareNotFoundError

    rig = Rig(Scenario(faults=(Fault("i2c_dropout", 10.0, 20.0, target="0x4F"),)))
    assert len(rig.buses.i2c.transfer(0x4F, b"\x00", 2)) == 2
    rig.wait(12.0)
    with pytest.raises(HardwareNotFoundError, match="0x4F"):
        rig.buses.i2c.transfer(0x4F, b"\x00", 2)
    rig.wait(10.0)
    assert len(rig.buses.i2c.transfer(0x4F, b"\x00", 2)) == 2


def test_thermal_troubles() -> None:
    rig = Rig(Scenario(spread=0.0, faults=(Fault("ambient_step", 100.0, value=8.0),)))
    rig.world.inject(Fault("stuck_heater_sensor", 0.0, 50.0))
    rig.buses.pwm.set_duty(18, 50.0, hz=16)
    rig.wait(40.0)
    assert rig.world.board_celsius() == 22.0
    rig.wait(20.0)
    assert rig.world.board_celsius() > 30.0
    rig.world.inject(Fault("dead_heater"))
    rig.wait(8 * 3600.0)
    assert rig.world.snapshot().liquid_celsius == pytest.approx(30.0, abs=0.3)


# ---- scenarios


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_every_named_scenario_runs(scenario: Scenario) -> None:
    check(scenario, scenario.name)
    rig = Rig(scenario)
    rig.buses.pwm.set_duty(17, 30.0, hz=200)
    rig.wait(600.0)
    snapshot = rig.world.snapshot()
    assert snapshot.od == pytest.approx(scenario.start_od, rel=0.2)
    assert snapshot.volume_ml > 10.0


def test_a_scenario_can_be_written_in_yaml(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "based_on: ecoli_batch\nstart_od: 0.5\nambient_celsius: 28\nfaults:\n  - kind: pump_gain\n    target: media\n"
    )
    scenario = find_scenario(str(path))
    assert (scenario.name, scenario.strain, scenario.start_od, scenario.start_celsius) == ("mine", "ecoli", 0.5, 37.0)
    assert scenario.faults == (Fault("pump_gain", target="media"),)


def test_a_scenario_can_be_written_in_ini(tmp_path: Path) -> None:
    path = tmp_path / "mine.ini"
    path.write_text("[scenario]\nstrain = phototroph\nstart_od = 0.2\n[fault.a]\nkind = ambient_step\nstart_s = 60\n")
    scenario = load_scenario(path)
    assert (scenario.strain, scenario.start_od) == ("phototroph", 0.2)
    assert scenario.faults[0].start_s == 60.0


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("start_odd: 1", "start_odd"),
        ("start_od: lots", "start_od"),
        ("start_od: -1", "start_od"),
        ("ambient_celsius: .nan", "ambient_celsius"),
        ("strain: unicorn", "unicorn"),
        ("drug: tea", "tea"),
        ("based_on: nowhere", "nowhere"),
        ("- 1", "mapping"),
        ("a: [", "YAML"),
        ("faults: [{kind: earthquake}]", "earthquake"),
        ("faults: [{kind: i2c_dropout, target: pump}]", "address"),
        ("faults: [{kind: pump_gain, target: coffee}]", "coffee"),
        ("faults: [{kind: stalled_fan, start_s: 5, end_s: 1}]", "ends before"),
    ],
)
def test_a_wrong_scenario_names_file_and_field(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_scenario(path)
    assert "wrong.yaml" in str(caught.value)
    assert reason in str(caught.value)


def test_wrong_ini_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "wrong.ini"
    path.write_text("[scenery]\n")
    with pytest.raises(ConfigurationError, match=r"\[scenario\]"):
        load_scenario(path)
    path.write_text("[scenario]\nstart_od = 1\n[faults]\n")
    with pytest.raises(ConfigurationError, match=r"\[faults\]"):
        load_scenario(path)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_scenario(tmp_path / "none.yaml")
    with pytest.raises(NotFoundError, match="standard"):
        find_scenario("nonesuch")


@pytest.mark.parametrize(
    ("hat", "model", "version"), [("1.0", "pioreactor_20ml", "1.5"), ("2.0", "pioreactor_20ml", "1.5")]
)
def test_impossible_wirings_are_refused(hat: str, model: str, version: str) -> None:
    with pytest.raises(ConfigurationError):
        wiring(hat, model, version)
