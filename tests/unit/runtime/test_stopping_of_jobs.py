"""How jobs are asked to end, and how it is told which did."""

from pioreactor.runtime.process_stopping import stop
from pioreactor.storage.memory import MemoryJobRegistry
from pioreactor.storage.ports import JobRecord


class Processes:
    """Processes by number: each ends when interrupted, unless it is deaf or another user's."""

    def __init__(self, *, deaf: int = 0, of_another_user: int = 0) -> None:
        self.asked: list[int] = []
        self.waited_s = 0.0
        self._deaf = deaf
        self._of_another_user = of_another_user
        self._ended: set[int] = set()
        self.registry = MemoryJobRegistry(alive=lambda pid, _started_at: pid not in self._ended)

    def job(self, name: str, pid: int) -> JobRecord:
        job_id = self.registry.register(
            unit="unit1",
            experiment="exp",
            job_name=name,
            job_source="user",
            leader="unit1",
            pid=pid,
            is_long_running=False,
            started_at="2030-01-01T00:00:00.000Z",
            exclusive=True,
        )
        return self.registry.running(job_id=job_id)[0]

    def interrupt(self, pid: int) -> None:
        if pid == self._of_another_user:
            raise PermissionError
        self.asked.append(pid)
        if pid != self._deaf:
            self._ended.add(pid)

    def pause(self, duration_s: float) -> bool:
        self.waited_s += duration_s
        return False


def names(records: tuple[JobRecord, ...]) -> list[str]:
    return [record.job_name for record in records]


def test_outputs_stop_before_what_decides_and_light_last() -> None:
    there = Processes()
    jobs = [there.job(n, p) for n, p in (("led_automation", 1), ("od_reading", 2), ("stirring", 3), ("add_media", 4))]
    stopped = stop(jobs, there.registry, pause=there.pause, patience_s=5.0, interrupt=there.interrupt)
    assert there.asked == [3, 4, 2, 1]
    assert names(stopped.ended) == ["led_automation", "od_reading", "stirring", "add_media"]
    assert there.waited_s == 0


def test_a_process_with_two_jobs_is_asked_once() -> None:
    there = Processes()
    jobs = [there.job("add_media", 7), there.job("dosing_automation", 7)]
    assert len(stop(jobs, there.registry, pause=there.pause, patience_s=5.0, interrupt=there.interrupt).ended) == 2
    assert there.asked == [7]


def test_a_job_that_has_ended_meanwhile_is_not_asked() -> None:
    there = Processes()
    jobs = [there.job("stirring", 1)]
    there.registry.finish(jobs[0].job_id, ended_at="2030-01-01T00:00:01.000Z")
    assert names(stop(jobs, there.registry, pause=there.pause, patience_s=5.0, interrupt=there.interrupt).ended) == [
        "stirring"
    ]
    assert there.asked == []


def test_the_deaf_and_the_foreign_are_told_apart() -> None:
    there = Processes(deaf=1, of_another_user=2)
    jobs = [there.job("stirring", 1), there.job("od_reading", 2), there.job("led_automation", 3)]
    stopped = stop(jobs, there.registry, pause=there.pause, patience_s=2.0, interrupt=there.interrupt)
    assert (names(stopped.ended), names(stopped.still_running), names(stopped.not_allowed)) == (
        ["led_automation"],
        ["stirring"],
        ["od_reading"],
    )
    assert round(there.waited_s, 6) == 2.0


def test_waiting_ends_when_it_has_become_pointless() -> None:
    there = Processes(deaf=1)
    looks: list[float] = []

    def closing(duration_s: float) -> bool:
        looks.append(duration_s)
        return True

    stopped = stop(
        [there.job("stirring", 1)], there.registry, pause=closing, patience_s=60.0, interrupt=there.interrupt
    )
    assert len(looks) == 1
    assert names(stopped.still_running) == ["stirring"]
