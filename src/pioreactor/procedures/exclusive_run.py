"""Shared by procedures: an experiment for trials, and exclusive use of the reactor."""

from __future__ import annotations

from collections.abc import Iterable

from pioreactor import topics
from pioreactor.exc import ConflictError, NotAssignedAnExperimentError, UnitUnreachableError
from pioreactor.runtime.context import Runtime
from pioreactor.states import JobState
from pioreactor.types import Experiment

OD_READING = "od_reading"
STIRRING = "stirring"
AUTOMATIONS = ("dosing_automation", "temperature_automation", "led_automation")
PUMPS = ("add_media", "add_alt_media", "remove_waste", "circulate_media", "circulate_alt_media")


class ReactorInUseError(ConflictError):
    """A job uses what a procedure needs."""

    code = "reactor_in_use"


def trial_experiment(runtime: Runtime) -> Experiment:
    """Return the experiment under which trials run: nothing of it is stored in the leader's database.

    A unit that is assigned to none, or does not reach its leader, can be tried all the same.
    """
    try:
        return Experiment(f"_testing_{runtime.identity.experiment()}")
    except (NotAssignedAnExperimentError, UnitUnreachableError):
        return Experiment("_testing_unassigned")


def refuse_while_running(runtime: Runtime, names: Iterable[str], *, what: str) -> None:
    """Raise `ReactorInUseError` when one of these jobs runs on the unit."""
    for name in names:
        running = runtime.stores.jobs().running(job_name=name)
        if running:
            raise ReactorInUseError(
                f"{name} runs, and {what} needs the reactor for itself",
                remedy=f"Stop it first, in the panel or with `pio kill --job-name {name}`.",
            )


def is_running(runtime: Runtime, name: str) -> bool:
    return bool(runtime.stores.jobs().running(job_name=name))


def ask_to_stop(runtime: Runtime, names: Iterable[str]) -> None:
    """Ask jobs of this unit to end, but those of real experiments: they were not started for a trial."""
    bus = runtime.buses.connect("procedures")
    try:
        for name in names:
            for record in runtime.stores.jobs().running(job_name=name):
                if topics.is_testing(record.experiment):
                    topic = topics.set_setting(record.unit, record.experiment, record.job_name, "state")
                    bus.publish(topic, JobState.DISCONNECTED.encode())
        bus.flush(2.0)
    finally:
        bus.close()
