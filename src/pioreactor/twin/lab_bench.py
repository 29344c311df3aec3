"""Lab bench of a simulated reactor: manual operations applied to its world."""

import random
from dataclasses import replace

from pioreactor.devices.lab_bench import LabBenchState
from pioreactor.exc import InvalidRequestError
from pioreactor.twin.culture import Culture
from pioreactor.twin.vessel import Vessel, Vial
from pioreactor.twin.world import World

DENSEST_OD = 200.0
SMALLEST_ML = 1.0
LENS_STOP_TURNS = 3.0
"""The lens of a simulated camera turns this far on both sides of its focus."""


class Standard(Culture):
    """Cells that stay as they are: a suspension of known OD600 without food, cold enough not to change."""

    def step(self, dt_h: float, *, oxygen_transfer_per_h: float) -> None:
        """Do nothing: a standard does not grow while it is read."""

    def mutate(self, volume_ml: float) -> None:
        """Do nothing."""


class TwinLabBench:
    """Standards, the culture's place while it is out of the reactor, and a cup. One for each world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._aside: Vial | None = None
        self._standard_od: float | None = None

    @property
    def culture(self) -> Vial:
        """The vial with the culture, in the reactor or aside."""
        world = self._world
        return self._aside if self._aside is not None else Vial(world.culture, world.vessel, world.thermal.liquid)

    def state(self) -> LabBenchState:
        world = self._world
        world.settle_flow()
        return LabBenchState(
            vial="culture" if self._aside is None else "standard",
            standard_od=self._standard_od,
            volume_ml=round(world.vessel.volume_ml, 3),
            tubes="cup" if world.tubes_in_cup else "vial",
            cup_ml=round(world.cup_ml, 3),
            lens_turns=world.lens_turns,
        )

    def place_standard(self, od: float, volume_ml: float | None = None) -> LabBenchState:
        world = self._world
        usual = world.vessel if self._aside is None else self._aside.vessel
        filled_ml = usual.volume_ml if volume_ml is None else volume_ml
        if not 0.0 <= od <= DENSEST_OD:
            raise InvalidRequestError(f"a standard has an OD600 of 0 to {DENSEST_OD:g}, not {od:g}")
        if not SMALLEST_ML <= filled_ml <= usual.capacity_ml:
            raise InvalidRequestError(f"the vial holds {SMALLEST_ML:g} to {usual.capacity_ml:g} mL, not {filled_ml:g}")
        strain = replace(world.culture.strain, feed_g_l=0.0)
        standard = Standard(strain, density_g_l=od / strain.od_per_g_l, rng=random.Random(0))
        vessel = Vessel(filled_ml, usual.capacity_ml, usual.efflux_ml)
        taken_out = world.exchange(Vial(standard, vessel, world.thermal.ambient))
        if self._aside is None:
            self._aside = taken_out
        self._standard_od = od
        return self.state()

    def return_culture(self) -> LabBenchState:
        culture, self._aside = self._aside, None
        self._standard_od = None
        if culture is not None:
            self._world.exchange(culture)
        return self.state()

    def tare(self) -> LabBenchState:
        self._world.route_tubes(into_cup=True)
        self._world.cup_ml = 0.0
        return self.state()

    def return_tubes(self) -> LabBenchState:
        self._world.route_tubes(into_cup=False)
        return self.state()

    def turn_lens(self, turns: float) -> LabBenchState:
        if not -LENS_STOP_TURNS <= turns <= LENS_STOP_TURNS:
            raise InvalidRequestError(
                f"the lens turns from -{LENS_STOP_TURNS:g} to {LENS_STOP_TURNS:g}, not to {turns:g}"
            )
        self._world.lens_turns = turns
        return self.state()
