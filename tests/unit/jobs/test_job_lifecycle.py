"""Lifecycle of a job: hooks run before the state is published, illegal transitions are refused."""

import itertools
from typing import Any

import pytest

from pioreactor.exc import IllegalTransitionError, JobPresentError, NotActiveWorkerError, StoppedError
from pioreactor.jobs import restart_policy
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.lifecycle import Lifecycle
from pioreactor.jobs.measurement import Measurement
from pioreactor.jobs.published_attribute import Status
from pioreactor.jobs.settings import Setting
from pioreactor.runtime import context
from pioreactor.states import LEGAL, JobState
from pioreactor.testing.simulation import EXPERIMENT, Bench


class Watched(BackgroundJob):
    """Remembers which hooks ran and what state was announced by then."""

    job_name = "watched"
    speed = Setting(5.0, ge=0, le=10, unit="rpm")
    kept = Status("kept", persist=True)
    reading = Measurement[float]()

    def __init__(self, bench: Bench, **options: Any) -> None:
        self.bench = bench
        self.hooks: list[tuple[str, str]] = []
        super().__init__("unit1", EXPERIMENT)

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("on_") or name == "on_init":
            return super().__getattribute__(name)
        announced = self.bench.states("watched")
        return lambda: self.hooks.append((name, announced[-1]))


def watched(bench: Bench) -> Watched:
    return bench.start(lambda: Watched(bench))


# ---- the table --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "target"), list(itertools.product(JobState, JobState)))
def test_transitions_follow_the_table(before: JobState, target: JobState) -> None:
    told: list[str] = []
    lifecycle = Lifecycle(told.append, lambda state: told.append(f"announced {state}"))
    lifecycle.state = before
    if target == before:
        lifecycle.to(target)
        assert told == []
    elif target in LEGAL[before]:
        lifecycle.to(target)
        assert told == [f"on_{before}_to_{target}", f"on_{target}", f"announced {target}"]
        assert lifecycle.state == target
    else:
        with pytest.raises(IllegalTransitionError, match=f"{before}.*{target}"):
            lifecycle.to(target)
        assert told == []
        assert lifecycle.state == before


def test_hooks_run_before_the_state_is_published(bench: Bench) -> None:
    job = watched(bench)
    job.set_state(job.SLEEPING)
    job.set_state(job.READY)
    job.clean_up()
    assert bench.states("watched") == ["init", "ready", "sleeping", "ready", "disconnected"]
    assert job.hooks == [
        ("on_init_to_ready", "init"),
        ("on_ready", "init"),
        ("on_ready_to_sleeping", "ready"),
        ("on_sleeping", "ready"),
        ("on_sleeping_to_ready", "sleeping"),
        ("on_ready", "sleeping"),
        ("on_ready_to_disconnected", "ready"),
        ("on_disconnected", "ready"),
    ]


def test_a_hook_that_raises_is_logged_and_changes_nothing_else(bench: Bench) -> None:
    class Clumsy(BackgroundJob):
        job_name = "clumsy"

        def on_sleeping(self) -> None:
            raise ValueError("fell over the cable")

        on_disconnected = on_sleeping

    job = bench.start(lambda: Clumsy("unit1", EXPERIMENT))
    job.set_state(job.SLEEPING)
    assert job.state == job.SLEEPING
    job.clean_up()
    assert bench.states("clumsy")[-1] == "disconnected"
    assert sum("fell over the cable" in line for line in bench.logged("error")) == 2


# ---- commands ---------------------------------------------------------------------------------------------------


def test_commands_over_mqtt_change_the_state(bench: Bench) -> None:
    job = watched(bench)
    bench.set("watched", "state", "sleeping")
    bench.wait(0.1)
    assert job.state == job.SLEEPING
    bench.set_on_all("watched", "state", "ready")
    bench.wait(0.1)
    assert job.state == job.READY
    bench.set("watched", "state", "disconnected")
    bench.wait(0.1)
    assert bench.states("watched")[-1] == "disconnected"
    assert bench.unit.runtime.stores.jobs().running() == []


@pytest.mark.parametrize("wanted", ["init", "lost", "READY!", "", "\x00"])
def test_states_that_cannot_be_requested_are_refused(bench: Bench, wanted: str) -> None:
    job = watched(bench)
    bench.set("watched", "state", wanted)
    bench.wait(0.1)
    assert job.state == job.READY
    assert bench.states("watched") == ["init", "ready"]
    assert len([line for line in bench.logged("warning") if line.startswith("Refused")]) == 1


def test_a_setting_is_set_published_and_logged(bench: Bench) -> None:
    job = watched(bench)
    bench.set("watched", "speed", "7")
    bench.wait(0.1)
    assert job.speed == 7.0
    assert bench.retained("watched/speed") == b"7.0"
    assert f"Set speed 5 → 7 rpm on {bench.unit.name}." in bench.logged("info")
    assert bench.unit.runtime.stores.jobs().settings(job.job_id)["speed"] == 7.0


