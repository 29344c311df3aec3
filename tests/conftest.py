"""A test that leaves something behind fails itself."""

import gc
import threading
from collections.abc import Iterator

import pytest

from pioreactor.automations import registry
from pioreactor.calibrations.models import CalibrationBase
from pioreactor.estimators.models import EstimatorBase
from pioreactor.structs.tagged import kinds_of


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail the test that leaks a thread, not the innocent one after it."""
    before = set(threading.enumerate())
    yield
    leaked = {t.name for t in threading.enumerate() if t not in before and t.is_alive()}
    leaked = {name for name in leaked if not name.startswith(("asyncio", "execnet", "ThreadPoolExecutor", "AnyIO"))}
    assert not leaked, f"threads still running: {sorted(leaked)}"


@pytest.fixture(autouse=True)
def automations_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget automations that a test defines: a subclass takes the place of ours, whose name it inherits."""
    monkeypatch.setattr(registry, "_registered", {kind: dict(known) for kind, known in registry._registered.items()})


@pytest.fixture(autouse=True)
def no_calibration_or_estimator_type_stays() -> Iterator[None]:
    """Collect types that a test defines: they are found through their base class while they exist."""
    before = {*kinds_of(CalibrationBase), *kinds_of(EstimatorBase)}
    yield
    if not before >= {*kinds_of(CalibrationBase), *kinds_of(EstimatorBase)}:
        gc.collect()
        defined = {kind for kind in kinds_of(CalibrationBase) | kinds_of(EstimatorBase) if kind not in before}
        assert not defined, f"types still known: {sorted(defined)}"
