"""A simulated reactor inside the process that uses it: for readings without hardware, and without a cluster."""

from dataclasses import replace
from functools import lru_cache

from pioreactor.devices.board import load_board
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.rig import open_rig
from pioreactor.runtime.context import Runtime
from pioreactor.twin.buses import open_buses
from pioreactor.twin.scenarios import find_scenario
from pioreactor.twin.vial_camera import SimulatedCamera
from pioreactor.twin.wiring import wiring
from pioreactor.twin.world import World

HAT = "1.2"
STIRRING_DUTY_PERCENT = 30.0
STIRRING_HZ = 200.0


def with_in_process_reactor(runtime: Runtime, *, scenario: str = "standard") -> Runtime:
    """Return a runtime like this one, on a reactor that begins now, is stirred, and ends with the process.

    Nothing that it drives is known to the unit's real outputs, and nothing of theirs to it.
    """
    model = runtime.model()
    world = World(
        find_scenario(scenario),
        wiring(HAT, model.model_name, model.model_version),
        seed=runtime.pid,
        now_s=runtime.clock.monotonic,
    )
    world.set_output("stirring", STIRRING_DUTY_PERCENT, hz=STIRRING_HZ)
    board = load_board(None, hat_version=HAT, model_name=model.model_name, model_version=model.model_version)
    ownership = MemoryOwnership()
    roles = runtime.settings.pwm_channel_of
    rig = lru_cache(maxsize=1)(
        lambda: open_rig(board, open_buses(world), runtime.clock, ownership, pwm_roles=roles, hat_present=True)
    )
    return replace(runtime, open_rig=rig, ownership=ownership, open_camera=lambda: SimulatedCamera(world))
