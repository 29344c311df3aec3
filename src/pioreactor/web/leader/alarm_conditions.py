"""What a rule of alarms can be about: kinds of conditions, and the numbers that units publish."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from litestar import Router, get

from pioreactor import measurements
from pioreactor.alarms.condition_kinds import ConditionKind, condition_kinds
from pioreactor.measurements.spec import MeasurementSpec
from pioreactor.web.leader.services import LeaderPorts
from pioreactor.web.ports import DeclaredJob
from pioreactor.web.security.route_rights import needs


class PublishedNumber(msgspec.Struct, frozen=True):
    """A number that units publish. `topic` follows unit and experiment; `field` is blank for a bare number."""

    topic: str
    field: str
    label: str
    unit: str


class AlarmConditions(msgspec.Struct, frozen=True):
    kinds: list[ConditionKind]
    numbers: list[PublishedNumber]


@get("/alarms/conditions", sync_to_thread=True)
def alarm_conditions(leader: LeaderPorts) -> AlarmConditions:
    """Return the kinds of conditions with their fields, and the published numbers that limits can be about."""
    return AlarmConditions(condition_kinds(), published_numbers(leader.unit.catalog.jobs()))


def published_numbers(jobs: Sequence[DeclaredJob]) -> list[PublishedNumber]:
    """Return recorded quantities first, then what jobs publish besides; each topic and field once."""
    found: dict[tuple[str, str], PublishedNumber] = {}
    for one in (*_recorded(measurements.all_specs()), *_of_jobs(jobs)):
        found.setdefault((one.topic, one.field), one)
    topics = {one.topic for one in found.values() if one.field}
    return [one for one in found.values() if one.field or one.topic not in topics]


def _recorded(specs: Iterable[MeasurementSpec]) -> Iterator[PublishedNumber]:
    for spec in specs:
        for topic in spec.topics:
            if spec.series is not None and not {"+", "#"} & set(topic.split("/")):
                column = spec.table.column(spec.series.column)
                yield PublishedNumber(topic, spec.payload_field(column.name) or "", spec.label, column.unit or "")


def _of_jobs(jobs: Iterable[DeclaredJob]) -> Iterator[PublishedNumber]:
    for job in jobs:
        for name, attribute in job.published.items():
            if attribute.datatype in ("float", "integer"):
                label = f"{job.display_name}, {name.replace('_', ' ')}"
                yield PublishedNumber(f"{job.job_name}/{name}", "", label, attribute.unit or "")


ROUTES = Router("/", route_handlers=[alarm_conditions], tags=["alarms"], opt=needs("alarms"))
