"""Builds and parses every MQTT topic; the only module that spells `pioreactor/`."""

from dataclasses import dataclass

from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER, Experiment, Unit

ROOT = "pioreactor"


def setting(unit: str, experiment: str, job: str, name: str) -> str:
    """Return the retained topic of a published setting; `state` is spelled `$state`."""
    return f"{ROOT}/{unit}/{experiment}/{job}/{'$state' if name == 'state' else name}"


def state(unit: str, experiment: str, job: str) -> str:
    return setting(unit, experiment, job, "state")


def set_setting(unit: str, experiment: str, job: str, name: str) -> str:
    """Return the command topic of a setting."""
    return setting(unit, experiment, job, name) + "/set"


def set_filters(unit: str, experiment: str, job: str) -> tuple[str, ...]:
    """Return the filters on which a job hears commands: its own, and the broadcast."""
    return tuple(f"{ROOT}/{who}/{experiment}/{job}/+/set" for who in (unit, UNIVERSAL_IDENTIFIER))


def event(unit: str, experiment: str, name: str) -> str:
    """Return a topic directly below the experiment: `dosing_events`, `led_change_events`."""
    return f"{ROOT}/{unit}/{experiment}/{name}"


def log(unit: str, experiment: str, source: str, level: str) -> str:
    return f"{ROOT}/{unit}/{experiment}/logs/{source}/{level.lower()}"


def bioreactor(unit: str, experiment: str, variable: str) -> str:
    return f"{ROOT}/{unit}/{experiment}/bioreactor/{variable}"


def pid_log(unit: str, experiment: str, target: str) -> str:
    return f"{ROOT}/{unit}/{experiment}/pid_log/{target}"


def monitor(unit: str, name: str) -> str:
    return setting(unit, UNIVERSAL_EXPERIMENT, "monitor", name)


def assignment(unit: str) -> str:
    return f"{ROOT}/{unit}/{UNIVERSAL_EXPERIMENT}/assignment"


def journal_entries(unit: str) -> str:
    """Return where a unit sends batches of its journal to the leader (ours alone)."""
    return f"{ROOT}/{unit}/{UNIVERSAL_EXPERIMENT}/journal/entries"


def journal_acknowledged(unit: str) -> str:
    """Return where the leader says what it has committed (retained; ours alone)."""
    return f"{ROOT}/{unit}/{UNIVERSAL_EXPERIMENT}/journal/acknowledged"


def everything() -> str:
    return f"{ROOT}/#"


def of_any_unit(rest: str) -> str:
    """Return the filter for `rest` ("od_reading/od1") of every unit and experiment."""
    return f"{ROOT}/+/+/{rest}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic taken apart."""

    unit: Unit
    experiment: Experiment
    rest: tuple[str, ...]


def parse(topic: str) -> Topic | None:
    """Return the parts of a topic of ours, or None when it is not one."""
    root, _, tail = topic.partition("/")
    parts = tail.split("/")
    if root != ROOT or len(parts) < 3 or not all(parts):
        return None
    return Topic(Unit(parts[0]), Experiment(parts[1]), tuple(parts[2:]))


def matches(topic_filter: str, topic: str) -> bool:
    """Say whether a topic matches an MQTT filter (`+` one level, `#` the rest; `$SYS` only when named)."""
    if topic.startswith("$") and not topic_filter.startswith("$"):
        return False
    wanted, given = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(wanted) == len(given)


def is_testing(experiment: str) -> bool:
    """Say whether an experiment is one of those that are never stored."""
    return experiment.startswith("_testing_")
