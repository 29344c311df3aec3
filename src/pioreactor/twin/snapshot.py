"""True state of a world at one moment, for tests, plots and teaching."""

import msgspec


class Snapshot(msgspec.Struct, frozen=True):
    """State at the last whole second of the world."""

    t_s: float
    od: float
    density_g_l: float
    growth_rate_per_h: float
    volume_ml: float
    alt_media_fraction: float
    first_substrate_g_l: float
    second_substrate_g_l: float
    oxygen_mg_l: float
    drug_ug_ml: float
    ic50_ug_ml: float
    board_celsius: float
    wall_celsius: float
    liquid_celsius: float
    ambient_celsius: float
    rpm: float
    outputs: dict[str, float]
    leds: dict[str, float]
    media_added_ml: float
    alt_media_added_ml: float
    waste_removed_ml: float
    spilled_ml: float
    pump_wear: dict[str, float]
    faults: list[str]
