"""The cluster of a profile's run over the leader's API: what counts as started."""

from typing import Any

import pytest

from pioreactor.clock.virtual import VirtualClock
from pioreactor.exc import ConflictError
from pioreactor.experiment_profiles.http_cluster import MAX_ATTEMPTS, HttpCluster
from pioreactor.http.fanout import UnitRefusedError


class Leader:
    """A leader that gives one answer, or raises it."""

    def __init__(self, answer: object) -> None:
        self.answer = answer
        self.asked = 0

    def __call__(self, method: str, path: str, *, json: object = None, timeout_s: float = 10.0) -> object:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Going:
    """A signal to stop that is never given."""

    def wait(self, timeout_s: float | None = None) -> bool:
        return False


def start(answer: object) -> Leader:
    leader = Leader(answer)
    nothing: Any = None
    stop: Any = Going()
    cluster = HttpCluster(leader, nothing, nothing, VirtualClock(), experiment="exp", source="profile", stop=stop)
    try:
        cluster.start("unit1", "dosing_automation", options={}, args=[], overrides={})
    except Exception as error:
        error.add_note(str(leader.asked))
        raise
    return leader


def failed_task(status: int) -> UnitRefusedError:
    return UnitRefusedError("no option --volum", kind="task_failed", status=status, cause=None, remedy="See help.")


def test_a_unit_that_reports_success_has_started() -> None:
    assert start({"unit1": {"ok": True}}).asked == 1


@pytest.mark.parametrize("answer", [{}, {"unit2": {"ok": True}}])
def test_a_missing_report_is_a_failure(answer: object) -> None:
    with pytest.raises(ConflictError, match="did not report what unit1 did"):
        start(answer)


def test_a_failed_task_is_a_failed_action_with_its_reason() -> None:
    with pytest.raises(ConflictError, match="no option --volum") as raised:
        start(failed_task(409))
    assert raised.value.remedy == "See help."
    assert raised.value.__notes__ == ["1"]


def test_a_start_is_tried_again_where_the_refusal_passes() -> None:
    with pytest.raises(ConflictError) as raised:
        start(failed_task(429))
    assert raised.value.__notes__ == [str(MAX_ATTEMPTS)]
