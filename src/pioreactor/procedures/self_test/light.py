"""Self-tests of the IR LED and the photodiodes."""

from __future__ import annotations

from statistics import fmean, median, variance

from pioreactor.exc import ConfigurationError
from pioreactor.procedures.self_test.failure import check
from pioreactor.procedures.self_test.fixture import SelfTestFixture, pearson
from pioreactor.procedures.self_test.registry import SelfTest
from pioreactor.types import PdChannel

INTENSITIES = (35.0, 85.0, 75.0, 55.0, 45.0, 65.0, 80.0, 50.0)
"""Percent, in no order: what drifts does not look like what follows."""
READS = 3
RPM = 500.0
ENOUGH = 0.9
AMBIENT_V = 0.080
DARK_READS = 8
DARK_PULSE_PERCENT = 35.0
DARK_V, DARK_VARIANCE = 0.010, 5e-5
REFERENCE_READS = 6
REFERENCE_V = (0.001, 1.0)
REFERENCE_VARIANCE = 1e-2
CYCLES = 8
CYCLE_DUTY = 90.0
SPIN_S = 3.0
SIGNAL_EFFECT, REFERENCE_EFFECT, REFERENCE_SHARE = 0.001, 0.015, 0.75
BLANK_READS = 6
BLANK_EVERY_S = 1.15
BLANK_V = {"45": 0.05, "90": 0.035, "135": 0.15, "180": 3.0}
"""Limits for water. At 45° healthy instruments show 0.034 V and differ by 10 %: 0.035 V would fail every other one."""
MIN_SIGNAL_V = 1e-4
"""A photodiode that sees less than this at full light is not connected, whatever its noise correlates with."""


def test_all_positive_correlations_between_pds_and_leds(fixture: SelfTestFixture) -> None:
    """Each photodiode sees more when the IR LED gives more."""
    channels = fixture.runtime.settings.photodiodes
    seen = _sweep_ir_led(fixture)
    found = {channel: pearson(list(INTENSITIES), volts) for channel, volts in seen.items()}
    follows = [channel for channel, r in found.items() if r >= ENOUGH and max(seen[channel]) > MIN_SIGNAL_V]
    pairs = [[fixture.ir_channel, channel] for channel in follows]
    fixture.action.publish_setting("correlations_between_pds_and_leds", _json(pairs))
    blind = [channel for channel in channels if channel not in follows]
    check(
        not blind,
        "; ".join(
            f"photodiode {channel} ({channels[channel]}) does not follow the IR LED "
            f"(correlation {found[channel]:.2f}, at most {max(seen[channel]):.4f} V)"
            for channel in blind
        ),
        remedy="Check that LED and photodiodes are plugged into the configured channels and sit in their pockets, "
        "and that no other light reaches the vial.",
    )


def _sweep_ir_led(fixture: SelfTestFixture) -> dict[PdChannel, list[float]]:
    """Return the mean signal [V] of each photodiode at each of `INTENSITIES`."""
    seen: dict[PdChannel, list[float]] = {channel: [] for channel in fixture.runtime.settings.photodiodes}
    with fixture.stirring(RPM):
        for intensity in INTENSITIES:
            with fixture.only_light(fixture.ir_channel, intensity):
                reads = [fixture.read_volts() for _ in range(READS)]
            for channel, levels in seen.items():
                levels.append(fmean(read[channel] for read in reads))
    return seen


def test_ambient_light_interference(fixture: SelfTestFixture) -> None:
    """With all LEDs off, it is dark."""
    with fixture.dark():
        volts = fixture.read_volts()
    bright = {channel: level for channel, level in volts.items() if level >= AMBIENT_V}
    check(
        not bright,
        f"with all LEDs off there is light: {_levels(bright)}",
        remedy="Close the cap, and keep sunlight and lamps away from the vial. A level above 3 V means a short circuit "
        "or a broken photodiode.",
    )


def test_dark_offset_correction_is_effective(fixture: SelfTestFixture) -> None:
    """What is subtracted as dark is what the dark shows, also right after light."""
    with fixture.dark():
        offsets = fixture.read_volts()
    with fixture.only_light(fixture.ir_channel, DARK_PULSE_PERCENT):
        fixture.wait(1.0)
    with fixture.dark():
        reads = [fixture.read_volts() for _ in range(DARK_READS)]
    for channel in offsets:
        left = [read[channel] - offsets[channel] for read in reads]
        check(
            abs(fmean(left)) <= DARK_V and variance(left) <= DARK_VARIANCE,
            f"photodiode {channel} shows {fmean(left):.4f} V (variance {variance(left):.1e}) in the dark, "
            "its offset subtracted",
            remedy="Look for light that changes: a lamp, a screen, the sun. Then check the photodiode's cable.",
        )


