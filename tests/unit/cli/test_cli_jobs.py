"""Jobs are listed, asked, and stopped; what is said about them is what happened."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pioreactor import topics
from pioreactor.actions.led_intensity import LEDS, set_leds
from pioreactor.devices.spy_rig import SpyRig
from pioreactor.exc import StorageError
from pioreactor.messaging.ports import Bus, Message
from pioreactor.runtime.context import using
from pioreactor.structs import Log, decode, encode
from pioreactor.structs.commands import CommandAnnouncement, CommandAnswer

EXPERIMENT = "batch 3"


class Stirrer:
    """A job's side of the bus: takes 0–1500 RPM, refuses more, and may be unresponsive."""

    def __init__(self, desk: Any, *, unresponsive: bool = False, takes: str | None = None) -> None:
        self.desk = desk
        self.unresponsive = unresponsive
        self.takes = takes
        self.bus: Bus = desk.runtime.buses.connect("stirrer")
        self.topic = topics.set_setting("unit1", EXPERIMENT, "stirring", "target_rpm")
        self.announced: list[CommandAnnouncement] = []
        self.bus.subscribe(topics.announcement(self.topic), self.on_announcement)
        self.bus.subscribe(self.topic, self.on_message)

    def on_announcement(self, message: Message) -> None:
        self.announced.append(decode(message.payload, CommandAnnouncement))

    def on_message(self, message: Message) -> None:
        if not self.unresponsive and self.announced:
            self.answer(self.announced[-1].id, message.payload.decode())

    def answer(self, identifier: str, wanted: str) -> None:
        now = self.desk.runtime.clock.now()
        answer = CommandAnswer(identifier, "accepted", now, value=self.takes if self.takes is not None else wanted)
        if self.takes is None and float(wanted) > 1500:
            answer = CommandAnswer(identifier, "refused", now, "at most 1500 RPM", "500.0")
        self.bus.publish(self.topic + "/answer", encode(answer))

    def log_warning(self, text: str) -> None:
        now = self.desk.runtime.clock.now()
        log = Log(message=text, level="WARNING", source="app", task="stirring", timestamp=now)
        self.bus.publish(topics.log("unit1", EXPERIMENT, "app", "warning"), encode(log))


def test_list_and_info(desk: Any) -> None:
    assert desk.pio("jobs", "list").out == "No jobs.\n"
    first = desk.start_job("stirring")
    desk.end_job(first)
    second = desk.start_job("od_reading", source="experiment_profile/7")
    desk.runtime.stores.jobs().set_setting(second, "interval", 5.0, at="2030-01-01T00:00:00.000Z")

    listed = desk.pio("jobs", "list").out
    assert listed.index("od_reading") < listed.index("stirring")
    assert "stirring" not in desk.pio("jobs", "running").out
    assert [job["job_name"] for job in json.loads(desk.pio("jobs", "list", "running", "--json").out)] == ["od_reading"]

    info = json.loads(desk.pio("jobs", "info", "--job-name", "od-reading", "--json").out)
    assert info["job_source"] == "experiment_profile/7"
    assert info["settings"] == {"interval": 5.0}
    assert "interval" in desk.pio("jobs", "info", "--job-id", str(second)).out
    assert desk.pio("jobs", "info", "--job-id", "99").status == 1
    assert desk.pio("jobs", "info").status == 2


def test_a_running_job_keeps_its_record(desk: Any) -> None:
    job = desk.start_job("stirring")
    assert "pio kill" in desk.pio("jobs", "purge", "--job-id", str(job)).err
    desk.end_job(job)
    assert desk.pio("jobs", "purge", "--job-name", "stirring").status == 0
    assert desk.pio("jobs", "list").out == "No jobs.\n"


def test_set_says_what_the_job_answers(desk: Any) -> None:
    desk.start_job("stirring")
    Stirrer(desk)
    typed = desk.pio("jobs", "set", "stirring", "target-rpm", "400")
    assert (typed.status, typed.out) == (0, "target_rpm of stirring is 400.\n")


def test_set_says_that_the_job_refuses(desk: Any) -> None:
    desk.start_job("stirring")
    Stirrer(desk)
    typed = desk.pio("jobs", "set", "stirring", "target_rpm", "2000")
    assert typed.status == 1
    assert typed.err == "Error: stirring refused: at most 1500 RPM\n"


