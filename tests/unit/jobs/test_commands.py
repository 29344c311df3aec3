"""Commands have an id, a deadline and an answer."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest

from pioreactor import structs, topics
from pioreactor.actions.led_intensity import lock_leds_temporarily
from pioreactor.clock.ports import Signal
from pioreactor.jobs.command_sender import CommandOutcome, CommandSender
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.managed_lifecycle import managed_lifecycle
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.structs.commands import CommandAnnouncement, CommandAnswer
from pioreactor.testing.simulation import EXPERIMENT, Bench


class Mixer(BackgroundJob):
    job_name = "mixer"
    speed = Setting[float](5.0, ge=0, le=10, unit="RPM")
    reading = Status[float]()
    fragile = Setting[float](1.0)
    target = Setting[float](1.0, ge=0, le=10)
    ran: ClassVar[list[float]] = []

    def set_speed(self, value: float) -> None:
        self.speed = value
        self.ran.append(value)

    def set_fragile(self, value: float) -> None:
        raise RuntimeError("it broke")

    def work(self) -> None:
        self.sleep(30)


class ShiftedClock:
    """A clock that is ahead of, or behind, that of the others."""

    def __init__(self, clock: Any, skew_s: float) -> None:
        self._clock = clock
        self._skew = timedelta(seconds=skew_s)

    def now(self) -> datetime:
        found: datetime = self._clock.now() + self._skew
        return found

    def monotonic(self) -> float:
        return float(self._clock.monotonic())

    def signal(self) -> Signal:
        found: Signal = self._clock.signal()
        return found


@pytest.fixture
def mixer(bench: Bench) -> Mixer:
    Mixer.ran.clear()
    return bench.start(lambda: Mixer(bench.unit.name, EXPERIMENT))


def send(
    bench: Bench, skew_s: float = 0.0, wait_s: float = 10.0, job: str = "mixer", by: str = "", **settings: str
) -> CommandOutcome:
    clock: Any = ShiftedClock(bench.simulation.clock, skew_s)
    bus = bench.simulation.broker.connect("sender")
    unit = bench.unit.name
    sender = CommandSender(bus, clock, unit=unit, experiment=EXPERIMENT, job=job, units=[unit], requested_by=by)
    sender.send({name: value.encode() for name, value in settings.items()}, wait_s=wait_s)
    (outcome,) = sender.wait()
    bus.close()
    return outcome


def test_an_accepted_command_is_answered_with_the_value_in_force(bench: Bench, mixer: Mixer) -> None:
    outcome = send(bench, speed="7")
    assert (outcome.status, outcome.value) == ("accepted", "7.0")
    assert send(bench, state="sleeping").value == "sleeping"
    assert mixer.state == mixer.SLEEPING


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("speed", "11", "speed must be between 0 and 10 RPM, not 11.0; it stays 5.0"),
        ("speed", "x", "speed must be a number"),
        ("reading", "1", "reading is read-only"),
        ("color", "red", "mixer has no setting color"),
        ("fragile", "2", "RuntimeError: it broke"),
        ("state", "lost", "the state can be set to ready, sleeping or disconnected"),
    ],
)
def test_a_refused_command_is_answered_with_the_reason(
    bench: Bench, mixer: Mixer, setting: str, value: str, reason: str
) -> None:
    command: dict[str, Any] = {setting: value}
    outcome = send(bench, **command)
    assert outcome.status == "refused"
    assert outcome.reason is not None
    assert reason in outcome.reason
    assert all(line.count("it stays") <= 1 for line in bench.logged("warning"))
    assert (mixer.speed, mixer.state) == (5.0, mixer.READY)


def test_a_busy_job_defers_and_then_does_it(bench: Bench, mixer: Mixer) -> None:
    mixer.run_soon(mixer.work)
    bench.wait(0.1)
    outcome = send(bench, wait_s=5.0, speed="7")
    assert (outcome.status, mixer.speed) == ("deferred", 5.0)
    assert outcome.is_success
    bench.wait(40)
    assert mixer.speed == 7.0
    answers = [structs.decode(payload, CommandAnswer) for payload in bench.payloads("mixer/speed/set/answer")]
    assert [answer.status for answer in answers] == ["deferred", "accepted"]
    assert len({answer.id for answer in answers}) == 1


def test_a_plain_value_is_taken_while_a_job_waits(bench: Bench, mixer: Mixer) -> None:
    """A dose of many portions keeps its job busy for minutes: a new target does not have to wait for its end."""
    mixer.run_soon(mixer.work)
    bench.wait(0.1)
    before_s = bench.simulation.clock.monotonic()
    outcome = send(bench, wait_s=5.0, target="7")
    assert (outcome.status, outcome.value, outcome.previous, mixer.target) == ("accepted", "7.0", "1.0", 7.0)
    refused = send(bench, wait_s=5.0, target="11")
    assert (refused.status, mixer.target, mixer.state) == ("refused", 7.0, mixer.READY)
    assert bench.simulation.clock.monotonic() < before_s + 1.0
    assert send(bench, wait_s=5.0, speed="8").status == "deferred", "the wait continues"


def test_a_command_that_was_not_answered_in_time_is_not_carried_out_later(bench: Bench, mixer: Mixer) -> None:
    """The sender's messages are held back for 40 s, as by a network or a process that is stopped."""
    bus = bench.simulation.broker.connect("sender")
    clock, unit = bench.simulation.clock, bench.unit.name
    bus.lose_connection()
    sender = CommandSender(bus, clock, unit=unit, experiment=EXPERIMENT, job="mixer", units=[unit])
    sender.send({"speed": b"7", "state": b"disconnected"})
    assert [outcome.status for outcome in sender.wait()] == ["no_answer", "no_answer"]
    bench.wait(30)
    bus.restore_connection()
    bench.wait(5)
    assert (mixer.speed, mixer.state) == (5.0, mixer.READY)
    (answer,) = [structs.decode(payload, CommandAnswer) for payload in bench.payloads("mixer/speed/set/answer")]
    assert answer.status == "expired"
    assert any("speed = 7 has expired" in line for line in bench.logged("warning"))


