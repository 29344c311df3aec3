"""A unit in virtual time whose rig is a recording double."""

from collections.abc import Iterator

import pytest

from pioreactor.testing.spy_unit import SpiedUnit, spied_unit


@pytest.fixture
def unit() -> Iterator[SpiedUnit]:
    with spied_unit(scenario="ideal") as spied:
        yield spied
