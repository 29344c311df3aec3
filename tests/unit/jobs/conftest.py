"""Simulated benches for tests of jobs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from pioreactor.testing.simulation import Bench, simulated_bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench(scenario="water", calibrated_pumps=False) as made:
        yield made


@pytest.fixture
def set_up() -> Iterator[Callable[..., Bench]]:
    with ExitStack() as benches:
        yield lambda **options: benches.enter_context(simulated_bench(scenario="water", **options))
