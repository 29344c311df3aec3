"""Reads standards of known density: stir, read the photodiodes several times, average."""

from __future__ import annotations

from statistics import fmean
from typing import Any

from pioreactor.background_jobs.od_reading.job import ODReader, start_od_reading
from pioreactor.background_jobs.stirring.job import Stirrer, start_stirring
from pioreactor.calibrations.sessions.actions import Payload, register_calibration_action
from pioreactor.exc import ConfigurationError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.procedures.exclusive_run import OD_READING, STIRRING, refuse_while_running, trial_experiment
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime
from pioreactor.types import PdChannel

WARM_UP_READINGS = 3
WARM_UP_EVERY_S = 1.0
READINGS = 3
READ_EVERY_S = 3.0
RPM_TOLERANCE = 120.0
LONGEST_SETTLING_S = 40.0
REFERENCE_CACHE = "ir_led_reference_normalization"
FUSION_JITTER = (0.9, 1.1, 0.8, 1.2)
"""Speeds of the samples of one fusion standard, as shares of the chosen one: swirls differ, and average out."""
JOB_NAME = "od_standard"


def numeric_intensity(runtime: Runtime) -> float:
    """Return the configured intensity of the IR LED [%]; raise `ConfigurationError` when it is `auto`."""
    intensity = runtime.settings.od_reading.ir_led_intensity
    if isinstance(intensity, str):
        raise ConfigurationError(
            "a calibration holds at one intensity of the IR LED, and it is configured as auto",
            remedy="Set a number, for example 80: [od_reading.config] ir_led_intensity=80",
        )
    return float(intensity)


def refuse_unless_free(runtime: Runtime) -> None:
    """Raise `ReactorInUseError` while stirring or OD reading runs."""
    refuse_while_running(runtime, [OD_READING, STIRRING], what="the calibration")


def forget_reference(runtime: Runtime) -> None:
    """Have the next trial take its own first reference reading; later readings of one session then share it."""
    runtime.stores.persistent(REFERENCE_CACHE).pop(trial_experiment(runtime))


def measure_standard(rpm: float) -> dict[PdChannel, float]:
    """Stir and return the mean reading of each photodiode [V relative to the reference]."""
    return sample_standard([rpm])[0]


def sample_standard(speeds_rpm: list[float]) -> list[dict[PdChannel, float]]:
    """Return one averaged reading per photodiode at each of these speeds. Everything is off afterwards."""
    runtime = context.current()
    refuse_unless_free(runtime)
    experiment = trial_experiment(runtime)
    samples = []
    with (
        managed_lifecycle(runtime.unit, experiment, JOB_NAME, exclusive=True) as action,
        start_stirring(speeds_rpm[0], experiment=experiment) as stirrer,
        start_od_reading(
            interval=None, experiment=experiment, ir_led_intensity=numeric_intensity(runtime), calibrated=False
        ) as reader,
    ):
        for rpm in speeds_rpm:
            _settle(action, stirrer, rpm)
            samples.append(_read(action, reader))
    return samples


def _settle(action: managed_lifecycle, stirrer: Stirrer, rpm: float) -> None:
    if stirrer.target_rpm != rpm:
        stirrer.apply("target_rpm", rpm)
        action.sleep(1.0)
    if rpm > 0 and not stirrer.block_until_rpm_is_close_to_target(RPM_TOLERANCE, LONGEST_SETTLING_S):
        action.logger.warning("The bar does not reach %.0f RPM; reading all the same.", rpm)


def _read(action: managed_lifecycle, reader: ODReader) -> dict[PdChannel, float]:
    for _ in range(WARM_UP_READINGS):
        reader.record()
        action.sleep(WARM_UP_EVERY_S)
    readings = []
    for _ in range(READINGS):
        readings.append({channel: reading.od for channel, reading in reader.record().ods.items()})
        action.sleep(READ_EVERY_S)
    return {channel: fmean(reading[channel] for reading in readings) for channel in readings[0]}


def _perform(payload: Payload) -> dict[str, Any]:
    return {"readings": measure_standard(float(payload["rpm"]))}


def _perform_fusion(payload: Payload) -> dict[str, Any]:
    """Return samples by angle; several photodiodes of one angle are averaged."""
    runtime = context.current()
    angles = {channel: angle for channel, angle in runtime.settings.photodiodes.items() if angle != "REF"}
    rpm = float(payload["rpm"])
    samples = []
    for sample in sample_standard([round(rpm * share, 1) for share in FUSION_JITTER]):
        by_angle: dict[str, list[float]] = {}
        for channel, reading in sample.items():
            by_angle.setdefault(angles[channel], []).append(reading)
        samples.append({angle: fmean(readings) for angle, readings in by_angle.items()})
    return {"samples": samples}


register_calibration_action("od_standards_measure", _perform)
register_calibration_action("od_fusion_standard_observation", _perform_fusion)