@pytest.mark.parametrize("payload", ["11", "-1", "nan", "fast", ""])
def test_an_invalid_value_is_refused_and_the_old_one_republished(bench: Bench, payload: str) -> None:
    job = watched(bench)
    bench.messages.clear()
    bench.set("watched", "speed", payload)
    bench.wait(0.1)
    assert job.speed == 5.0
    assert bench.payloads("watched/speed") == [b"5.0"]
    assert any("Refused" in line and "speed" in line for line in bench.logged("warning"))


def test_read_only_and_unknown_settings_stay_as_they_are(bench: Bench) -> None:
    job = watched(bench)
    bench.set("watched", "reading", "1")
    bench.set("watched", "color", "red")
    bench.wait(0.1)
    assert job.reading is None
    assert not hasattr(job, "color")
    assert bench.logged("warning") == ["Refused: reading is read-only."]


def test_retained_commands_are_ignored(bench: Bench) -> None:
    bench.set("watched", "speed", "9", retain=True)
    bench.set("watched", "state", "disconnected", retain=True)
    job = watched(bench)
    bench.wait(1.0)
    assert job.speed == 5.0
    assert job.state == job.READY


def test_a_setter_of_the_class_is_called(bench: Bench) -> None:
    class WithSetter(BackgroundJob):
        job_name = "with_setter"
        published_settings = {"on": {"datatype": "boolean", "settable": True}}  # noqa: RUF012  as plugins write it

        def __init__(self) -> None:
            super().__init__("unit1", EXPERIMENT)
            self.on = False
            self.calls: list[object] = []

        def set_on(self, value: bool) -> None:
            self.calls.append(value)
            self.on = value

    job = bench.start(WithSetter)
    bench.set("with_setter", "on", "TRUE")
    bench.wait(0.1)
    assert job.calls == [True]
    assert bench.retained("with_setter/on") == b"True"


def test_an_error_in_a_callback_is_in_the_jobs_own_log(bench: Bench) -> None:
    class Broken(BackgroundJob):
        job_name = "broken"
        published_settings = {"x": {"datatype": "float", "settable": True}}  # noqa: RUF012  as plugins write it

        def set_x(self, value: float) -> None:
            raise RuntimeError("the valve is stuck")

    job = bench.start(lambda: Broken("unit1", EXPERIMENT))
    bench.set("broken", "x", "1")
    bench.wait(0.1)
    assert any("the valve is stuck" in line for line in bench.logged("error"))
    assert job.state == job.READY


def test_a_log_record_from_elsewhere_does_not_wait_for_the_job(bench: Bench) -> None:
    """A plugin's own thread may log while the job's lane has nothing to do."""
    job = watched(bench)
    bench.wait(5.0)
    job.logger.notice("hello from outside")
    assert bench.logged("notice") == ["hello from outside"]


# ---- beginning ----------------------------------------------------------------------------------------------------


def test_a_second_instance_is_refused_and_the_first_continues(bench: Bench) -> None:
    job = watched(bench)
    with pytest.raises(JobPresentError, match="already running"):
        watched(bench)
    bench.wait(1.0)
    assert job.state == job.READY
    assert bench.retained("watched/$state") == b"ready"
    assert len(bench.unit.runtime.stores.jobs().running(job_name="watched")) == 1
    job.clean_up()
    watched(bench)


def test_a_failed_constructor_is_cleaned_up(bench: Bench) -> None:
    class Halfway(BackgroundJob):
        job_name = "halfway"
        level = Setting(1.0)

        def __init__(self, *, fails: bool) -> None:
            super().__init__("unit1", EXPERIMENT)
            self.fan = self.runtime.open_rig().pwm("stirring", owner=self.owner, hz=200)
            self.fan.set_duty(50.0)
            self.level = 2.0
            if fails:
                raise RuntimeError("no vial")

        def on_disconnected(self) -> None:
            self.fan.release()

    with pytest.raises(RuntimeError, match="no vial"):
        bench.start(lambda: Halfway(fails=True))
    assert bench.unit.world.outputs["stirring"] == 0.0
    assert bench.retained("halfway/$state") == b"disconnected"
    assert bench.retained("halfway/level") is None
    assert bench.unit.runtime.stores.jobs().running() == []
    assert "no vial" in " ".join(bench.logged("error"))
    again = bench.start(lambda: Halfway(fails=False))
    assert again.state == again.READY


def test_a_job_of_an_inactive_worker_does_not_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(bench.unit.runtime.identity), "is_active", lambda self: False)
    with pytest.raises(NotActiveWorkerError):
        watched(bench)
    assert bench.states("watched") == []


