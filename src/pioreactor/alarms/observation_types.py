"""What the engine receives of the units, without the form in which it arrived."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Source:
    """Where an observation comes from; the experiment is `$experiment` for what belongs to none."""

    unit: str
    experiment: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A message on a topic; `values` are the numbers in it by field, under "" a bare one."""

    source: Source
    topic: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class StateChanged:
    source: Source
    job: str
    state: str


@dataclass(frozen=True, slots=True)
class Diagnosed:
    """All diagnoses that a job reports at present, name → sentence."""

    source: Source
    job: str
    diagnoses: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecordsStatus:
    """How many records of a unit wait for the database, and for how long the oldest of them has [s]."""

    source: Source
    waiting: int
    oldest_age_s: float


@dataclass(frozen=True, slots=True)
class Logged:
    source: Source
    task: str
    level: str
    message: str


Observation: TypeAlias = Measured | StateChanged | Diagnosed | RecordsStatus | Logged
