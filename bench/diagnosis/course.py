"""Course of one plant: it runs healthy for some hours, and from there on once with each fault and once with none.

A copy of the process continues with each fault, so that the healthy hours are computed once.
"""

from __future__ import annotations

import os
import random
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from bench.diagnosis.causes import NOTHING, OTHER, Case, cause_of
from bench.diagnosis.plants import ACTIVITIES, Plant
from pioreactor import topics
from pioreactor.testing.simulation import Bench, simulated_bench
from pioreactor.twin.faults import Fault

WARM_UP_H = 2.0
SECONDS_PER_HOUR = 3600.0
STEP_S = 10.0
DOSES, DELAY_S = 3, 600.0
"""A cause is found in time after at most so many doses, or so long."""
LEVELS = ("warning", "error", "critical")


class Outcome(msgspec.Struct, frozen=True):
    """What was said first after a fault."""

    activity: str
    seed: int
    case: str
    expected: str
    found: str
    doses: int
    """Doses that were given with the fault before it was found, or until the end."""
    delay_s: float
    sentence: str
    hours: float

    @property
    def is_right(self) -> bool:
        return self.found == self.expected

    @property
    def is_in_time(self) -> bool:
        return self.is_right and (self.doses <= DOSES or self.delay_s <= DELAY_S)


@dataclass
class Listener:
    """Findings since some moment, and doses given since then."""

    bench: Bench
    doses: int = 0

    def sentences(self) -> Iterator[str]:
        """Let some time pass and return what is said in it."""
        self.bench.messages.clear()
        self.bench.wait(STEP_S)
        for message in self.bench.messages:
            if topics.matches("pioreactor/+/+/dosing_events", message.topic):
                self.doses += msgspec.json.decode(message.payload)["event"].startswith("add_")
            elif message.topic.endswith("/diagnoses") and message.payload:
                yield from msgspec.json.decode(message.payload, type=dict[str, str]).values()
            elif any(topics.matches(topics.of_any_unit(f"logs/+/{level}"), message.topic) for level in LEVELS):
                yield str(msgspec.json.decode(message.payload)["message"])


def _watch(bench: Bench, hours: float) -> tuple[str, str, int, float]:
    """Return the first cause that is named, its sentence, the doses until then and the delay [s].

    A message that names no cause counts only when no other one follows.
    """
    listener, vague = Listener(bench), ("", 0, 0.0)
    passed_s = 0.0
    while passed_s < hours * SECONDS_PER_HOUR:
        said = list(listener.sentences())
        passed_s += STEP_S
        for sentence in said:
            if (cause := cause_of(sentence)) != OTHER:
                return cause, sentence, listener.doses, passed_s
            vague = vague if vague[0] else (sentence, listener.doses, passed_s)
    if vague[0]:
        return OTHER, *vague
    return NOTHING, "", listener.doses, passed_s


def _with_fault(bench: Bench, plant: Plant, seed: int, name: str, case: Case) -> list[Outcome]:
    bench.wait(random.Random(f"{plant.name}/{seed}/{name}").uniform(0.0, 600.0))
    fault = Fault(case.kind, start_s=bench.unit.world.advance(), target=case.target, value=case.value)
    bench.unit.world.inject(fault)
    found, sentence, doses, delay_s = _watch(bench, case.hours)
    return [Outcome(plant.name, seed, name, case.expected, found, doses, delay_s, sentence, delay_s / SECONDS_PER_HOUR)]


def _healthy(bench: Bench, plant: Plant, seed: int, hours: float) -> list[Outcome]:
    """Return an outcome for each thing that is said, and one for silence at the end."""
    outcomes, left = [], hours
    while left > 0.0:
        found, sentence, doses, delay_s = _watch(bench, left)
        passed_h = left if found in (NOTHING, OTHER) else delay_s / SECONDS_PER_HOUR
        outcomes.append(Outcome(plant.name, seed, "healthy", NOTHING, found, doses, delay_s, sentence, passed_h))
        left -= passed_h
    return outcomes


def _in_copy(run: Callable[[], list[Outcome]]) -> list[Outcome]:
    """Run in a copy of this process, which does not change this one."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(msgspec.json.encode(run()))
        except BaseException:  # noqa: BLE001  the copy must never return to the caller of this function
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.wait()
    if not answer:
        raise RuntimeError("the copy failed")
    return msgspec.json.decode(answer, type=list[Outcome])


def run(activity: str, seed: int, cases: Mapping[str, Case], healthy_hours: float) -> list[Outcome]:
    """Return the outcomes of all cases of one plant, and what was said in its healthy hours."""
    plant = ACTIVITIES[activity].draw(activity, seed)
    outcomes = []
    with simulated_bench(scenario=plant.scenario, seed=seed, model=plant.model) as bench:
        plant.start(bench)
        outcomes += _healthy(bench, plant, seed, WARM_UP_H)
        for name, case in cases.items():
            if case.is_possible(plant):
                outcomes += _in_copy(lambda name=name, case=case: _with_fault(bench, plant, seed, name, case))  # type: ignore[misc]
        if healthy_hours > 0.0:
            outcomes += _in_copy(lambda: _healthy(bench, plant, seed, healthy_hours))
    return outcomes