@pytest.mark.parametrize("name", ["Stirring", "run", "leds", "", "with-dash", "1st", "pwm"])
def test_names_that_would_collide_are_refused(bench: Bench, name: str) -> None:
    job_class = type("Named", (BackgroundJob,), {"job_name": name})
    with pytest.raises(ValueError, match="job_name"):
        bench.start(lambda: job_class("unit1", EXPERIMENT))


def test_code_on_a_lane_finds_the_runtime_of_its_unit(set_up: Any) -> None:
    bench = set_up(units=("one", "two"))
    found: list[str] = []

    class Looking(BackgroundJob):
        job_name = "looking"

        def __init__(self) -> None:
            super().__init__(context.current().unit, EXPERIMENT)
            self.later(1.0, lambda: found.append(context.current().unit))

    for unit in bench.simulation.units:
        bench.start(Looking, on=unit)
    bench.wait(2.0)
    assert found == ["one", "two"]


# ---- the end ------------------------------------------------------------------------------------------------------


def test_a_clean_end_clears_what_is_not_kept_and_leaves_the_state(bench: Bench) -> None:
    with watched(bench) as job:
        job.reading = 1.5
        bench.wait(0.1)
        assert bench.retained("watched/reading") == b"1.5"
    assert bench.retained("watched/reading") is None
    assert bench.retained("watched/speed") is None
    assert bench.retained("watched/kept") == b"kept"
    assert bench.retained("watched/$state") == b"disconnected"
    job.clean_up()
    assert bench.states("watched").count("disconnected") == 1
    record = bench.unit.runtime.stores.jobs().get(job.job_id)
    assert record is not None
    assert record.ended_at is not None


def test_a_stop_interrupts_the_jobs_own_waits(bench: Bench) -> None:
    ended: list[float] = []

    class Patient(BackgroundJob):
        job_name = "patient"

        def __init__(self) -> None:
            super().__init__("unit1", EXPERIMENT)
            self.later(1.0, self.work)

        def work(self) -> None:
            try:
                self.sleep(1e6)
            except StoppedError:
                ended.append(self.runtime.clock.monotonic())
                raise

    bench.start(Patient)
    bench.wait(5.0)
    bench.set("patient", "state", "disconnected")
    bench.wait(0.1)
    assert ended == [5.0]
    assert bench.states("patient")[-1] == "disconnected"
    assert bench.logged("error") == []


def test_blocking_user_code_does_not_keep_a_job_alive(bench: Bench) -> None:
    """A plugin's own time.sleep cannot be interrupted: the caller that ends the job switches off in its place."""

    class Blocking(BackgroundJob):
        job_name = "blocking"

        def __init__(self) -> None:
            super().__init__("unit1", EXPERIMENT)
            self.fan = self.runtime.open_rig().pwm("stirring", owner=self.owner, hz=200)
            self.fan.set_duty(50.0)
            self.later(1.0, lambda: self.runtime.clock.sleep(1e5))

        def on_disconnected(self) -> None:
            self.fan.release()

    job = bench.start(Blocking)
    bench.wait(5.0)
    began_s = bench.simulation.clock.monotonic()
    job.clean_up()
    assert bench.simulation.clock.monotonic() - began_s <= 6.0
    assert bench.unit.world.outputs["stirring"] == 0.0
    assert bench.retained("blocking/$state") == b"disconnected"
    bench.wait(2e5)
    assert bench.states("blocking").count("disconnected") == 1


def test_a_full_disk_does_not_end_a_job(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from pioreactor.exc import StorageError
    from pioreactor.storage.memory import MemoryJobRegistry

    job = watched(bench)
    is_full = True
    kept = MemoryJobRegistry.set_setting

    def set_setting(self: MemoryJobRegistry, *args: Any, **kwargs: Any) -> None:
        if is_full:
            raise StorageError("no space left")
        kept(self, *args, **kwargs)

    def refuse(*args: Any) -> None:
        raise StorageError("no space left for desired_jobs")

    monkeypatch.setattr(MemoryJobRegistry, "set_setting", set_setting)
    monkeypatch.setattr(restart_policy, "record_desired", refuse)
    monkeypatch.setattr(restart_policy, "remove_desired", refuse)
    for value in (1, 2, 3):
        bench.set("watched", "speed", value)
        bench.wait(1.0)
    assert job.speed == 3.0
    assert bench.retained("watched/speed") == b"3.0"
    assert len([line for line in bench.logged("warning") if "no space left." in line]) == 1
    is_full = False
    bench.set("watched", "state", "sleeping")
    bench.wait(1.0)
    assert bench.unit.runtime.stores.jobs().settings(job.job_id)["speed"] == 3.0
    job.clean_up()
    assert job.hooks[-1][0] == "on_disconnected"
    assert bench.retained("watched/$state") == b"disconnected"
