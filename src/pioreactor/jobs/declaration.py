"""Declarations on the class of a job, which are readable without an instance."""

from __future__ import annotations

import re
from typing import ClassVar

from pioreactor.alarms.rules import AlarmRule
from pioreactor.job_catalog import JOBS, JobSpec, stop_order_of
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import AnySetting, install_declared, published_of, settings_of
from pioreactor.jobs.start_option import StartOption
from pioreactor.types import PublishableSetting

_JOB_NAME = re.compile(r"[a-z][a-z0-9_]*")
FORBIDDEN_NAMES = frozenset({"run", "dosing_events", "leds", "led_change_events", "unit_label", "pwm", "assignment"})
"""Levels of topics that are not jobs."""


class JobDeclaration:
    """Class attributes of a job, and what follows from them."""

    job_name: ClassVar[str] = ""
    published_settings: ClassVar[dict[str, PublishableSetting]] = {}
    needs_active_worker: ClassVar[bool] = True
    is_long_running: ClassVar[bool] = False
    start_options: ClassVar[tuple[StartOption, ...]] = ()
    """Options of `pio run` besides the settings."""
    alarm_rules: ClassVar[tuple[AlarmRule, ...]] = ()
    """What about this job is an alarm by default; people change it in the panel or in the configuration."""
    experiment_caches: ClassVar[tuple[str, ...]] = ()
    """Persistent caches with an entry per experiment, which `pio run <job> clear_cache` clears."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        install_declared(cls)

    @classmethod
    def published(cls) -> dict[str, AnyAttribute]:
        """Return all published attributes by name: settings, measurements and states."""
        return published_of(cls)

    @classmethod
    def settings(cls) -> dict[str, AnySetting]:
        """Return the settings by name."""
        return settings_of(cls)

    @classmethod
    def measurements(cls) -> dict[str, Measurement[object]]:
        """Return the measurements by name."""
        return {name: value for name, value in published_of(cls).items() if isinstance(value, Measurement)}

    @classmethod
    def spec(cls) -> JobSpec:
        """Return the catalog's entry of this job, or one derived from the class for a job of a plugin."""
        if cls.__module__.startswith("pioreactor.") and cls.job_name in JOBS:
            return JOBS[cls.job_name]
        return JobSpec(
            name=cls.job_name,
            address=f"{cls.__module__}:{cls.__qualname__}",
            label=cls.job_name.replace("_", " ").capitalize(),
            summary=cls.description(),
            stop_order=stop_order_of(cls.job_name),
            is_service=cls.is_long_running,
        )

    @classmethod
    def description(cls) -> str:
        """Return the first paragraph of the docstring as plain text; empty if there is none."""
        doc = cls.__doc__ if cls.__doc__ is not None else ""
        return " ".join(doc.strip().split("\n\n")[0].split()).replace("`", "")

    @classmethod
    def check_name(cls) -> None:
        """Raise `ValueError` if `job_name` cannot be the name of a job."""
        name = cls.job_name
        if not _JOB_NAME.fullmatch(name) or name in FORBIDDEN_NAMES:
            raise ValueError(
                f"{cls.__name__}.job_name must be lower-case letters, digits and underscores and none of "
                f"{', '.join(sorted(FORBIDDEN_NAMES))}; it is {name!r}"
            )