def test_a_payload_without_announcement_has_no_deadline_and_no_answer(bench: Bench, mixer: Mixer) -> None:
    bench.set("mixer", "speed", "8")
    bench.wait(0.1)
    assert mixer.speed == 8.0
    assert bench.payloads("mixer/speed/set/answer") == []


@pytest.mark.parametrize("skew_s", [-300.0, 300.0])
def test_clocks_that_differ_do_not_keep_a_command_from_being_done(bench: Bench, mixer: Mixer, skew_s: float) -> None:
    outcome = send(bench, skew_s=skew_s, speed="7")
    assert (outcome.status, mixer.speed, mixer.ran) == ("accepted", 7.0, [7.0])


def test_the_log_says_who_changed_what_from_which_value(bench: Bench, mixer: Mixer) -> None:
    send(bench, speed="7", by="ana")
    send(bench, speed="8.5")
    send(bench, state="sleeping", by="ana")
    send(bench, state="ready", by="bo")
    said = [line for line in bench.logged("info") if line not in ("Ready.", "Sleeping.")]
    changes = ["ana set speed 5 → 7 RPM", "Set speed 7 → 8.5 RPM", "ana paused mixer", "bo resumed mixer"]
    assert said == [f"{one} on {bench.unit.name}." for one in changes]


def test_two_senders_get_each_their_own_answer(bench: Bench, mixer: Mixer) -> None:
    topic = topics.set_setting(bench.unit.name, EXPERIMENT, "mixer", "speed")
    expires_at = bench.simulation.clock.now() + timedelta(seconds=10)
    for identifier, value in (("first", "3"), ("second", "12")):
        announcement = CommandAnnouncement(identifier, expires_at, value)
        bench.bus.publish(topics.announcement(topic), structs.encode(announcement))
    for value in ("12", "3"):
        bench.bus.publish(topic, value)
    bench.wait(0.1)
    answers = [structs.decode(payload, CommandAnswer) for payload in bench.payloads("mixer/speed/set/answer")]
    final = {answer.id: answer.status for answer in answers if answer.status != "deferred"}
    assert final == {"first": "accepted", "second": "refused"}


def test_garbage_as_an_announcement_changes_nothing(bench: Bench, mixer: Mixer) -> None:
    topic = topics.set_setting(bench.unit.name, EXPERIMENT, "mixer", "speed")
    for payload in (b"", b"[", b'{"id": 3}', b"\xff"):
        bench.bus.publish(topics.announcement(topic), payload)
    assert send(bench, speed="7").status == "accepted"


def test_a_job_that_does_not_run_is_not_waited_for(bench: Bench, mixer: Mixer) -> None:
    mixer.clean_up()
    before_s = bench.simulation.clock.monotonic()
    outcome = send(bench, speed="7")
    assert (outcome.status, outcome.reason) == ("not_running", f"mixer is not running on {bench.unit.name}")
    assert bench.simulation.clock.monotonic() - before_s < 2


def test_an_action_answers_a_stop(bench: Bench, using: Callable[[], Any]) -> None:
    with using(), managed_lifecycle(bench.unit.name, EXPERIMENT, "trial") as action:
        assert send(bench, job="trial", state="sleeping").status == "refused"
        assert send(bench, job="trial", state="disconnected").status == "accepted"
        assert action.stopping


@pytest.fixture
def using(bench: Bench) -> Callable[[], Any]:
    from pioreactor.runtime import context

    return lambda: context.using(bench.unit.runtime)


def test_a_led_that_another_job_holds_is_refused_with_its_name(bench: Bench, using: Callable[[], Any]) -> None:
    from pioreactor.cli.running.leds import led_intensity
    from pioreactor.exc import ActuatorInUseError

    with using(), lock_leds_temporarily(["A"], owner="od_reading"), pytest.raises(ActuatorInUseError) as raised:
        led_intensity.callback(50.0, None, None, None, source_of_event="UI", no_log=False)  # type: ignore[misc]
    assert "LED A is in use by od_reading" in str(raised.value)
