"""The twin's speed, and how far it lies from real recordings. Run `python -m bench.twin` from the project's root.

The recordings are looked for in `../shared/science/data` (or where `--data` says); without them only speed is measured.
"""

import argparse
import csv
import json
import math
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pioreactor.twin.buses import open_buses
from pioreactor.twin.culture import STRAINS, Culture
from pioreactor.twin.drugs import DRUGS
from pioreactor.twin.optics import ANGLE_CURVES, Optics, Photodiode, ReadingNoise, Scene
from pioreactor.twin.scenarios import SCENARIOS, Scenario
from pioreactor.twin.thermal import THERMAL_SETS, Thermal
from pioreactor.twin.vessel import Vessel
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World

DATA = Path(__file__).parents[2] / "shared" / "science" / "data"
ROOM_CELSIUS = 22.0
DAY_S = 86400
# The published regression of the reference software: liquid temperature from duty and 21 samples of a decay.
INTERCEPT = -6.171633633597331
COEFFICIENTS = (
    -13.7221255, 150.807347, 15.280857, -71.7124615, -81.5352596, -58.2053398, -84.9915201, -36.97293,
    -0.0851994806, 11.263567, 33.7434235, 33.6348041, 42.5731033, 67.2551219, 83.7883314, 62.9508694,
    49.5735854, 18.6594862, 0.312848519, -38.2815596, -56.2834504, -92.784094, -7.62113224, 8.18877406,
)  # fmt: skip


class Hand:
    """A clock turned by hand."""

    t_s = 0.0

    def __call__(self) -> float:
        return self.t_s


def reactor(scenario: Scenario | str = "standard") -> tuple[World, Hand]:
    clock = Hand()
    chosen = SCENARIOS[scenario] if isinstance(scenario, str) else scenario
    return World(chosen, wiring(), seed=1, now_s=clock), clock


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


# ---- speed


def physics_alone() -> tuple[float, int]:
    world, clock = reactor()
    world.set_output("stirring", 40.0, hz=200)
    world.set_output("heating", 20.0, hz=16)

    def day() -> None:
        clock.t_s += DAY_S
        world.advance()

    return timed(day), DAY_S


def day_of_readings() -> tuple[float, int]:
    """17,280 readings of two ADS1114, 40 samples each, spread over 0.85 s: 1.4 million transfers."""
    world, clock = reactor()
    buses = open_buses(world)
    buses.pwm.set_duty(17, 40.0, hz=200)
    transfer = buses.i2c.transfer
    for address in (0x49, 0x4A):
        transfer(address, b"\x01\x04\x83")
    offsets = [0.021 * k for k in range(40)]

    def day() -> None:
        for reading in range(17280):
            began = 5.0 * reading
            transfer(0x2C, b"\x00\xcc")
            for offset in offsets:
                clock.t_s = began + offset
                transfer(0x49, b"\x00", 2)
                transfer(0x4A, b"\x00", 2)
            transfer(0x2C, b"\x00\x00")

    return timed(day), 17280 * 82


def single_shots() -> tuple[float, int]:
    """HAT 1.0: each sample is started, polled and read."""
    clock = Hand()
    world = World(SCENARIOS["standard"], wiring("1.0", "pioreactor_20ml", "1.1"), seed=1, now_s=clock)
    transfer = open_buses(world).i2c.transfer
    samples = 50_000

    def work() -> None:
        for _ in range(samples):
            transfer(0x48, b"\x01\xc5\x83")
            clock.t_s += 1 / 128
            transfer(0x48, b"\x01", 2)
            transfer(0x48, b"\x00", 2)

    return timed(work), 3 * samples


def report_speed() -> None:
    print("speed (this machine, one core)")
    spent, steps = physics_alone()
    print(f"  physics step of 1 s           {spent / steps * 1e6:7.2f} us   a day in {spent:.2f} s   (aim <= 25 us)")
    whole, transfers = day_of_readings()
    alone = (whole - spent) / transfers * 1e6
    print(f"  day of OD readings            {whole:7.2f} s    {transfers} transfers")
    print(f"  transfer, physics included    {whole / transfers * 1e6:7.2f} us")
    print(f"  transfer, physics taken off   {alone:7.2f} us   (aim <= 4 us)")
    spent, transfers = single_shots()
    print(f"  transfer of an ADS1115        {spent / transfers * 1e6:7.2f} us   (start, poll, read)")