def test_REF_is_lower_than_0_dot_256_volts(fixture: SelfTestFixture) -> None:  # noqa: N802  the published name
    """The reference photodiode sees the IR LED, neither hardly nor too well."""
    channel = _reference(fixture)
    with fixture.only_light(fixture.ir_channel, fixture.ir_percent):
        volts = [fixture.read_volts({channel: "REF"})[channel] for _ in range(REFERENCE_READS)]
    low, high = REFERENCE_V
    check(
        low <= fmean(volts) <= high,
        f"the reference photodiode shows {fmean(volts):.4f} V at {fixture.ir_percent:g} %, not {low:g}–{high:g} V",
        remedy="Check that the reference photodiode and the IR LED are plugged in and in their pockets. "
        "Too much light: lower the IR intensity.",
    )
    check(
        variance(volts) < REFERENCE_VARIANCE,
        f"the reference photodiode is noisy (variance {variance(volts):.1e} V²)",
        remedy="Check the cables of the reference photodiode and of the IR LED.",
    )


def test_REF_is_in_correct_position(fixture: SelfTestFixture) -> None:  # noqa: N802  the published name
    """Stirring moves what the signal photodiodes see, and leaves the reference alone."""
    channel = _reference(fixture)
    seen: dict[PdChannel, list[float]] = {c: [] for c in fixture.runtime.settings.photodiodes}
    with fixture.fan() as fan, fixture.only_light(fixture.ir_channel, fixture.ir_percent):
        for _ in range(CYCLES):
            for duty in (CYCLE_DUTY, 0.0, 0.0):
                fan.set_duty(duty)
                fixture.wait(SPIN_S)
                for each, level in fixture.read_volts().items():
                    seen[each].append(level)
    effects = {c: stirring_effect(levels) for c, levels in seen.items()}
    reference = effects.pop(channel)
    signal = max(effects.values(), default=0.0)
    check(
        reference < SIGNAL_EFFECT or (reference <= REFERENCE_EFFECT and reference <= REFERENCE_SHARE * signal),
        f"the reference photodiode sees the stirring ({100 * reference:.2f} %, the others {100 * signal:.2f} %)",
        remedy="The reference photodiode seems to look at the culture: check which pocket it is in, and "
        "[od_config.photodiode_channel].",
    )
    check(
        signal >= SIGNAL_EFFECT,
        f"no photodiode sees the stirring (at most {100 * signal:.2f} %)",
        remedy="Put a vial with liquid and a stir bar into the reactor; check that the bar turns.",
    )


def test_PD_is_near_0_volts_for_blank(fixture: SelfTestFixture) -> None:  # noqa: N802  the published name
    """With water in the vial little light is scattered."""
    with fixture.only_light(fixture.ir_channel, fixture.ir_percent):
        reads = []
        for _ in range(BLANK_READS):
            reads.append(fixture.read_volts(fixture.signal_channels))
            fixture.wait(BLANK_EVERY_S)
    for channel, angle in fixture.signal_channels.items():
        level = fmean(read[channel] for read in reads)
        limit = BLANK_V.get(angle, 0.15)
        check(
            level <= limit,
            f"photodiode {channel} ({angle}°) shows {level:.3f} V, more than {limit:g} V for water",
            remedy="Use a clean vial of water without scratches or drops on its wall; check the photodiode's angle.",
        )


def stirring_effect(levels: list[float]) -> float:
    """Return how much stirring changes a level, as a share of it, beyond what changes while all is still.

    `levels` [V] come in threes: stirred, still, still. Medians, so that a bubble counts for nothing.
    """
    cycles = [levels[k : k + 3] for k in range(0, len(levels), 3)]
    typical = median(level for cycle in cycles for level in cycle[1:])
    if typical <= MIN_SIGNAL_V:
        return 0.0
    changes = median(abs(stirred - still) for stirred, still, _ in cycles)
    unrest = median(abs(still - again) for _, still, again in cycles)
    return max(0.0, changes - unrest) / typical


def _reference(fixture: SelfTestFixture) -> PdChannel:
    channel = fixture.reference_channel
    if channel is None:
        raise ConfigurationError(
            "no photodiode is configured as REF", remedy="Set one channel to REF in [od_config.photodiode_channel]."
        )
    return channel


def _levels(volts: dict[PdChannel, float]) -> str:
    return ", ".join(f"photodiode {channel} shows {level:.3f} V" for channel, level in volts.items())


def _json(value: object) -> str:
    import json

    return json.dumps(value)


TESTS: list[SelfTest] = [
    test_all_positive_correlations_between_pds_and_leds,
    test_ambient_light_interference,
    test_dark_offset_correction_is_effective,
    test_REF_is_lower_than_0_dot_256_volts,
    test_REF_is_in_correct_position,
    test_PD_is_near_0_volts_for_blank,
]
