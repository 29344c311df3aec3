"""The vial of a simulated reactor in a file, so that it outlives the process that simulates it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from pioreactor.private_files import write_atomically
from pioreactor.twin.culture import CultureState
from pioreactor.twin.lab_bench import TwinLabBench
from pioreactor.twin.vessel import Vessel, Vial
from pioreactor.twin.world import PUMPS, World

NotNegative = Annotated[float, Meta(ge=0.0)]


class KeptVial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is in the vial, how warm it is, and how far the world has come. `scenario` and `seed` say of which world."""

    scenario: str
    seed: int
    t_s: Annotated[int, Meta(ge=0)]
    culture: CultureState
    vessel: Vessel
    celsius: Annotated[float, Meta(ge=-20.0, le=150.0)]
    pump_hours: dict[str, NotNegative]


class VialFile:
    """Keeps the vial of one world. A culture that a person has put aside is kept, not the standard in its place."""

    def __init__(self, path: Path, world: World, bench: TwinLabBench) -> None:
        self._path = path
        self._world = world
        self._bench = bench
        self._kept_s = -1

    def restore(self) -> bool:
        """Put the kept vial into the world, which continues where it was; return whether there is one of this world.

        A file that cannot be read is left as it is until the next `keep`, and said on the error output.
        """
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=KeptVial)
        except FileNotFoundError:
            return False
        except (OSError, msgspec.DecodeError) as error:
            sys.stderr.write(f"{self._path} cannot be read, so the simulated vial is a new one: {error}\n")
            return False
        world, vessel = self._world, kept.vessel
        of = (kept.scenario, kept.seed, vessel.capacity_ml)
        if of != (world.scenario.name, world.seed, world.vessel.capacity_ml):
            return False
        if not 0.0 <= vessel.volume_ml <= vessel.capacity_ml:
            sys.stderr.write(f"{self._path} holds {vessel.volume_ml:g} mL, so the simulated vial is a new one\n")
            return False
        world.continue_from(kept.t_s)
        world.culture.restore(kept.culture)
        world.exchange(Vial(world.culture, kept.vessel, kept.celsius))
        for name in PUMPS:
            world.pumps[name].running_h = kept.pump_hours.get(name, 0.0)
        return True

    def keep(self, *, every_s: int = 1) -> None:
        """Write the vial if the world is at least so many seconds further than when it was written last."""
        world = self._world
        if world.tick - self._kept_s < every_s:
            return
        self._kept_s = world.tick
        vial = self._bench.culture
        kept = KeptVial(
            scenario=world.scenario.name,
            seed=world.seed,
            t_s=world.tick,
            culture=vial.culture.state(),
            vessel=vial.vessel,
            celsius=vial.celsius,
            pump_hours={name: pump.running_h for name, pump in world.pumps.items()},
        )
        try:
            write_atomically(self._path, msgspec.json.encode(kept))
        except OSError as error:
            # A full disk ends no reactor: what was kept before stands.
            sys.stderr.write(f"the simulated vial was not kept in {self._path}: {error}\n")
