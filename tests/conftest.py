"""A test that leaves something behind fails itself."""

import gc
import threading
from collections.abc import Iterator

import pytest
from tests.postgresql_server import PostgresServer, running_server

from pioreactor.automations import registry
from pioreactor.calibrations.models import CalibrationBase
from pioreactor.estimators.models import EstimatorBase
from pioreactor.structs.tagged import kinds_of


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresServer]:
    """A server of the tests, started by the first that needs one."""
    with running_server() as server:
        yield server


@pytest.fixture
def leader_url(postgresql_server: PostgresServer) -> Iterator[str]:
    """The address of a new database of PostgreSQL with the leader's schema."""
    url = postgresql_server.leader_database()
    yield url
    postgresql_server.drop(url)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fail the test that leaks a thread, not the innocent one after it."""
    before = set(threading.enumerate())
    yield
    leaked = {t.name for t in threading.enumerate() if t not in before and t.is_alive()}
    leaked = {name for name in leaked if not name.startswith(("asyncio", "execnet", "ThreadPoolExecutor", "AnyIO"))}
    assert not leaked, f"threads still running: {sorted(leaked)}"


@pytest.fixture(autouse=True)
def automations_are_those_of_the_module(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Know ours and those that the test's own module defines, and forget what the test defines.

    A subclass takes the place of ours, whose name it inherits, and a test must not depend on what others define.
    """
    own = request.module.__name__
    registered = {
        kind: {name: automation for name, automation in known.items() if automation.__module__ == own}
        for kind, known in registry._registered.items()
    }
    monkeypatch.setattr(registry, "_registered", registered)


@pytest.fixture(autouse=True)
def no_calibration_or_estimator_type_stays() -> Iterator[None]:
    """Collect types that a test defines: they are found through their base class while they exist."""
    before = {*kinds_of(CalibrationBase), *kinds_of(EstimatorBase)}
    yield
    if not before >= {*kinds_of(CalibrationBase), *kinds_of(EstimatorBase)}:
        gc.collect()
        defined = {kind for kind in kinds_of(CalibrationBase) | kinds_of(EstimatorBase) if kind not in before}
        assert not defined, f"types still known: {sorted(defined)}"
