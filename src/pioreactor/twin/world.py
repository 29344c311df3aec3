"""One simulated reactor: parts that share the same liquid, advanced by a clock in steps of one second.

Physics moves on a fixed grid of whole seconds counted from the world's beginning; what is switched (a pump, the
heater, an LED) takes effect at its exact moment in between. Reading never changes the state: two runs with
the same seed and commands have identical results, however often instruments are read.
"""

import math
import random
from collections.abc import Callable
from dataclasses import replace

from pioreactor.twin.culture import STRAINS, Culture, Strain
from pioreactor.twin.drugs import DRUGS
from pioreactor.twin.fan import EdgeReader, Fan
from pioreactor.twin.faults import Fault, Faults, address_of, strength
from pioreactor.twin.noise import Noise
from pioreactor.twin.optics import AMBIENT_V, ANGLE_CURVES, Optics, Photodiode, ReadingNoise, Scene
from pioreactor.twin.pumps import Pump
from pioreactor.twin.scenarios import Scenario
from pioreactor.twin.snapshot import Snapshot
from pioreactor.twin.thermal import THERMAL_SETS, Thermal, ThermalSet
from pioreactor.twin.vessel import Vessel, Vial
from pioreactor.twin.wiring import TwinWiring

STEP_H = 1.0 / 3600.0
LEVELS_EVERY = 5
"""Slow conditions (load, temperature factor, light) are taken anew every so many seconds."""
EVOLVE_EVERY = 60
PUMPS = ("media", "alt_media", "waste")
RAIL_VOLTS = 12.0


def _spread_thermal(constants: ThermalSet, rng: random.Random, spread: float) -> ThermalSet:
    """Give one unit its own conductances: +-15 % lognormal each."""

    def vary(value: float) -> float:
        return value * math.exp(0.15 * spread * rng.gauss(0.0, 1.0))

    return replace(
        constants,
        board_wall_w_k=vary(constants.board_wall_w_k),
        wall_liquid_w_k=vary(constants.wall_liquid_w_k),
        board_air_w_k=vary(constants.board_air_w_k),
        wall_air_w_k=vary(constants.wall_air_w_k),
        liquid_air_w_k=vary(constants.liquid_air_w_k),
    )


def _strain_of(scenario: Scenario) -> Strain:
    strain = STRAINS[scenario.strain]
    return replace(
        strain,
        lag_h=scenario.lag_h if scenario.lag_h is not None else strain.lag_h,
        mu_max_per_h=scenario.mu_max_per_h if scenario.mu_max_per_h is not None else strain.mu_max_per_h,
        feed_g_l=scenario.feed_g_l if scenario.feed_g_l is not None else strain.feed_g_l,
    )


def _vessel_of(scenario: Scenario, capacity_ml: float) -> Vessel:
    usual = 15.0 if capacity_ml <= 20.0 else 30.0
    volume = scenario.volume_ml if scenario.volume_ml is not None else usual
    efflux = scenario.efflux_ml if scenario.efflux_ml is not None else volume
    return Vessel(min(volume, capacity_ml), capacity_ml, efflux)