def test_set_says_what_the_job_took_instead(desk: Any) -> None:
    desk.start_job("stirring")
    Stirrer(desk, takes="1500.0")
    typed = desk.pio("jobs", "set", "stirring", "target_rpm", "9999")
    assert (typed.status, typed.out) == (0, "target_rpm of stirring is 1500.0 (9999 was requested).\n")


def test_log_lines_and_answers_to_others_are_no_answer(desk: Any) -> None:
    desk.start_job("stirring")
    stirrer = Stirrer(desk, unresponsive=True)

    def of_another(message: Message) -> None:
        stirrer.log_warning("Refused: the heater is too warm.")
        stirrer.bus.publish(topics.setting("unit1", EXPERIMENT, "stirring", "target_rpm"), message.payload, retain=True)
        stirrer.answer("of-another-command", message.payload.decode())

    stirrer.bus.subscribe(stirrer.topic, of_another)
    typed = desk.pio("jobs", "set", "stirring", "target_rpm", "400")
    assert typed.status == 1
    assert "did not answer the change of target_rpm within 3 s; it will not be carried out later" in typed.err


def test_a_job_that_has_ended_is_not_waited_for(desk: Any) -> None:
    desk.start_job("stirring")
    Stirrer(desk, unresponsive=True).bus.publish(
        topics.state("unit1", EXPERIMENT, "stirring"), "disconnected", retain=True
    )
    typed = desk.pio("jobs", "set", "stirring", "target_rpm", "400")
    assert (typed.status, typed.err) == (1, "Error: stirring refused: stirring is not running on unit1\n")


def test_set_of_a_setting_that_is_not_there_names_the_nearest(desk: Any) -> None:
    job = desk.start_job("stirring")
    desk.runtime.stores.jobs().set_setting(job, "target_rpm", 500.0, at="2030-01-01T00:00:00.000Z")
    typed = desk.pio("jobs", "set", "stirring", "target_rmp", "400")
    assert typed.status == 1
    assert "There is no setting of stirring 'target_rmp'. Did you mean 'target_rpm'?" in typed.err


def test_set_says_that_there_is_no_answer(desk: Any) -> None:
    desk.start_job("stirring")
    stirrer = Stirrer(desk, unresponsive=True)
    before_s = desk.runtime.clock.monotonic()
    typed = desk.pio("jobs", "set", "stirring", "target_rpm", "2000")
    assert typed.status == 1
    assert "did not answer the change of target_rpm within 3 s" in typed.err
    assert desk.runtime.clock.monotonic() - before_s == pytest.approx(3.0)
    assert desk.runtime.clock.now() >= stirrer.announced[0].expires_at


def test_set_that_does_not_wait_has_an_id_and_a_deadline_as_well(desk: Any) -> None:
    desk.start_job("stirring")
    stirrer = Stirrer(desk, unresponsive=True)
    before, before_s = desk.runtime.clock.now(), desk.runtime.clock.monotonic()
    typed = desk.pio("jobs", "set", "--wait", "0", "stirring", "target_rpm", "400")
    assert (typed.status, typed.out) == (0, "Sent target_rpm = 400 to stirring; it expires after 10 s.\n")
    assert desk.runtime.clock.monotonic() - before_s < 1.0
    desk.runtime.clock.sleep(0.1)
    (announced,) = stirrer.announced
    assert announced.id
    assert announced.payload == "400"
    assert 0 < (announced.expires_at - before).total_seconds() <= 11


def test_set_needs_a_running_job(desk: Any) -> None:
    typed = desk.pio("jobs", "set", "stirring", "target_rpm", "500")
    assert typed.status == 1
    assert "stirring is not running on unit1" in typed.err
    assert "pio run stirring" in typed.err


def test_kill_stops_pumps_first_and_leds_last_and_each_process_once(desk: Any) -> None:
    jobs = {
        "led_automation": desk.start_job("led_automation", pid=11),
        "od_reading": desk.start_job("od_reading", pid=12),
        "add_media": desk.start_job("add_media", pid=13),
        "dosing_automation": desk.start_job("dosing_automation", pid=13),
        "monitor": desk.start_job("monitor", pid=14, long_running=True),
    }

    def end(pid: int) -> None:
        for name, number in {"led_automation": 11, "od_reading": 12, "add_media": 13, "dosing_automation": 13}.items():
            if number == pid:
                desk.end_job(jobs[name])

    desk.on_interrupt = end
    typed = desk.pio("kill", "--all-jobs")
    assert typed.status == 0
    assert typed.out.endswith("Killed 4 jobs.\n")
    assert desk.interrupted == [13, 12, 11]
    assert [job.job_name for job in desk.runtime.stores.jobs().running()] == ["monitor"]


