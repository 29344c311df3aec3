"""Jobs while the broker is unreachable: they continue, log it once, and publish everything afterwards."""

from pioreactor.background_jobs.stirring import start_stirring
from pioreactor.jobs.job import BackgroundJob
from pioreactor.jobs.settings import Setting
from pioreactor.testing.simulation import EXPERIMENT, Bench


class Counting(BackgroundJob):
    job_name = "counting"
    count = Setting(0)

    def __init__(self) -> None:
        super().__init__("unit1", EXPERIMENT)
        self.every(1.0, self.go_on)

    def go_on(self) -> None:
        self.count += 1


def test_broker_unreachable_from_the_start(bench: Bench) -> None:
    bench.simulation.broker.stop()
    job = bench.start(Counting)
    assert job.state == job.READY
    bench.wait(60.5)
    assert job.count == 60
    bench.simulation.broker.start()
    bench.wait(0.1)
    assert bench.retained("counting/$state") == b"ready"
    assert bench.retained("counting/count") == b"60"
    bench.set("counting", "count", "100")
    bench.wait(0.1)
    assert job.count == 100, "subscriptions hold although the broker came later"
    assert len([line for line in bench.logged("warning") if "broker" in line]) == 1
    assert len([line for line in bench.logged("info") if "again" in line]) == 1


def test_broker_unreachable_twice(bench: Bench) -> None:
    job = bench.start(Counting)
    for _ in range(2):
        bench.wait(5.0)
        bench.simulation.broker.stop()
        bench.wait(100.0)
        bench.simulation.broker.start()
    bench.wait(5.0)
    assert job.count == 214
    assert bench.retained("counting/count") == str(job.count).encode()
    assert len([line for line in bench.logged("warning") if "broker" in line]) == 2


def test_a_short_outage_is_not_logged(bench: Bench) -> None:
    bench.start(Counting)
    bench.wait(5.0)
    bench.simulation.broker.stop()
    bench.wait(2.0)
    bench.simulation.broker.start()
    bench.wait(60.0)
    assert [line for line in bench.logged() if "broker" in line] == []


class Dosing(BackgroundJob):
    """Has its lane to itself for half a minute, as an exchange of liquid does."""

    job_name = "dosing"

    def __init__(self) -> None:
        super().__init__("unit1", EXPERIMENT)
        self.later(1.0, lambda: self.sleep(30.0))


def test_a_busy_job_corrects_a_lost_state_at_once(bench: Bench) -> None:
    bench.start(Dosing)
    bench.wait(2.0)
    bench.bus.publish(f"pioreactor/unit1/{EXPERIMENT}/dosing/$state", b"lost", retain=True)
    bench.wait(0.1)
    assert bench.retained("dosing/$state") == b"ready"


def test_a_busy_job_publishes_its_state_on_reconnection(bench: Bench) -> None:
    bench.start(Dosing)
    bench.wait(2.0)
    bench.simulation.broker.stop()
    bench.simulation.broker._retained.clear()
    bench.simulation.broker.start()
    bench.wait(0.1)
    assert bench.retained("dosing/$state") == b"ready"


def test_everything_is_republished_after_the_broker_lost_its_state(bench: Bench) -> None:
    bench.start(Counting)
    bench.wait(5.0)
    bench.simulation.broker.stop()
    bench.simulation.broker._retained.clear()
    bench.simulation.broker.start()
    bench.wait(0.1)
    assert bench.retained("counting/$state") == b"ready"
    assert bench.retained("counting/count") == b"5"


def test_a_running_job_corrects_a_lost_state(bench: Bench) -> None:
    job = bench.start(Counting)
    bench.wait(1.0)
    link = job._registration.bus
    link.lose_connection()  # type: ignore[attr-defined]
    assert bench.retained("counting/$state") == b"lost"
    link.restore_connection()  # type: ignore[attr-defined]
    bench.wait(1.0)
    assert bench.retained("counting/$state") == b"ready"
    bench.bus.publish("pioreactor/unit1/simulation/counting/$state", b"lost", retain=True)
    bench.wait(1.0)
    assert bench.retained("counting/$state") == b"ready"


def test_outputs_go_off_without_a_broker(bench: Bench) -> None:
    stirrer = bench.start(lambda: start_stirring(500))
    bench.wait(60.0)
    assert bench.unit.world.outputs["stirring"] > 0
    bench.simulation.broker.stop()
    stirrer.set_state(stirrer.SLEEPING)
    assert bench.unit.world.outputs["stirring"] == 0.0
    stirrer.set_state(stirrer.READY)
    bench.wait(30.0)
    assert bench.unit.world.outputs["stirring"] > 0
    stirrer.clean_up()
    assert bench.unit.world.outputs["stirring"] == 0.0
    assert bench.unit.runtime.stores.jobs().running() == []
