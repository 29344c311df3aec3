"""Actions: registered while they run, stopped like jobs, and cleaned up afterwards."""

import pytest

from pioreactor.exc import JobPresentError, NotActiveWorkerError, StoppedError
from pioreactor.jobs.managed_lifecycle import long_running_managed_lifecycle, managed_lifecycle
from pioreactor.runtime import context
from pioreactor.testing.simulation import EXPERIMENT, Bench


def run_action(bench: Bench, duration_s: float = 100.0, name: str = "od_blank") -> list[str]:
    """Start an action beside the test; return what it notes."""
    notes: list[str] = []

    def act() -> None:
        with managed_lifecycle("unit1", EXPERIMENT, name) as state:
            state.publish_setting("progress", 0.5)
            try:
                state.sleep(duration_s)
                notes.append("done")
            except StoppedError:
                notes.append(f"stopped@{state.runtime.clock.monotonic():g}")
                raise

    def body() -> None:
        try:
            act()
        except StoppedError:
            notes.append("left")

    bench.unit.run(body, name=name)
    return notes


def test_an_action_is_registered_while_it_runs(bench: Bench) -> None:
    notes = run_action(bench)
    bench.wait(1.0)
    assert bench.states("od_blank") == ["init", "ready"]
    (record,) = bench.unit.runtime.stores.jobs().running(job_name="od_blank")
    assert bench.unit.runtime.stores.jobs().settings(record.job_id) == {"progress": 0.5}
    bench.wait(100.0)
    assert notes == ["done"]
    assert bench.states("od_blank") == ["init", "ready", "disconnected"]
    assert bench.unit.runtime.stores.jobs().running() == []


@pytest.mark.parametrize("unit", ["unit1", "$broadcast"])
@pytest.mark.parametrize("experiment", [EXPERIMENT, "$experiment"])
def test_an_action_is_stopped_on_all_four_topics(bench: Bench, unit: str, experiment: str) -> None:
    notes = run_action(bench)
    bench.wait(3.0)
    bench.bus.publish(f"pioreactor/{unit}/{experiment}/od_blank/$state/set", "ready")
    bench.wait(1.0)
    assert notes == []
    bench.bus.publish(f"pioreactor/{unit}/{experiment}/od_blank/$state/set", "disconnected")
    bench.wait(1.0)
    assert notes == ["stopped@4", "left"]
    assert bench.retained("od_blank/$state") == b"disconnected"
    assert [line for line in bench.logged("error")] == [], "being stopped is no error"


def test_a_retained_stop_command_is_ignored(bench: Bench) -> None:
    bench.set("od_blank", "state", "disconnected", retain=True)
    notes = run_action(bench, 10.0)
    bench.wait(20.0)
    assert notes == ["done"]


def test_an_error_is_logged_and_leaves_nothing_behind(bench: Bench) -> None:
    with (
        context.using(bench.unit.runtime),
        pytest.raises(ValueError, match="no vial"),
        managed_lifecycle("unit1", EXPERIMENT, "self_test"),
    ):
        raise ValueError("no vial")
    bench.wait(0.1)
    assert "no vial" in bench.logged("error")
    assert bench.unit.runtime.stores.jobs().running() == []
    assert bench.retained("self_test/$state") == b"disconnected"


def test_a_second_action_of_a_name_is_refused_only_if_exclusive(bench: Bench) -> None:
    with context.using(bench.unit.runtime):
        with managed_lifecycle("unit1", EXPERIMENT, "a"), managed_lifecycle("unit1", EXPERIMENT, "a"):
            assert len(bench.unit.runtime.stores.jobs().running(job_name="a")) == 2
        with (
            managed_lifecycle("unit1", EXPERIMENT, "b", exclusive=True),
            pytest.raises(JobPresentError),
            managed_lifecycle("unit1", EXPERIMENT, "b", exclusive=True),
        ):
            pass
        with managed_lifecycle("unit1", EXPERIMENT, "b", exclusive=True):
            pass


def test_long_running_actions_have_topics_with_their_job_id(bench: Bench) -> None:
    with context.using(bench.unit.runtime):
        first = long_running_managed_lifecycle("unit1", EXPERIMENT, "experiment_profile")
        with first, long_running_managed_lifecycle("unit1", EXPERIMENT, "experiment_profile") as second:
            assert first.job_key == f"experiment_profile/{first.job_id}"
            assert bench.retained(f"{second.job_key}/$state") == b"ready"
            first.registration.bus.lose_connection()  # type: ignore[attr-defined]
            assert bench.retained(f"{first.job_key}/$state") == b"lost"
            assert bench.retained(f"{second.job_key}/$state") == b"ready"
            assert all(record.is_long_running_job for record in bench.unit.runtime.stores.jobs().running())


def test_an_action_on_an_inactive_worker_needs_the_override(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(bench.unit.runtime.identity), "is_active", lambda self: False)
    with context.using(bench.unit.runtime):
        with pytest.raises(NotActiveWorkerError):
            managed_lifecycle("unit1", EXPERIMENT, "a")
        with managed_lifecycle("unit1", EXPERIMENT, "a", ignore_is_active_state=True) as state:
            assert state.state == "ready"


def test_it_runs_without_a_broker(bench: Bench) -> None:
    bench.simulation.broker.stop()
    notes = run_action(bench, 5.0)
    bench.wait(10.0)
    assert notes == ["done"]
    assert bench.unit.runtime.stores.jobs().running() == []