# ---- thermal


def decay_basis(generation: str, points: int, volume_ml: float) -> np.ndarray:
    """Board temperature every 5 s after the heater is off, per degree of board, wall and liquid above the room."""
    columns = []
    for node in ("board", "wall", "liquid"):
        thermal = Thermal(THERMAL_SETS[generation], start_celsius=0.0, ambient_celsius=0.0)
        setattr(thermal, node, 1.0)
        column = []
        for second in range(5 * points):
            if second % 5 == 0:
                column.append(thermal.board)
            thermal.step(0.0, volume_ml)
        columns.append(column)
    return np.array(columns).T


def thermal_row(generation: str, duty: float, decay: Sequence[float]) -> tuple[float, float, float]:
    """Return rms residual, liquid temperature and the duty the model needs, for the best three start temperatures."""
    basis = decay_basis(generation, len(decay), 15.0)
    seen = np.array(decay) - ROOM_CELSIUS
    start, *_ = np.linalg.lstsq(basis, seen, rcond=None)
    rms = float(np.sqrt(np.mean((basis @ start - seen) ** 2)))
    k = THERMAL_SETS[generation]
    power = k.board_wall_w_k * (start[0] - start[1]) + k.board_air_w_k * start[0]
    return rms, ROOM_CELSIUS + float(start[2]), 100.0 * float(power) / k.heater_w if duty > 0 else 0.0


