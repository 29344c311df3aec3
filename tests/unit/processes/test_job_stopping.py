"""Jobs are interrupted in stop order, and those that do not end are reported."""

from pioreactor.processes.job_stopping import stop
from pioreactor.storage.memory import MemoryJobRegistry
from pioreactor.storage.ports import JobRecord


class Processes:
    """Processes by number: each ends when interrupted, unless it ignores the signal or belongs to another user."""

    def __init__(self, *, ignores: int = 0, foreign: int = 0) -> None:
        self.interrupted: list[int] = []
        self.waited_s = 0.0
        self._ignores = ignores
        self._foreign = foreign
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
        if pid == self._foreign:
            raise PermissionError
        self.interrupted.append(pid)
        if pid != self._ignores:
            self._ended.add(pid)

    def pause(self, duration_s: float) -> bool:
        self.waited_s += duration_s
        return False


def names(records: tuple[JobRecord, ...]) -> list[str]:
    return [record.job_name for record in records]


def test_outputs_stop_before_what_decides_and_leds_last() -> None:
    fake = Processes()
    jobs = [fake.job(n, p) for n, p in (("led_automation", 1), ("od_reading", 2), ("stirring", 3), ("add_media", 4))]
    stopped = stop(jobs, fake.registry, pause=fake.pause, patience_s=5.0, interrupt=fake.interrupt)
    assert fake.interrupted == [3, 4, 2, 1]
    assert names(stopped.ended) == ["led_automation", "od_reading", "stirring", "add_media"]
    assert fake.waited_s == 0


def test_a_process_with_two_jobs_is_interrupted_once() -> None:
    fake = Processes()
    jobs = [fake.job("add_media", 7), fake.job("dosing_automation", 7)]
    assert len(stop(jobs, fake.registry, pause=fake.pause, patience_s=5.0, interrupt=fake.interrupt).ended) == 2
    assert fake.interrupted == [7]


def test_a_job_that_has_ended_meanwhile_is_not_interrupted() -> None:
    fake = Processes()
    jobs = [fake.job("stirring", 1)]
    fake.registry.finish(jobs[0].job_id, ended_at="2030-01-01T00:00:01.000Z")
    assert names(stop(jobs, fake.registry, pause=fake.pause, patience_s=5.0, interrupt=fake.interrupt).ended) == [
        "stirring"
    ]
    assert fake.interrupted == []


def test_processes_that_keep_running_and_those_of_others_are_reported() -> None:
    fake = Processes(ignores=1, foreign=2)
    jobs = [fake.job("stirring", 1), fake.job("od_reading", 2), fake.job("led_automation", 3)]
    stopped = stop(jobs, fake.registry, pause=fake.pause, patience_s=2.0, interrupt=fake.interrupt)
    assert (names(stopped.ended), names(stopped.still_running), names(stopped.not_allowed)) == (
        ["led_automation"],
        ["stirring"],
        ["od_reading"],
    )
    assert round(fake.waited_s, 6) == 2.0


def test_waiting_ends_when_pause_says_so() -> None:
    fake = Processes(ignores=1)
    pauses: list[float] = []

    def closing(duration_s: float) -> bool:
        pauses.append(duration_s)
        return True

    stopped = stop(
        [fake.job("stirring", 1)],
        fake.registry,
        pause=closing,
        patience_s=60.0,
        interrupt=fake.interrupt,
    )
    assert len(pauses) == 1
    assert names(stopped.still_running) == ["stirring"]
