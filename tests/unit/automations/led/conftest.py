"""A unit in virtual time whose rig is a recording double."""

from collections.abc import Iterator

import pytest

from pioreactor.testing.spy_unit import SpyUnit, spy_unit


@pytest.fixture
def unit() -> Iterator[SpyUnit]:
    with spy_unit(scenario="ideal") as spied:
        yield spied