def report_thermal(path: Path) -> None:
    print(f"\n{path.name}: decays of the heater board, free start temperatures, room {ROOM_CELSIUS:g} °C")
    print("  model  recording                                     rms °C   liquid °C   duty %: needed / recorded")
    found: dict[str, list[float]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in list(csv.reader(file))[1:]:
            generation = "1.0" if row[0] == "1_0" else "1.1"
            duty = float(row[2])
            rms, liquid, needed = thermal_row(generation, duty, [float(x) for x in row[3:] if x])
            found[generation].append(rms)
            print(f"  {generation}    {row[1][5:]:44s} {rms:7.3f} {liquid:10.2f} {needed:12.1f} / {duty:.1f}")
    for generation, residuals in found.items():
        print(
            f"  model {generation}: {len(residuals)} decays, "
            f"rms median {statistics.median(residuals):.3f} °C, largest {max(residuals):.3f} °C"
        )


def infer_liquid(duty: float, decay: Sequence[float]) -> float:
    features = [duty / 35.0, *(t / 35.0 for t in decay)]
    features += [(decay[0] / 35.0) ** 2, decay[19] / 35.0 * duty / 35.0]
    return INTERCEPT + sum(c * f for c, f in zip(COEFFICIENTS, features, strict=True))


def report_inference() -> None:
    """The reference's regression, made on real reactors, must find the twin's liquid temperature."""
    errors: dict[str, list[float]] = {"first sample": [], "last sample": []}
    for duty in range(4, 33, 2):
        thermal = Thermal(THERMAL_SETS["1.1"], start_celsius=30.0, ambient_celsius=ROOM_CELSIUS)
        for _ in range(20000):
            thermal.step(float(duty), 15.0)
        before = thermal.liquid
        decay = []
        for second in range(101):
            if second % 5 == 0:
                decay.append(thermal.board)
            thermal.step(0.0, 15.0)
        if 26.0 <= before <= 42.0:
            inferred = infer_liquid(float(duty), decay)
            errors["first sample"].append(inferred - before)
            errors["last sample"].append(inferred - thermal.liquid)
    print("  the reference's 24-coefficient inference on the twin, steady states 26–42 °C, error against the liquid")
    for moment, found in errors.items():
        print(f"    at the {moment} of the decay: {min(found):+.2f} … {max(found):+.2f} °C")


# ---- optics


def report_angles(path: Path) -> None:
    print(f"\n{path.name}: median of instruments and trials against the twin's curves")
    seen: dict[tuple[str, float], list[float]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["angle"] in ("45", "90", "135"):
                seen[row["angle"], float(row["concentration_mg_ml"])].append(float(row["od_reading"]))
    for angle in ("45", "90", "135"):
        residuals = {
            c: math.log(ANGLE_CURVES[angle].volts(c) / statistics.median(values))
            for (a, c), values in seen.items()
            if a == angle
        }
        rms = math.sqrt(statistics.fmean(r * r for r in residuals.values()))
        worst = max(residuals, key=lambda c: abs(residuals[c]))
        print(f"  {angle:>3}°: ln-residual rms {rms:.3f}, largest {residuals[worst]:+.3f} at {worst:g} mg/mL")


def fit_hum(times: Sequence[float], values: Sequence[float], hz: float) -> tuple[float, float, float]:
    """Return mean, amplitude and residual sd of `C + b sin + c cos`."""
    t, y = np.array(times), np.array(values)
    basis = np.column_stack((np.ones_like(t), np.sin(2 * np.pi * hz * t), np.cos(2 * np.pi * hz * t)))
    solution, *_ = np.linalg.lstsq(basis, y, rcond=None)
    residual = y - basis @ solution
    spread = float(np.sqrt(residual @ residual / max(1, len(y) - 3)))
    return float(solution[0]), float(np.hypot(solution[1], solution[2])), spread


def report_bursts(path: Path) -> None:
    print(f"\n{path.name}: mains hum, then the twin's burst at the same times with the same level and hum")
    print("  burst   mean counts   hum %: real / twin   residual sd counts: real / twin")
    bursts: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            bursts[row["test"]].append((float(row["t_s"]), float(row["raw"])))
    for number, burst in enumerate(bursts.values(), start=1):
        times, raw = [t for t, _ in burst], [y for _, y in burst]
        fits = {hz: fit_hum(times, raw, hz) for hz in (50.0, 60.0)}
        hz = min(fits, key=lambda f: fits[f][2])
        mean, amplitude, spread = fits[hz]
        optics = Optics(number, mains_hz=hz, hum=amplitude / mean, noise=ReadingNoise(0.0))
        optics.scene = Scene(0, 0.5, 0.0, 25.0, 15.0)
        optics.set_led("A", 0.8, -10.0)
        photodiode = Photodiode(optics, "2", "90", gain=1.0, phase=0.3)
        volts = [photodiode.volts(t, i) for i, t in enumerate(times)]
        level = statistics.fmean(volts)
        twin = fit_hum(times, [round(v * mean / level) for v in volts], hz)
        print(
            f"  {number} {hz:g} Hz {mean:10.1f} {100 * amplitude / mean:12.2f} / {100 * twin[1] / twin[0]:.2f}"
            f" {spread:18.2f} / {twin[2]:.2f}"
        )


def report_batch(path: Path) -> None:
    """Noise of readings: sd of the second difference of ln OD, in windows of 30 min."""
    with path.open(newline="") as file:
        real = [float(row["od_reading"]) for row in csv.DictReader(file)]
    windows = [noise_of(real[i : i + 360]) for i in range(0, len(real) - 360, 360)]
    print(f"\n{path.name}: reading noise, {len(windows)} windows of 30 min")
    first, middle, largest = (100 * w for w in (windows[0], statistics.median(windows), max(windows)))
    print(f"  real  first {first:.2f} %, median {middle:.2f} %, largest {largest:.2f} %")
    world, clock = reactor(Scenario(start_od=0.5))
    buses = open_buses(world)
    buses.pwm.set_duty(17, 30.0, hz=200)
    buses.i2c.transfer(0x2C, b"\x00\xcc")
    buses.i2c.transfer(0x4A, b"\x01\x08\x83")
    twin = []
    for reading in range(720):
        samples = []
        for k in range(40):
            clock.t_s = 5.0 * (reading + 2) + 0.021 * k
            samples.append(int.from_bytes(buses.i2c.transfer(0x4A, b"\x00", 2), "big", signed=True))
        twin.append(statistics.fmean(samples))
    print(f"  twin  standard scenario, one hour: {100 * noise_of(twin):.2f} %")


def noise_of(values: Sequence[float]) -> float:
    logs = [math.log(v) for v in values]
    bends = [a - 2 * b + c for a, b, c in zip(logs, logs[1:], logs[2:], strict=False)]
    return 1.4826 * statistics.median(abs(b) for b in bends) / math.sqrt(6)


def report_warm_up() -> None:
    """Heater at 90 % of its duty from a cold start, until the liquid has 36.5 °C."""
    print("\nwarm-up of 15 mL from 22 to 36.5 °C, heating 95 s of every 200 s at 90 %")
    for generation, constants in THERMAL_SETS.items():
        thermal = Thermal(constants, start_celsius=22.0, ambient_celsius=22.0)
        seconds = 0
        while thermal.liquid < 36.5 and seconds < 20000:
            thermal.step(90.0 if seconds % 200 < 95 else 0.0, 15.0)
            seconds += 1
        print(
            f"  model {generation}: {seconds / 60:.0f} min" if seconds < 20000 else f"  model {generation}: not reached"
        )


def report_evolution() -> None:
    """Toprak's morbidostat: every 12 min 1 mL into 12 mL, drug when OD > 0.15 and growth is faster than dilution."""
    print("\nmorbidostat of 22 days, rule of Toprak 2012")
    for name in ("trimethoprim", "chloramphenicol", "doxycycline"):
        began = time.perf_counter()
        strain = replace(STRAINS["ecoli"], mu_max_per_h=0.75, lag_h=0.0)
        culture = Culture(strain, density_g_l=0.1 / strain.od_per_g_l, drug=DRUGS[name], rng=random.Random(1))
        culture.set_temperature(strain.temperature_optimum)
        vessel = Vessel(12.0, 20.0, 12.0)
        stock, before, ods, leader, takeovers = 5.0, culture.od, [], 0, []
        for cycle in range(22 * 120):
            for _ in range(20):
                culture.step(0.01, oxygen_transfer_per_h=60.0)
            culture.mutate(vessel.volume_ml)
            drugged = culture.od > 0.15 and math.log(culture.od / before) / 0.2 > 0.40
            kept = vessel.add(1.0, alt=drugged)
            culture.dilute(kept, feed_g_l=strain.feed_g_l, drug_ug_ml=stock if drugged else 0.0)
            vessel.remove(1.0)
            stock *= 5.0 if culture.drug_ug_ml > 0.6 * stock else 1.0
            before = culture.od
            ods.append(before)
            strongest = max(range(len(culture.genotypes)), key=culture.genotypes.__getitem__)
            if strongest > leader:
                leader = strongest
                takeovers.append(f"{cycle / 120:.1f}")
        settled = sorted(ods[120:])
        low, high = settled[len(settled) // 20], settled[-len(settled) // 20]
        print(
            f"  {name:16s} IC50 x {culture.ic50_ug_ml:7.1f}, OD {low:.2f}–{high:.2f} (90 %), "
            f"takeovers on day {', '.join(takeovers)}; {time.perf_counter() - began:.1f} s"
        )


def check_constants(folder: Path) -> None:
    """The parameters in the code are those that were fitted."""
    fitted = json.loads((folder / "thermal_v11.json").read_text())
    k = THERMAL_SETS["1.1"]
    ours: tuple[float, ...] = (
        k.board_j_k,
        k.board_wall_w_k,
        k.wall_j_k,
        k.wall_liquid_w_k,
        k.board_air_w_k,
        k.wall_air_w_k,
    )
    ours += (k.liquid_air_w_k, k.heater_w)
    same = all(math.isclose(a, b) for a, b in zip(ours, fitted.values(), strict=True))
    curves = json.loads((folder / "optics_fit.json").read_text())
    for angle, values in curves.items():
        c = ANGLE_CURVES[angle]
        same &= all(math.isclose(a, b) for a, b in zip((c.v0, c.a, c.k1, c.b, c.c2, c.c3, c.m), values, strict=True))
    print(
        f"\nthermal_v11.json, optics_fit.json: {'the code has these values' if same else 'THE CODE HAS OTHER VALUES'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--no-speed", action="store_true")
    options = parser.parse_args()
    if not options.no_speed:
        report_speed()
    report_warm_up()
    report_evolution()
    if not options.data.is_dir():
        print("\nno recordings here: the shared folder with science/data is absent, residuals are not measured")
        return
    report_thermal(options.data / "pioreactor_pcb_temperature_decays.csv")
    report_inference()
    report_angles(options.data / "od_angle_dataset_original.csv")
    report_bursts(options.data / "pioreactor_adc_bursts.csv")
    report_batch(options.data / "pioreactor_batch_15h.csv")
    check_constants(options.data)


if __name__ == "__main__":
    main()
