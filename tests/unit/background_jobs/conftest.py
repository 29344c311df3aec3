"""A leader's database that is ready to be copied: making one takes longer than most tests."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pioreactor.storage.leader.migrate import upgrade


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("database") / "pioreactor.sqlite"
    upgrade(path)
    return path


@pytest.fixture
def new_database(empty_database: Path, tmp_path: Path) -> Callable[[], Path]:
    """Return what makes a new database for one test."""
    return lambda: Path(shutil.copy(empty_database, tmp_path / "pioreactor.sqlite"))
