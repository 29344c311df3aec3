"""The exit code of `pio run experiment_profile`."""

from typing import Any

import pytest

from pioreactor.experiment_profiles import run_profile
from pioreactor.experiment_profiles.checkpoint import RunProgress
from pioreactor.experiment_profiles.profile_runner import RunOutcome


@pytest.mark.parametrize(
    ("outcome", "failed", "status"),
    [
        (RunOutcome.FINISHED, 0, 0),
        (RunOutcome.FINISHED, 2, 1),
        (RunOutcome.STOPPED, 2, 0),
        (RunOutcome.INTERRUPTED, 2, 0),
    ],
)
def test_a_run_that_finished_after_failures_ends_with_1(
    desk: Any, monkeypatch: pytest.MonkeyPatch, outcome: RunOutcome, failed: int, status: int
) -> None:
    def run(_runtime: object, progress: RunProgress, _cluster: object, **_options: object) -> RunOutcome:
        progress.failed = failed
        return outcome

    interrupted = RunProgress("run1", "trial.yaml", "", "batch 3", "experiment_profile/1", "2030-01-01T00:00:00.000Z")
    monkeypatch.setattr(run_profile, "interrupted_run", lambda _runtime, _run_id: interrupted)
    monkeypatch.setattr(run_profile, "run_profile", run)
    typed = desk.pio("run", "experiment_profile", "resume", "run1")
    assert typed.status == status, typed.err
