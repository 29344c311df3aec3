"""Route of a unit that renames what it keeps for an experiment."""

from collections.abc import Callable, Iterator
from typing import Final

import msgspec
from litestar import Router, post
from litestar.params import FromPath, JSONBody

from pioreactor import topics
from pioreactor.actions import bioreactor
from pioreactor.actions.still_capture import stills_of
from pioreactor.exc import ConflictError
from pioreactor.experiment_profiles.checkpoint import unfinished_runs
from pioreactor.jobs.payloads import encode_payload
from pioreactor.jobs.restart_policy import desired_jobs
from pioreactor.plugin_management import get_plugins, job_classes
from pioreactor.storage.ports import KeyValues
from pioreactor.web.request_bodies import Body, experiment_name
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.services import UnitPorts, UnitServices

EXPERIMENT_CACHES: Final = (
    *("od_blank", "od_normalization_mean", "growth_rate_state", "ir_led_reference_normalization"),
    *(bioreactor.CACHE, "automation_runs", "first_pump_gains"),
)
"""Persistent caches whose keys are, or begin with, the name of an experiment."""
_READ_AT_ONCE: Final = 1000


class RenameOnUnit(Body):
    """`experiment`: the new name. With `check_only` nothing is changed."""

    experiment: str
    check_only: bool = False


class RenamedOnUnit(msgspec.Struct):
    """Number of values that have the new name."""

    values: int


def rename_on_unit(unit: UnitServices, old: str, new: str, *, check_only: bool = False) -> int:
    """Give everything that a unit keeps for an experiment another name; return how many values that were.

    Repeated calls continue. Raise `ConflictError` while jobs of the experiment run or wait to be resumed, and while
    records with the old name have not reached the leader.
    """
    reason = next(_obstacles(unit, old), None)
    if reason is not None:
        raise ConflictError(f"{unit.name} {reason}", remedy="End the experiment, and rename it when that is done.")
    if check_only:
        return 0
    has_vial = any(_belongs_to(key, old) for key, _ in unit.stores.persistent(bioreactor.CACHE).items())
    before = bioreactor.vial_state(unit.runtime, old) if has_vial else None
    classes = job_classes(get_plugins(unit.paths.plugins)).values()
    of_plugins = {name for cls in classes for name in getattr(cls, "experiment_caches", ())}
    renamed = sum(
        _rename_keys(unit.stores.persistent(name), old, new) for name in sorted({*EXPERIMENT_CACHES, *of_plugins})
    )
    renamed += stills_of(unit.runtime).rename_experiment(old, new)
    if before is not None:
        # Retained only, for those who show them: what was recorded is renamed by the leader.
        bioreactor.publish_changes(_publisher(unit), unit.name, new, before, at=unit.clock.now())
        for variable in before.as_dict():
            unit.bus.publish(topics.bioreactor(unit.name, old, variable), b"", retain=True)
    return renamed


def _publisher(unit: UnitServices) -> Callable[..., None]:
    def publish(topic: str, payload: object, *, qos: int, retain: bool) -> None:
        unit.bus.publish(topic, encode_payload(payload), qos=qos, retain=retain)

    return publish


def _obstacles(unit: UnitServices, experiment: str) -> Iterator[str]:
    """Give the reasons why the experiment cannot be renamed here now."""
    running = unit.stores.jobs().running(experiment=experiment)
    if running:
        yield f"runs {', '.join(sorted({job.job_name for job in running}))} in {experiment!r}"
    waiting = [job.job_name for job in desired_jobs(unit.runtime) if job.experiment == experiment]
    if waiting:
        yield f"has {', '.join(waiting)} of {experiment!r} to resume (`pio resume`)"
    if any(run.experiment == experiment for run in unfinished_runs(unit.stores)):
        yield f"has an interrupted profile of {experiment!r} to resume (`pio resume`)"
    if _has_unsent(unit, experiment):
        yield f"holds records of {experiment!r} that have not reached the leader"


def _has_unsent(unit: UnitServices, experiment: str) -> bool:
    journal = unit.stores.journal()
    position = journal.acknowledged_seq()
    while entries := journal.read(after_seq=position, limit=_READ_AT_ONCE):
        for entry in entries:
            parsed = topics.parse(entry.topic)
            if parsed is not None and parsed.experiment == experiment:
                return True
        position = entries[-1].seq
    return False


def _belongs_to(key: object, experiment: str) -> bool:
    return key == experiment or (isinstance(key, tuple) and key[:1] == (experiment,))


def _rename_keys(cache: KeyValues, old: str, new: str) -> int:
    with cache.transaction() as store:
        found = [(key, value) for key, value in store.items() if _belongs_to(key, old)]
        for key, value in found:
            store.set((new, *key[1:]) if isinstance(key, tuple) else new, value)
            store.pop(key)
    return len(found)


@post("/experiments/{experiment:str}/rename", status_code=200, sync_to_thread=True)
def rename_experiment(unit: UnitPorts, experiment: FromPath[str], data: JSONBody[RenameOnUnit]) -> RenamedOnUnit:
    """Rename what this unit keeps for an experiment: blanks, volumes, growth-rate state. The leader asks for it.

    409 while jobs of it run or wait to be resumed, and while records have not reached the leader.
    """
    old, new = experiment_name(experiment), topics.check_experiment_name(data.experiment)
    return RenamedOnUnit(rename_on_unit(unit, old, new, check_only=data.check_only))


ROUTES = Router("/", route_handlers=[rename_experiment], tags=["unit"], opt=needs("experiments"))