def test_kill_does_not_call_a_survivor_dead(desk: Any) -> None:
    desk.start_job("stirring", pid=11)
    before_s = desk.runtime.clock.monotonic()
    typed = desk.pio("kill", "--job-name", "stirring", "--wait", "4")
    assert typed.status == 1
    assert "Killed 0 jobs." in typed.out
    assert "stirring (process 11) still runs after 4 s" in typed.err
    assert desk.runtime.clock.monotonic() - before_s == pytest.approx(4.0, abs=0.2)
    assert json.loads(desk.pio("kill", "--all-jobs", "--json", "--wait", "0").out) == {
        "ended": [],
        "still_running": ["stirring"],
    }


def test_kill_by_filters(desk: Any) -> None:
    profile = desk.start_job("stirring", pid=11, source="experiment_profile/7")
    desk.start_job("od_reading", pid=12)
    desk.on_interrupt = lambda pid: desk.end_job(profile)
    assert desk.pio("kill", "--job-source", "experiment_profile/7").out == "stirring ended.\nKilled 1 job.\n"
    assert desk.interrupted == [11]
    assert desk.pio("kill", "--experiment", "another").out == "Killed 0 jobs.\n"
    assert desk.pio("kill").status == 2


def test_a_job_that_always_runs_is_stopped_by_name(desk: Any) -> None:
    job = desk.start_job("monitor", pid=14, long_running=True)
    desk.on_interrupt = lambda pid: desk.end_job(job)
    assert desk.pio("kill", "--job-name", "monitor").out == "monitor ended.\nKilled 1 job.\n"


def test_a_process_that_is_gone_or_anothers_is_said(desk: Any) -> None:
    job = desk.start_job("stirring", pid=11)
    desk.start_job("od_reading", pid=12)

    def refuse(pid: int) -> None:
        if pid == 12:
            raise PermissionError
        desk.end_job(job)
        raise ProcessLookupError

    desk.on_interrupt = refuse
    typed = desk.pio("kill", "--all-jobs")
    assert "stirring ended." in typed.out
    assert "od_reading (process 12) belongs to another user" in typed.err


def test_kill_switches_leds_off(desk: Any) -> None:
    desk.runtime.stores.volatile("leds").set("B", 40.0)
    typed = desk.pio("kill", "--job-name", "led_intensity")
    assert "LED B switched off." in typed.err
    assert desk.runtime.stores.volatile("leds").get("B") == 0


def test_kill_finds_jobs_by_their_command_lines_where_the_registry_cannot_be_read(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(**_: object) -> None:
        raise StorageError("the disk is full")

    desk.start_job("stirring", pid=11)
    monkeypatch.setattr(desk.runtime.stores.jobs(), "running", unreadable)
    processes = {2**22 + 11: "stirring", 2**22 + 12: "add_media", 2**22 + 13: "monitor"}
    monkeypatch.setattr("pioreactor.cli.commands.kill.job_processes", lambda _: processes)
    typed = desk.pio("kill", "--all-jobs")
    assert (typed.status, typed.out) == (0, "Killed 2 jobs.\n")
    assert sorted(desk.interrupted) == [2**22 + 11, 2**22 + 12]
    assert "the disk is full" in typed.err
    desk.pio("kill", "--job-name", "monitor")
    assert desk.interrupted[2:] == [2**22 + 13]
    assert desk.pio("kill", "--experiment", "e").status == 1


def test_kill_switches_leds_off_although_nothing_can_be_recorded(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = SpyRig()
    desk.runtime = replace(desk.runtime, open_rig=lambda: rig)
    with using(desk.runtime) as runtime:
        set_leds(runtime, {"A": 50.0, "B": 20.0})
    cache = desk.runtime.stores.volatile(LEDS)

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(cache, "set", full)
    monkeypatch.setattr(desk.runtime.stores.jobs(), "register", lambda **_: full())
    typed = desk.pio("kill", "--all-jobs")
    assert typed.status == 0, typed.err
    assert "switched off" in typed.err
    assert (rig.leds().intensities["A"], rig.leds().intensities["B"]) == (0.0, 0.0)
