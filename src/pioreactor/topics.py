"""Construction and parsing of MQTT topics; no other module contains `pioreactor/`."""

from dataclasses import dataclass
from typing import Final

from pioreactor.exc import InvalidRequestError
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER, Experiment, Unit

ROOT = "pioreactor"


MAX_EXPERIMENT_NAME: Final = 199
_NOT_IN_EXPERIMENTS: Final = "#$%+/\\"


def check_experiment_name(name: str) -> str:
    """Return the name of an experiment, which is a level of topics and of URLs.

    Raise `InvalidRequestError` if it cannot be one.
    """
    if not name.strip():
        raise InvalidRequestError("an experiment needs a name")
    if len(name) > MAX_EXPERIMENT_NAME:
        raise InvalidRequestError(f"the experiment's name is longer than {MAX_EXPERIMENT_NAME} characters")
    if name.strip() in (".", ".."):
        raise InvalidRequestError(f"{name!r} is reserved", remedy="Choose another name.")
    if any(character in _NOT_IN_EXPERIMENTS or not character.isprintable() for character in name):
        raise InvalidRequestError(f"an experiment's name cannot contain any of {' '.join(_NOT_IN_EXPERIMENTS)}")
    return name


def setting(unit: str, experiment: str, job: str, name: str) -> str:
    """Return the retained topic of a published setting; `state` is written `$state`."""
    return f"{ROOT}/{unit}/{experiment}/{job}/{'$state' if name == 'state' else name}"


def state(unit: str, experiment: str, job: str) -> str:
    return setting(unit, experiment, job, "state")


def set_setting(unit: str, experiment: str, job: str, name: str) -> str:
    """Return the command topic of a setting."""
    return setting(unit, experiment, job, name) + "/set"


def set_filters(unit: str, experiment: str, job: str) -> tuple[str, ...]:
    """Return the filters of the commands for a job: its own, and the broadcast."""
    return tuple(f"{ROOT}/{receiver}/{experiment}/{job}/+/set" for receiver in (unit, UNIVERSAL_IDENTIFIER))


def announcement(command: str) -> str:
    """Return the topic (or filter) of what announces a command, from the topic (or filter) of its payload."""
    return f"{command}/command"


def commanded_setting(topic: str) -> str:
    """Return the setting that a command or its announcement is for; `state` for `$state`."""
    return topic.removesuffix("/command").split("/")[-2].removeprefix("$")


def command_answer(unit: str, experiment: str, job: str, name: str) -> str:
    """Return the topic on which a job answers commands for a setting."""
    return set_setting(unit, experiment, job, name) + "/answer"


def event(unit: str, experiment: str, name: str) -> str:
    """Return a topic directly below the experiment: `dosing_events`, `led_change_events`."""
    return f"{ROOT}/{unit}/{experiment}/{name}"


def log(unit: str, experiment: str, source: str, level: str) -> str:
    return f"{ROOT}/{unit}/{experiment}/logs/{source}/{level.lower()}"


def bioreactor(unit: str, experiment: str, variable: str) -> str:
    return f"{ROOT}/{unit}/{experiment}/bioreactor/{variable}"


def pwm_duties(unit: str, experiment: str) -> str:
    """Return the topic of the duty cycles by PWM channel."""
    return setting(unit, experiment, "pwms", "channel_dc")


def pid_log(unit: str, experiment: str, target: str) -> str:
    return f"{ROOT}/{unit}/{experiment}/pid_log/{target}"


def monitor(unit: str, name: str) -> str:
    return setting(unit, UNIVERSAL_EXPERIMENT, "monitor", name)


def assignment(unit: str) -> str:
    return f"{ROOT}/{unit}/{UNIVERSAL_EXPERIMENT}/assignment"


def journal_entries(unit: str) -> str:
    """Return the topic of the batches of its journal that a unit sends to the leader."""
    return f"{ROOT}/{unit}/{UNIVERSAL_EXPERIMENT}/journal/entries"


def journal_acknowledged(unit: str) -> str:
    """Return the topic on which the leader acknowledges committed entries (retained)."""
    return f"{ROOT}/{unit}/{UNIVERSAL_EXPERIMENT}/journal/acknowledged"


def alarm_heartbeat(leader: str) -> str:
    """Return the topic of the sign of life of the alarm engine."""
    return f"{ROOT}/{leader}/{UNIVERSAL_EXPERIMENT}/alarms/heartbeat"


def alarm_summary(leader: str) -> str:
    """Return the topic of the numbers of open alarms (retained)."""
    return f"{ROOT}/{leader}/{UNIVERSAL_EXPERIMENT}/alarms/summary"


def home_assistant_command(leader: str, unit: str = "+", job: str = "+", name: str = "+") -> str:
    """Return the topic (or filter) on which Home Assistant asks a leader to change a setting of a unit.

    It is below the leader's name, where units may not publish.
    """
    return f"{ROOT}/{leader}/{UNIVERSAL_EXPERIMENT}/home_assistant/{unit}/{job}/{name}/set"


def everything() -> str:
    return f"{ROOT}/#"


def of_any_unit(rest: str) -> str:
    """Return the filter for `rest` ("od_reading/od1") of every unit and experiment."""
    return f"{ROOT}/+/+/{rest}"


@dataclass(frozen=True, slots=True)
class Topic:
    """Parts of a topic; `rest` are the levels below the experiment."""

    unit: Unit
    experiment: Experiment
    rest: tuple[str, ...]


def parse(topic: str) -> Topic | None:
    """Return the parts of a topic, or None if it is not below `pioreactor/<unit>/<experiment>`."""
    root, _, tail = topic.partition("/")
    parts = tail.split("/")
    if root != ROOT or len(parts) < 3 or not all(parts):
        return None
    return Topic(Unit(parts[0]), Experiment(parts[1]), tuple(parts[2:]))


def matches(topic_filter: str, topic: str) -> bool:
    """Return whether a topic matches an MQTT filter; wildcards do not match topics that start with `$`."""
    if topic.startswith("$") and not topic_filter.startswith("$"):
        return False
    filter_levels, levels = topic_filter.split("/"), topic.split("/")
    for index, level in enumerate(filter_levels):
        if level == "#":
            return True
        if index >= len(levels) or level not in ("+", levels[index]):
            return False
    return len(filter_levels) == len(levels)


def is_testing(experiment: str) -> bool:
    """Return whether an experiment belongs to a test; these are never stored."""
    return experiment.startswith("_testing_")
