"""What the leader says on the bus: who belongs where, lines for the log, and commands."""

from pioreactor import topics
from pioreactor.exc import BrokerUnreachableError
from pioreactor.http.fanout import Failed
from pioreactor.messaging.ports import Bus
from pioreactor.structs.encoding import encode, to_timestamp
from pioreactor.structs.events import Log
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.web.leader.services import LeaderServices


def announce_assignment(leader: LeaderServices, unit: str) -> None:
    """Publish (retained) to which experiment a unit belongs, null when to none."""
    rows = leader.database.assignments.all()
    row = next((row for row in rows if row.pioreactor_unit == unit), None)
    said = {
        "pioreactor_unit": unit,
        "experiment": row.experiment if row is not None else None,
        "assigned_at": row.assigned_at if row is not None else None,
        "updated_at": to_timestamp(leader.unit.clock.now()),
    }
    leader.bus.publish(topics.assignment(unit), encode(said), retain=True)


def write_log(
    leader: LeaderServices, unit: str, experiment: str, message: str, *, level: str = "INFO", task: str = "ui"
) -> None:
    """Write a line of the log in the name of the web server, as if the unit had said it."""
    line = Log(message=message, level=level, task=task, source="ui", timestamp=leader.unit.clock.now())
    leader.unit.publish(topics.log(unit, experiment, "ui", level), encode(line))


def say_assigned(leader: LeaderServices, unit: str, sentence: str) -> None:
    """Announce a unit's assignment and write it into the log."""
    announce_assignment(leader, unit)
    write_log(leader, unit, UNIVERSAL_EXPERIMENT, sentence, task="assignment")


def require_broker(bus: Bus) -> None:
    """Refuse a command that nobody would hear."""
    if not bus.is_connected():
        raise BrokerUnreachableError(
            "the command was not sent: the message broker does not answer", remedy="Check that the broker runs."
        )


def stop_in_background(leader: LeaderServices, units: list[str], experiment: str) -> None:
    """Ask units to stop the jobs of an experiment; what does not answer keeps its jobs and says so in the log."""
    if not units:
        return

    def stop() -> None:
        answers = leader.ask_all(units, "POST", "/unit_api/jobs/stop", json={"experiment": experiment}, timeout_s=30.0)
        for answer in answers:
            if isinstance(answer, Failed):
                sentence = f"Jobs of {experiment} may still run on {answer.unit}: {answer.message}."
                write_log(leader, answer.unit, UNIVERSAL_EXPERIMENT, sentence, level="WARNING", task="assignment")

    leader.unit.tasks.start(f"stopping jobs of {experiment}", stop, pool="requests")
