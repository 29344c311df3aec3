"""Messages that the leader publishes: assignments of units, and log entries."""

from pioreactor import topics
from pioreactor.exc import BrokerUnreachableError
from pioreactor.http.fanout import Failed
from pioreactor.messaging.ports import Bus
from pioreactor.structs.commands import deed
from pioreactor.structs.encoding import encode, to_timestamp
from pioreactor.structs.events import Log
from pioreactor.types import UNIVERSAL_EXPERIMENT
from pioreactor.web.leader.services import LeaderServices
from pioreactor.web.security.audit_recorder import present_requester


def publish_assignment(leader: LeaderServices, unit: str) -> None:
    """Publish (retained) the experiment that a unit is assigned to; null for none."""
    rows = leader.database.assignments.all()
    row = next((row for row in rows if row.pioreactor_unit == unit), None)
    message = {
        "pioreactor_unit": unit,
        "experiment": row.experiment if row is not None else None,
        "assigned_at": row.assigned_at if row is not None else None,
        "updated_at": to_timestamp(leader.unit.clock.now()),
    }
    leader.bus.publish(topics.assignment(unit), encode(message), retain=True)


def write_log(
    leader: LeaderServices, unit: str, experiment: str, message: str, *, level: str = "INFO", task: str = "ui"
) -> None:
    """Publish a log entry of the web server on behalf of a unit."""
    entry = Log(message=message, level=level, task=task, source="ui", timestamp=leader.unit.clock.now())
    leader.unit.publish(topics.log(unit, experiment, "ui", level), encode(entry))


def publish_assignment_and_log(leader: LeaderServices, unit: str, what: str) -> None:
    """Publish a unit's assignment and log it, with the person who asked for it; `what` was done, in the past tense."""
    publish_assignment(leader, unit)
    write_log(leader, unit, UNIVERSAL_EXPERIMENT, deed(present_requester(), what), task="assignment")


def require_broker(bus: Bus) -> None:
    """Raise `BrokerUnreachableError` unless the broker is connected: a command would be lost."""
    if not bus.is_connected():
        raise BrokerUnreachableError(
            "the command was not sent: no connection to the MQTT broker", remedy="Check that the broker runs."
        )


def stop_in_background(leader: LeaderServices, units: list[str], experiment: str) -> None:
    """Stop the jobs of an experiment on units in the background; units that do not answer are reported in the log."""
    if not units:
        return

    def stop() -> None:
        answers = leader.ask_all(units, "POST", "/unit_api/jobs/stop", json={"experiment": experiment}, timeout_s=30.0)
        for answer in answers:
            if isinstance(answer, Failed):
                message_text = f"Jobs of {experiment} may still run on {answer.unit}: {answer.message}."
                write_log(leader, answer.unit, UNIVERSAL_EXPERIMENT, message_text, level="WARNING", task="assignment")

    leader.unit.tasks.start(f"stopping jobs of {experiment}", stop, pool="requests")