class World:
    """A vial and everything around it. `now_s` gives monotonic seconds; the world begins when it is made."""

    def __init__(self, scenario: Scenario, wires: TwinWiring, *, seed: int, now_s: Callable[[], float]) -> None:
        self.scenario = scenario
        self.wires = wires
        self.seed = seed
        self.now_s = now_s
        self.epoch_s = now_s()
        self.next_grid_s = self.epoch_s + 1.0
        self.tick = 0
        self.outputs: dict[str, float] = {}
        self.button_pressed = False
        self.indicator_lit = False
        self.tubes_in_cup = False
        self.cup_ml = 0.0
        self.lens_turns = 0.0
        self._build(scenario, wires, seed)
        self.faults = Faults(scenario.faults)
        self.dropped_addresses: frozenset[int] = frozenset()
        self.active_faults: list[Fault] = []
        self._stuck_celsius: float | None = None
        self._heater_gain = 1.0
        self._heat_sum = 0.0
        self._heat_since_s = 0.0
        self._rpm = 0.0
        self._seen = self.culture.scattering_mg_ml
        self._settled = 1.0
        self._apply_faults(0.0)
        self._update_slow_conditions(0.0)
        self._show()

    # ---- making

    def _build(self, scenario: Scenario, wires: TwinWiring, seed: int) -> None:
        spread = scenario.spread
        parts = random.Random(f"{seed}/parts")

        def varied(ln_sd: float) -> float:
            return math.exp(ln_sd * spread * parts.gauss(0.0, 1.0))

        strain = _strain_of(scenario)
        self.alt_media_drug_ug_ml = scenario.alt_media_drug_ug_ml
        """What is in the bottle of alternative media now; set when the bottle is changed."""
        self.culture = Culture(
            strain,
            density_g_l=scenario.start_od / strain.od_per_g_l,
            drug=DRUGS[scenario.drug],
            rng=random.Random(f"{seed}/evolution"),
        )
        self.vessel = _vessel_of(scenario, wires.capacity_ml)
        self.pumps = {
            name: Pump(random.Random(f"{seed}/pump/{name}"), gain=varied(0.08), cv=0.03 * min(1.0, 2.0 * spread))
            for name in PUMPS
        }
        start = scenario.start_celsius if scenario.start_celsius is not None else scenario.ambient_celsius
        constants = _spread_thermal(THERMAL_SETS[wires.thermal], parts, spread)
        self.thermal = Thermal(constants, start_celsius=start, ambient_celsius=scenario.ambient_celsius)
        self.fan = Fan(Noise(seed, "fan"), gain=varied(0.05))
        noise = ReadingNoise(
            scenario.noise_cv, scenario.wander_cv, scenario.noise_growth_per_h, scenario.shocks, scenario.bubbles
        )
        self.optics = Optics(seed, mains_hz=scenario.mains_hz, hum=scenario.hum, noise=noise)
        self.optics.ir_channel = next((led for led, role in wires.led_roles.items() if role == "IR"), "")
        self.optics.uv_channels = tuple(led for led, role in wires.led_roles.items() if role == "UV")
        self.photodiodes: dict[str, Photodiode] = {}
        for channel, angle in wires.angles.items():
            gain = varied(0.1 if angle == "REF" else ANGLE_CURVES[angle].unit_ln_sd)
            phase = parts.uniform(0.0, 2.0 * math.pi)
            self.photodiodes[channel] = Photodiode(self.optics, channel, angle, gain=gain, phase=phase)
        self._thermometer_offset = 0.25 * spread * parts.uniform(-1.0, 1.0)
        self._thermometer_noise = Noise(seed, "thermometer")

    # ---- time

    def continue_from(self, t_s: int) -> None:
        """Let it be `t_s` since the beginning now; faults that were due by then are there. Call it before anything."""
        self.tick = t_s
        self.epoch_s = self.now_s() - t_s
        self.next_grid_s = self.epoch_s + t_s + 1.0
        self._heat_since_s = float(t_s)
        self._apply_faults(float(t_s))
        self._update_slow_conditions(float(t_s))

    def advance(self) -> float:
        """Bring physics up to now and return world time [s since the beginning]."""
        now = self.now_s()
        if now >= self.next_grid_s:
            self.advance_to(now)
        return now - self.epoch_s

    def advance_to(self, t_s: float) -> None:
        """Bring physics up to a monotonic moment; a moment in the past changes nothing."""
        while t_s >= self.next_grid_s:
            self._step()

    def _step(self) -> None:
        end = self.tick + 1.0
        self._flow_to(end)
        heat = self._heat_sum + self.outputs.get("heating", 0.0) * (end - self._heat_since_s)
        self._heat_sum, self._heat_since_s = 0.0, end
        volume = self.vessel.volume_ml
        self.thermal.step(heat * self._heater_gain, volume)
        rpm = self._rpm
        transfer = 3.0 + 57.0 * (rpm / 500.0) ** 1.5 * 14.0 / max(volume, 5.0) if rpm > 1.0 else 3.0
        self.culture.step(STEP_H, oxygen_transfer_per_h=transfer)
        self.tick += 1
        self.next_grid_s = self.epoch_s + self.tick + 1
        if self.faults.is_due(end):
            self._apply_faults(end)
        if self.tick % LEVELS_EVERY == 0:
            self._update_slow_conditions(end)
        self._rpm = self.fan.rpm(end)
        self._mix()
        self._show()

    def _mix(self) -> None:
        """Let what the light path sees follow the liquid: quickly when stirred, slowly when not; cells settle."""
        density = self.culture.scattering_mg_ml
        if 100.0 < self._rpm < 1900.0:
            self._seen += (density - self._seen) * 0.2835
            self._settled += (1.0 - self._settled) * 0.2835
        else:
            self._seen += (density - self._seen) * 0.0247
            self._settled = max(0.8, self._settled * 0.9994)

    def _show(self) -> None:
        self.optics.scene = Scene(
            self.tick, self._seen * self._settled, self._rpm, self.thermal.wall, self.vessel.volume_ml
        )

    def _update_slow_conditions(self, at_s: float) -> None:
        """Update slow conditions: stirring load, evaporation, growth's temperature and light, evolution."""
        liquid = self.thermal.liquid
        volume = self.vessel.volume_ml
        filling = volume * 20.0 / self.vessel.capacity_ml
        load = 1.0 + 0.02 * (filling - 10.0) + 0.003 * (37.0 - liquid)
        self.fan.set_conditions(at_s, load=max(0.7, load), number=self.tick // LEVELS_EVERY)
        self.culture.set_temperature(liquid)
        span_h = LEVELS_EVERY * STEP_H
        if at_s > 0.0:
            light, uv = self.optics.growth_light(at_s)
            self.culture.set_light(light, uv_fraction=uv, duration_h=span_h)
            vapour = math.exp(0.06 * (liquid - 37.0))
            lost = self.scenario.evaporation_ml_per_h * vapour * span_h
            if lost > 0.0:
                self.culture.concentrate(self.vessel.evaporate(lost))
        if self.tick % EVOLVE_EVERY == 0 and self.culture.drug.steps:
            self.culture.mutate(volume)

    # ---- liquid

    def _flow_to(self, at_s: float) -> None:
        """Move the liquid that the running pumps have pumped since the last call."""
        for name, pump in self.pumps.items():
            if pump.duty_percent > 0.0:
                volume = pump.flow_until(at_s)
                if volume > 0.0:
                    self._move(name, volume)

    def _move(self, name: str, volume_ml: float) -> None:
        if self.tubes_in_cup:
            self.cup_ml += volume_ml
            return
        if name == "waste":
            self.vessel.remove(volume_ml)
            return
        scenario, alt = self.scenario, name == "alt_media"
        kept = self.vessel.add(volume_ml, alt=alt)
        feed = self.culture.strain.feed_g_l
        if alt and scenario.alt_feed_g_l is not None:
            feed = scenario.alt_feed_g_l
        self.culture.dilute(kept, feed_g_l=feed, drug_ug_ml=self.alt_media_drug_ug_ml if alt else 0.0)
        inflow = scenario.media_celsius if scenario.media_celsius is not None else self.thermal.ambient
        self.thermal.mix(kept, inflow)

    def settle_flow(self) -> None:
        """Let everything that was pumped until this moment have arrived."""
        self._flow_to(self.advance())

    # ---- manual operations

    def route_tubes(self, *, into_cup: bool) -> None:
        """Lay the tubes of all pumps into the cup, or back to the vial."""
        self.settle_flow()
        self.tubes_in_cup = into_cup

    def exchange(self, vial: Vial) -> Vial:
        """Put a vial in, freshly shaken, and return the one that was there."""
        self.settle_flow()
        taken_out = Vial(self.culture, self.vessel, self.thermal.liquid)
        self.culture, self.vessel, self.thermal.liquid = vial.culture, vial.vessel, vial.celsius
        self._seen, self._settled = self.culture.scattering_mg_ml, 1.0
        self._show()
        return taken_out

    # ---- instruments and outputs

    def set_output(self, role: str, duty_percent: float, *, hz: float) -> None:
        """Drive an output by its role; a role without physics just keeps its duty."""
        at_s = self.advance()
        duty = min(100.0, max(0.0, float(duty_percent)))
        if role == "heating":
            self._heat_sum += self.outputs.get("heating", 0.0) * (at_s - self._heat_since_s)
            self._heat_since_s = at_s
        elif role == "stirring":
            if duty != self.fan.duty_percent:
                self.fan.set_duty(duty, at_s)
        elif role in self.pumps:
            self._flow_to(at_s)
            self.pumps[role].set_duty(duty, hz, at_s)
        self.outputs[role] = duty

    def set_led(self, channel: str, fraction: float) -> None:
        """Drive LED A–D at a fraction 0–1 of full scale."""
        self.optics.set_led(channel, min(1.0, max(0.0, fraction)), self.advance())

    def board_celsius(self) -> float:
        """Return what the thermometer on the heater board shows, before it is cut to its resolution."""
        at_s = self.advance()
        if self._stuck_celsius is not None:
            return self._stuck_celsius
        since = at_s - self.tick
        board = self.thermal.board + since * self.thermal.board_rate(self.outputs.get("heating", 0.0))
        return board + self._thermometer_offset + 0.03 * self._thermometer_noise.gauss(int(at_s / 0.0275))

    def rail_volts(self) -> float:
        """Return the voltage of the PWM rail, which sags a little under load."""
        load = sum(self.outputs.values())
        return RAIL_VOLTS - 0.0015 * load

    def edge_reader(self) -> EdgeReader:
        """Return a new listener on the Hall sensor, in world time."""
        return EdgeReader(self.fan)

    def foam_mm(self) -> float:
        """Return the height of the foam: what stirring folds into a dense culture, and what a fault adds."""
        self.advance()
        stirred = max(0.0, self._rpm / 1000.0 - 0.6)
        added = sum(strength(fault) for fault in self.active_faults if fault.kind == "foam")
        return added + 4.0 * stirred * min(1.0, self.culture.od / 3.0)

    # ---- faults and true state

    def inject(self, fault: Fault) -> None:
        """Add a fault; its times count from the start of the world."""
        at_s = self.advance()
        self.faults.add(fault)
        self._apply_faults(at_s)

    def _apply_faults(self, at_s: float) -> None:
        """Reset every part, then apply the active faults."""
        self.active_faults = self.faults.active(at_s)
        was_stalled, self.fan.stalled = self.fan.stalled, False
        for pump in self.pumps.values():
            pump.fault_gain = 1.0
        for photodiode in self.photodiodes.values():
            photodiode.saturated = False
        scenario, optics = self.scenario, self.optics
        optics.ref_gain = optics.ir_gain = optics.vial_gain = 1.0
        optics.ambient_v, optics.hum, optics.bubbles = AMBIENT_V, scenario.hum, scenario.bubbles
        self.thermal.ambient = scenario.ambient_celsius
        self._heater_gain = 1.0
        self.dropped_addresses = frozenset(address_of(f) for f in self.active_faults if f.kind == "i2c_dropout")
        stuck, self._stuck_celsius = self._stuck_celsius, None
        for fault in self.active_faults:
            self._break(fault, at_s, stuck)
        if self.fan.stalled != was_stalled:
            self.fan.set_duty(self.fan.duty_percent, at_s)

    def _break(self, fault: Fault, at_s: float, stuck: float | None) -> None:
        optics, value = self.optics, strength(fault)
        match fault.kind:
            case "stalled_fan":
                self.fan.stalled = True
            case "empty_media_bottle" | "empty_alt_media_bottle" | "blocked_waste" | "pump_gain" | "air_in_line":
                self._break_pump(fault, at_s)
            case "saturated_photodiode":
                for channel, photodiode in self.photodiodes.items():
                    photodiode.saturated |= fault.target in ("", channel)
            case "stuck_heater_sensor":
                kept = stuck if stuck is not None else self.thermal.board
                self._stuck_celsius = fault.value if fault.value is not None else kept
            case "ambient_step":
                self.thermal.ambient += value
            case "dead_heater":
                self._heater_gain = 0.0
            case _:
                _disturb_light(optics, fault, at_s)

    def _break_pump(self, fault: Fault, at_s: float) -> None:
        match fault.kind:
            case "empty_media_bottle":
                self.pumps["media"].fault_gain = 0.0
            case "empty_alt_media_bottle":
                self.pumps["alt_media"].fault_gain = 0.0
            case "blocked_waste":
                self.pumps["waste"].fault_gain = 0.0
            case "air_in_line":
                if at_s - fault.start_s < 1.0:
                    self.pumps[fault.target or "media"].air_ml = strength(fault)
            case _:
                for name, pump in self.pumps.items():
                    if fault.target in ("", name):
                        pump.fault_gain *= strength(fault)

    def snapshot(self) -> Snapshot:
        """Return the true state at the last whole second."""
        self.advance()
        culture, vessel, thermal = self.culture, self.vessel, self.thermal
        return Snapshot(
            t_s=float(self.tick),
            od=culture.od,
            density_g_l=culture.total_g_l,
            growth_rate_per_h=culture.growth_rate_per_h,
            volume_ml=vessel.volume_ml,
            alt_media_fraction=vessel.alt_fraction,
            first_substrate_g_l=culture.first_g_l,
            second_substrate_g_l=culture.second_g_l,
            oxygen_mg_l=culture.oxygen_mg_l,
            drug_ug_ml=culture.drug_ug_ml,
            ic50_ug_ml=culture.ic50_ug_ml,
            board_celsius=thermal.board,
            wall_celsius=thermal.wall,
            liquid_celsius=thermal.liquid,
            ambient_celsius=thermal.ambient,
            rpm=self._rpm,
            outputs=dict(self.outputs),
            leds={name: level * 100.0 for name, level in self.optics.leds.items()},
            media_added_ml=vessel.media_added_ml,
            alt_media_added_ml=vessel.alt_media_added_ml,
            waste_removed_ml=vessel.waste_removed_ml,
            spilled_ml=vessel.spilled_ml,
            pump_wear={name: pump.wear for name, pump in self.pumps.items()},
            faults=[fault.kind for fault in self.active_faults],
        )


def _disturb_light(optics: Optics, fault: Fault, at_s: float) -> None:
    value = strength(fault)
    match fault.kind:
        case "ref_drift":
            optics.ref_gain *= math.exp(value * (at_s - fault.start_s) / 3600.0)
        case "dim_ir_led":
            optics.ir_gain *= value
        case "moved_vial":
            optics.vial_gain *= value
        case "ambient_light":
            optics.ambient_v += value
        case "mains_hum":
            optics.hum = value
        case "bubbles":
            optics.bubbles = value
        case _:
            pass
