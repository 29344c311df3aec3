"""Catalog of the built-in jobs, the only list of them: facts that other processes need without importing a job.

Importing the classes of all jobs takes about twelve times as long as starting Python (`bench/import_costs.py`).
`pio --help`, `pio kill` and the configuration do not wait for that: they read this table, which refers to classes by
name. Anything else about a job stands on its class. A job is added with its module and one entry here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from importlib import import_module
from typing import Final, Literal

from pioreactor.types import ToolClass

ResumePolicy = Literal["resume", "hold", "ask"]


class StopOrder(IntEnum):
    """Order in which jobs are stopped: outputs that move liquid, heat or stir first, lights last."""

    ACTUATORS = 0
    DECISIONS = 1
    LIGHTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """Facts about a job that are known without its class."""

    name: str
    address: str
    """`module:Class`."""
    label: str
    """Name for people, in the UI."""
    summary: str
    """One line for `pio run --help`."""
    stop_order: StopOrder = StopOrder.DECISIONS
    resume_policy: ResumePolicy = "resume"
    """Default of `[resume] <name>`: what happens to the job after a power cut."""
    leader_only: bool = False
    is_service: bool = False
    """Runs from boot, belongs to no experiment, and is neither stopped with all jobs nor resumed."""
    tool: ToolClass = "hazardous"
    """What starting it, or changing its settings, is as a tool of agents."""
    has_options: bool = True
    """Whether `pio run <name>` takes options. Jobs without are started without the parser of the command line."""

    @property
    def config_section(self) -> str:
        return f"{self.name}.config"

    def load(self) -> type:
        """Import and return the class."""
        module, _, attribute = self.address.partition(":")
        found: type = getattr(import_module(module), attribute)
        return found


_SPECS: Final = (
    JobSpec(
        name="stirring",
        address="pioreactor.background_jobs.stirring.job:Stirrer",
        label="Stirring",
        summary="Stir at a speed that is measured and held.",
        tool="reversible",
        stop_order=StopOrder.ACTUATORS,
    ),
    JobSpec(
        name="od_reading",
        address="pioreactor.background_jobs.od_reading.job:ODReader",
        label="Optical density",
        summary="Read optical density.",
        tool="reversible",
    ),
    JobSpec(
        name="growth_rate_calculating",
        address="pioreactor.background_jobs.growth_rate_calculating.job:GrowthRateCalculator",
        label="Growth rate",
        summary="Estimate the growth rate from OD and doses.",
        tool="reversible",
        has_options=False,
    ),
    JobSpec(
        name="temperature_automation",
        address="pioreactor.automations.temperature.base:TemperatureAutomationJob",
        label="Temperature automation",
        summary="Hold or record the temperature.",
        tool="costly",
        stop_order=StopOrder.ACTUATORS,
    ),
    JobSpec(
        name="dosing_automation",
        address="pioreactor.automations.dosing.base:DosingAutomationJob",
        label="Dosing automation",
        summary="Dose by a rule.",
        resume_policy="hold",
    ),
    JobSpec(
        name="led_automation",
        address="pioreactor.automations.led.base:LEDAutomationJob",
        label="LED automation",
        summary="Light the culture by a rule.",
        tool="costly",
        stop_order=StopOrder.LIGHTS,
    ),
    JobSpec(
        name="camera",
        address="pioreactor.background_jobs.camera_job:CameraJob",
        label="Camera",
        summary="Take stills of the vial at an interval.",
        tool="reversible",
    ),
    JobSpec(
        name="monitor",
        address="pioreactor.background_jobs.monitor.job:Monitor",
        label="Monitor",
        summary="Check this unit and forward its records to the leader.",
        is_service=True,
        has_options=False,
    ),
    JobSpec(
        name="mqtt_to_db_streaming",
        address="pioreactor.background_jobs.leader.mqtt_to_db_streaming:MqttToDBStreamer",
        label="Database writer",
        summary="Write records into the leader's database.",
        leader_only=True,
        is_service=True,
        has_options=False,
    ),
    JobSpec(
        name="alarms",
        address="pioreactor.background_jobs.leader.alarm_job:AlarmJob",
        label="Alarms",
        summary="Raise alarms and tell people of them; mqtt_to_db_streaming starts it.",
        leader_only=True,
        is_service=True,
        has_options=False,
    ),
)
"""In the order of the UI and of `pio run --help`."""

JOBS: Final[Mapping[str, JobSpec]] = {spec.name: spec for spec in _SPECS}

_PUMP_OPTIONS: Final = ("ml", "duration", "continuously", "source_of_event")

ACTION_OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "led_intensity": ("A", "B", "C", "D", "source_of_event", "no_log"),
    "add_media": _PUMP_OPTIONS,
    "add_alt_media": _PUMP_OPTIONS,
    "remove_waste": _PUMP_OPTIONS,
    "circulate_media": ("duration", "source_of_event"),
    "circulate_alt_media": ("duration", "source_of_event"),
    "pumps": ("source_of_event", "steps"),
    "od_blank": ("n_samples", "json"),
    "camera_snapshot": ("name", "config", "lens_position", "json"),
    "self_test": ("k", "retry_failed", "list", "json"),
    "calibration_action": ("action", "payload"),
    "stirring_calibration": ("min_dc", "max_dc", "name", "set_active", "overwrite"),
    "experiment_profile": (),
    "export_experiment_data": (
        *(
            "experiment",
            "dataset_name",
            "archive",
            "partition_by_experiment",
            "output",
            "partition_by_unit",
            "start_time",
        ),
        *("end_time", "unit", "format", "json_progress"),
    ),
    "backup_database": ("output", "keep", "backup_to_workers", "force"),
}
"""What `pio run` starts beside jobs, with the options of each as profiles spell them."""

_ACTUATING_PARTS: Final = ("add_", "remove_", "circulate_", "pump", "temperature", "stirring")
"""Parts of the names of actions, and of plugins' jobs, that drive outputs."""


def stop_order_of(name: str) -> StopOrder:
    """Return when a job or an action is stopped; for those that are not in the catalog its name decides."""
    spec = JOBS.get(name)
    if spec is not None:
        return spec.stop_order
    if name.startswith("led_"):
        return StopOrder.LIGHTS
    return StopOrder.ACTUATORS if any(part in name for part in _ACTUATING_PARTS) else StopOrder.DECISIONS


def activities_among(names: Iterable[str]) -> list[str]:
    """Return, of the names of running jobs, those of jobs that do not run from boot; jobs of plugins are among them."""
    return sorted(name for name in names if name not in JOBS or not JOBS[name].is_service)
