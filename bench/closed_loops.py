"""Closed loops on simulated reactors, judged against the truth that no instrument shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, pstdev

import msgspec
from msgspec.structs import replace

from pioreactor.background_jobs.growth_rate_calculating import GrowthRateCalculator
from pioreactor.background_jobs.od_reading import start_od_reading
from pioreactor.background_jobs.stirring import start_stirring
from pioreactor.calibrations import store
from pioreactor.calibrations.curves import AkimaFitData
from pioreactor.calibrations.models import ODCalibration
from pioreactor.runtime import context
from pioreactor.science.curves.fitting import akima_fit
from pioreactor.testing.simulation import EXPERIMENT, Bench
from pioreactor.twin.faults import Fault
from pioreactor.twin.optics import ANGLE_CURVES, ReadingNoise
from pioreactor.twin.scenarios import Scenario, find_scenario

BEST_CELSIUS = {"ecoli": 37.0, "yeast": 30.0}
SECONDS_PER_HOUR = 3600.0


def plant(
    strain: str = "ecoli",
    *,
    growth_per_h: float = 0.8,
    noise_cv: float = 0.0055,
    bubbles: float = 0.0,
    pump_gain: float = 1.0,
    start_od: float = 0.5,
    volume_ml: float = 14.0,
    spread: float = 0.5,
    faults: Sequence[Fault] = (),
) -> Scenario:
    """Return a warm, growing culture; `pump_gain` is what the media pump delivers of what it should."""
    base = find_scenario("ecoli_turbidostat" if strain == "ecoli" else "standard")
    celsius = BEST_CELSIUS[strain]
    return replace(
        base,
        start_od=start_od,
        lag_h=0.0,
        mu_max_per_h=growth_per_h,
        noise_cv=noise_cv,
        bubbles=bubbles,
        volume_ml=volume_ml,
        efflux_ml=volume_ml,
        start_celsius=celsius,
        ambient_celsius=celsius,
        media_celsius=celsius,
        spread=spread,
        faults=(Fault("pump_gain", target="media", value=pump_gain), *faults),
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """The truth at one time [s since the world began]."""

    t_s: float
    scattering_mg_ml: float
    """Density as the photodiodes see it."""
    growth_per_h: float
    volume_ml: float
    media_added_ml: float
    drug_ug_ml: float
    ic50_ug_ml: float
    od: float


@dataclass(frozen=True, slots=True)
class Score:
    """How well a density was held."""

    mean_over_target: float
    sd: float
    within_2_percent: float
    media_ml_per_h: float
    growth_per_h: float
    highest_volume_ml: float


def observe(bench: Bench, *, interval_s: float = 5.0, warm_up_s: float = 300.0, measures_speed: bool = True) -> None:
    """Stir, read optical density and estimate growth, until normalized OD is known."""
    bench.start(lambda: start_stirring(500, use_rpm=measures_speed))
    bench.wait(30.0)
    bench.start(lambda: start_od_reading(interval=interval_s))
    bench.start(lambda: GrowthRateCalculator("unit1", EXPERIMENT))
    bench.wait(warm_up_s)


def now(bench: Bench) -> Moment:
    world = bench.unit.world
    truth = world.snapshot()
    return Moment(
        truth.t_s,
        world.culture.scattering_mg_ml,
        truth.growth_rate_per_h,
        truth.volume_ml,
        truth.media_added_ml + truth.alt_media_added_ml,
        truth.drug_ug_ml,
        truth.ic50_ug_ml,
        truth.od,
    )


def watch(bench: Bench, hours: float, *, every_s: float = 10.0, keep: Sequence[str] = ()) -> list[Moment]:
    """Let hours pass and return the truth; messages are dropped meanwhile but logs and those whose topic holds `keep`.

    A simulated day has hundreds of thousands of them.
    """
    kept = ("/logs/", "latest_event", *keep)
    moments = []
    for number in range(round(hours * SECONDS_PER_HOUR / every_s)):
        bench.wait(every_s)
        moments.append(now(bench))
        if number % 30 == 0:
            bench.messages[:] = [m for m in bench.messages if any(part in m.topic for part in kept)]
    return moments


def equivalent_density(bench: Bench, relative_od: float, *, norm: float, readings: int = 15) -> float:
    """Return the density [mg/mL] of which a reading without noise would be `relative_od` · `norm`. Ends the noise."""
    optics = bench.unit.world.optics
    optics.noise, optics.bubbles = ReadingNoise(0.0), 0.0
    curve = ANGLE_CURVES["90"]
    bench.wait(60.0)
    ratios: list[float] = []
    while len(ratios) < readings:
        bench.messages.clear()
        bench.wait(5.0)
        for reading in bench.decoded("od_reading/od2"):
            ratios.append(reading["od"] / curve.volts(bench.unit.world.optics.scene.density_mg_ml))
    wanted = relative_od * norm / median(ratios)
    low, high = 0.0, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if curve.volts(middle) < wanted else (low, middle)
    return high


def norm_of(bench: Bench) -> float:
    """Return the reading of photodiode 2 that counts as a normalized OD of 1."""
    stored = bench.unit.runtime.stores.persistent("od_normalization_mean").get(EXPERIMENT)
    assert isinstance(stored, str | bytes)
    return msgspec.json.decode(stored, type=dict[str, float])["2"]


def score(moments: Sequence[Moment], target_mg_ml: float) -> Score:
    ratios = [moment.scattering_mg_ml / target_mg_ml for moment in moments]
    hours = (moments[-1].t_s - moments[0].t_s) / SECONDS_PER_HOUR
    return Score(
        fmean(ratios),
        pstdev(ratios),
        sum(abs(ratio - 1) <= 0.02 for ratio in ratios) / len(ratios),
        (moments[-1].media_added_ml - moments[0].media_added_ml) / hours,
        fmean(moment.growth_per_h for moment in moments),
        max(moment.volume_ml for moment in moments),
    )


def calibrate_od(bench: Bench, *, highest_od: float = 8.0) -> None:
    """Give photodiode 2 (90°) a calibration that is right for growing cells on this plant; the light must be free."""
    runtime = bench.unit.runtime
    strain = bench.unit.world.culture.strain
    with context.using(runtime), start_od_reading(interval=None) as reader:
        readings = [reader.record().ods["2"] for _ in range(20)]
    curve = ANGLE_CURVES["90"]
    gain = median(r.od for r in readings) / curve.volts(bench.unit.world.optics.scene.density_mg_ml)
    per_od = strain.cross_section * (1.0 + strain.size_gain) / strain.od_per_g_l
    ods = [highest_od * (k / 40) ** 2 for k in range(41)]
    volts = [gain * curve.volts(od * per_od) for od in ods]
    calibration = ODCalibration(
        calibration_name="twin",
        calibrated_on_pioreactor_unit=runtime.unit,
        created_at=runtime.clock.now(),
        curve_data_=AkimaFitData(*akima_fit(ods, volts)),
        recorded_data={"x": ods, "y": volts},
        ir_led_intensity=readings[0].ir_led_intensity,
        angle="90",
        pd_channel="2",
    )
    store.save(runtime, "od90", calibration)
    store.set_active(runtime, "od90", "twin")
