"""Measures what each photodiode shows without a culture, to be subtracted from an experiment's readings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from statistics import fmean, variance

from pioreactor import topics
from pioreactor.background_jobs.od_reading.job import start_od_reading
from pioreactor.background_jobs.stirring.job import start_stirring
from pioreactor.exc import HardwareError, InvalidRequestError
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.procedures.exclusive_run import OD_READING, STIRRING, is_running, refuse_while_running, trial_experiment
from pioreactor.procedures.od_standard import forget_reference
from pioreactor.runtime import context
from pioreactor.types import PdChannel

JOB_NAME = "od_blank"
CACHE = "od_blank"
INTERVAL_S = 1.5
RPM = 500.0
LONGEST_SETTLING_S = 40.0
DEFAULT_SAMPLES = 30
FEWEST_SAMPLES = 6
TRIMMED = 2
"""Number of extreme readings dropped at each end: bubbles cause them."""


def trimmed_mean(values: Sequence[float], cut: int = TRIMMED) -> float:
    """Return the mean without the smallest and the largest `cut` values."""
    kept = sorted(values)[cut : len(values) - cut]
    return fmean(kept)


def trimmed_variance_around_line(values: Sequence[float], cut: int = TRIMMED) -> float:
    """Return the variance of what a straight line through the values leaves, without extremes: drift is no noise."""
    middle = (len(values) - 1) / 2
    mean = fmean(values)
    spread = sum((k - middle) ** 2 for k in range(len(values)))
    slope = sum((k - middle) * (value - mean) for k, value in enumerate(values)) / spread
    residuals = sorted(value - mean - slope * (k - middle) for k, value in enumerate(values))
    return variance(residuals[cut : len(residuals) - cut])


def measure_blank(n_samples: int = DEFAULT_SAMPLES) -> dict[PdChannel, float]:
    """Read, keep and return the mean of each photodiode [V relative to the reference] for the unit's experiment.

    Raise `ReactorInUseError` while OD reading runs, `HardwareError` when readings stop coming.
    """
    if n_samples < FEWEST_SAMPLES:
        raise InvalidRequestError(f"a blank needs {FEWEST_SAMPLES} or more samples, not {n_samples}")
    runtime = context.current()
    refuse_while_running(runtime, [OD_READING], what="the blank")
    experiment = runtime.identity.experiment()
    trial = trial_experiment(runtime)
    forget_reference(runtime)
    with managed_lifecycle(runtime.unit, experiment, JOB_NAME, exclusive=True) as action, ExitStack() as jobs:
        if not is_running(runtime, STIRRING):
            stirrer = jobs.enter_context(start_stirring(RPM, experiment=trial))
            stirrer.block_until_rpm_is_close_to_target(timeout=LONGEST_SETTLING_S)
        reader = jobs.enter_context(start_od_reading(interval=INTERVAL_S, experiment=trial, calibrated=False))
        action.publish_setting("percent_progress", 0.0)
        volts: dict[PdChannel, list[float]] = {}
        for number, readings in enumerate(islice(reader, n_samples), 1):
            for channel, reading in readings.ods.items():
                volts.setdefault(channel, []).append(reading.od)
            action.publish_setting("percent_progress", round(100 * number / n_samples, 1))
            action.sleep(0.0)
        if not volts or min(len(values) for values in volts.values()) < n_samples:
            raise HardwareError("OD reading ended before the blank was measured", remedy="See the log: pio logs")
        means = {channel: round(trimmed_mean(values), 10) for channel, values in volts.items()}
        variances = {channel: trimmed_variance_around_line(values) for channel, values in volts.items()}
        runtime.stores.persistent(CACHE).set(experiment, json.dumps(means))
        action.publish_setting("means", json.dumps(means))
        action.publish_setting("variances", json.dumps(variances))
        _forget_what_was_retained(action, trial)
    return means


def _forget_what_was_retained(action: managed_lifecycle, trial: str) -> None:
    """Leave nothing of the trial at the broker: its experiment is none that anybody looks at."""
    for name in ("first_od_obs_time", "ods", *(f"od{channel}" for channel in range(1, 5))):
        action.publish(topics.setting(action.unit, trial, OD_READING, name), None, retain=True)


def delete_blank(experiment: str | None = None) -> bool:
    """Forget the blank of an experiment (default: the unit's), at the broker too; return whether there was one."""
    runtime = context.current()
    which = experiment if experiment is not None else runtime.identity.experiment()
    with managed_lifecycle(runtime.unit, which, JOB_NAME, exclusive=True) as action:
        was_there = runtime.stores.persistent(CACHE).pop(which) is not None
        for name in ("means", "variances"):
            action.publish(topics.setting(action.unit, which, JOB_NAME, name), None, retain=True)
    return was_there
