"""A test that leaves something behind fails itself."""

import threading
from collections.abc import Iterator

import pytest

from pioreactor.automations import registry


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
