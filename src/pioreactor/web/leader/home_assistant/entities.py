"""What a unit publishes, as entities of Home Assistant, from the declarations of jobs and recorded quantities."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

from pioreactor.job_catalog import JOBS
from pioreactor.jobs.published_attribute import AnyAttribute
from pioreactor.jobs.settings import AnySetting, Setting
from pioreactor.measurements import MeasurementSpec
from pioreactor.states import JobState
from pioreactor.types import PublishableSettingDataType
from pioreactor.web.ports import Catalog, Kind

_TOPIC_OF_A_JOB: Final = re.compile(r"([^/+#]+)/([^/+#]*?(\d*))")
_SCALARS: Final = frozenset({"float", "integer", "boolean", "string"})


@dataclass(frozen=True, slots=True)
class Entity:
    """One value of a unit.

    `field` is the field of a JSON payload; `setting` is None for what cannot be set; `is_shown` is whether Home
    Assistant shows it before a person asks for it.
    """

    job: str
    name: str
    label: str
    datatype: PublishableSettingDataType
    unit: str | None = None
    field: str | None = None
    setting: AnySetting | None = None
    options: tuple[str, ...] = ()
    is_shown: bool = True

    @property
    def belongs_to_experiment(self) -> bool:
        """Whether its topic has the name of an experiment; services run outside of experiments."""
        return self.job not in JOBS or not JOBS[self.job].is_service

    @property
    def is_of_leader(self) -> bool:
        """Whether only the leader runs the job."""
        return self.job in JOBS and JOBS[self.job].leader_only

    @property
    def depends_on_its_job(self) -> bool:
        """Whether there is a value only while the job runs; the volumes of the vial belong to none."""
        return self.name != "state" and self.job not in ("bioreactor", "monitor")

    @property
    def has_control(self) -> bool:
        """Whether Home Assistant has something to set it with; for text it has not."""
        return self.datatype != "string" or self.options != ()

    @property
    def key(self) -> str:
        """Name that is unique on its unit."""
        return f"{self.job}_{self.name}" + (f"_{self.field}" if self.field is not None else "")


def entities_of(catalog: Catalog, quantities: Sequence[MeasurementSpec]) -> list[Entity]:
    """Return the entities of a unit; the same for all units."""
    measured = [entity for spec in quantities for entity in _of_quantity(spec)]
    found = {one.key: one for one in (*_of_automations(catalog), *_of_jobs(catalog), *measured)}
    return [one for one in found.values() if not one.is_of_leader]


def _of_quantity(spec: MeasurementSpec) -> Iterator[Entity]:
    """Yield a sensor for each topic of a quantity that is a time series."""
    if spec.series is None:
        return
    column = spec.table.column(spec.series.column)
    for match in filter(None, map(_TOPIC_OF_A_JOB.fullmatch, spec.topics)):
        number = match[3] if spec.series.channel is not None else ""
        label, field = f"{spec.label} {number}".rstrip(), spec.payload_field(column.name)
        yield Entity(match[1], match[2], label, "float", column.unit, field)


def _of_jobs(catalog: Catalog) -> Iterator[Entity]:
    for job in catalog.jobs():
        states = tuple(state.value for state in JobState)
        label = f"{job.display_name}, state"
        yield Entity(job.job_name, "state", label, "string", options=states, is_shown=job.display)
        for attribute in job.published.values():
            if getattr(attribute, "quantity", None) is None:  # else it is a recorded quantity
                yield from _of_attribute(job.job_name, attribute, is_shown=True)


def _of_automations(catalog: Catalog) -> Iterator[Entity]:
    """Yield what automations publish: only one of a kind runs on a unit, so a person chooses what is shown."""
    for kind in get_args(Kind):
        for automation in catalog.automations(cast(Kind, kind)):
            for attribute in automation.published.values():
                yield from _of_attribute(f"{kind}_automation", attribute, is_shown=False)


def _of_attribute(job: str, attribute: AnyAttribute, *, is_shown: bool) -> Iterator[Entity]:
    if attribute.label is None or not attribute.display or attribute.datatype not in _SCALARS:
        return
    setting = attribute if isinstance(attribute, Setting) else None
    options = tuple(setting.choices) if setting is not None and setting.choices is not None else ()
    yield Entity(
        *(job, attribute.name, attribute.label, attribute.datatype, attribute.unit, None),
        *(setting, options, is_shown),
    )
