"""Background tasks and their results."""

import threading
from collections.abc import Iterator

import pytest

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.web import tasks as tasks_module
from pioreactor.web.problems import BusyError
from pioreactor.web.tasks import RETENTION_S, TaskResult, Tasks


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def tasks(now: list[float]) -> Iterator[Tasks]:
    made = Tasks("unit1", threads=1, seconds=lambda: now[0])
    yield made
    made.close()


def finished(tasks: Tasks, task_id: str) -> TaskResult:
    for _ in range(500):
        found = tasks.find(task_id)
        if found.status in ("succeeded", "failed"):
            return found
        threading.Event().wait(0.01)
    raise AssertionError("never finished")


def test_a_task_says_what_it_does(tasks: Tasks) -> None:
    said, goes_ahead = threading.Event(), threading.Event()

    def work() -> None:
        tasks.report("Checking the code.")
        said.set()
        assert goes_ahead.wait(10)
        tasks.report("Sending them.")

    task_id = tasks.start("joining", work).task_id
    other_id = tasks.start("another", lambda: None).task_id
    assert said.wait(10)
    assert (tasks.find(task_id).status, tasks.find(task_id).step) == ("running", "Checking the code.")
    goes_ahead.set()
    assert finished(tasks, task_id).step == "Sending them."
    assert finished(tasks, other_id).step == ""


def test_a_result_can_be_fetched_repeatedly_even_none(tasks: Tasks) -> None:
    task_id = tasks.start("nothing", lambda: None).task_id
    assert finished(tasks, task_id).result is None
    assert finished(tasks, task_id).status == "succeeded"


def test_an_error_keeps_message_and_remedy(tasks: Tasks) -> None:
    def refuse() -> None:
        raise InvalidRequestError("too fast", remedy="Slow down.")

    found = finished(tasks, tasks.start("refusing", refuse).task_id)
    assert (found.status, found.error, found.remediation, found.error_status) == (
        "failed",
        "too fast",
        "Slow down.",
        400,
    )


def test_an_unexpected_error_fails_the_task(tasks: Tasks) -> None:
    found = finished(tasks, tasks.start("dividing", lambda: 1 // 0).task_id)
    assert found.status == "failed"
    assert found.cause == "ZeroDivisionError"


def test_results_expire_after_an_hour(tasks: Tasks, now: list[float]) -> None:
    task_id = tasks.start("work", lambda: 1).task_id
    finished(tasks, task_id)
    now[0] = RETENTION_S - 1
    assert tasks.find(task_id).result == 1
    now[0] = RETENTION_S + 1
    with pytest.raises(NotFoundError):
        tasks.find(task_id)


def test_a_lock_is_exclusive_and_released(tasks: Tasks) -> None:
    go_on = threading.Event()
    first = tasks.start("updating", lambda: go_on.wait(10), lock="update").task_id
    with pytest.raises(ConflictError):
        tasks.start("updating", lambda: None, lock="update")
    go_on.set()
    finished(tasks, first)
    assert finished(tasks, tasks.start("updating", lambda: 2, lock="update").task_id).result == 2


def test_requests_do_not_wait_for_own_tasks(tasks: Tasks) -> None:
    """A leader that asks itself must be answered while its asking threads all wait."""

    def ask() -> object:
        return finished(tasks, tasks.start("own", lambda: "answered").task_id).result

    assert finished(tasks, tasks.start("asking", ask, pool="requests").task_id).result == "answered"


def test_too_many_pending_tasks_are_refused(tasks: Tasks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_module, "_MAX_PENDING", 2)
    go_on = threading.Event()
    for _ in range(2):
        tasks.start("waiting", lambda: go_on.wait(10))
    with pytest.raises(BusyError):
        tasks.start("one more", lambda: None)
    go_on.set()
