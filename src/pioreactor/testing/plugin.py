"""The pytest plugin that comes with the package: `simulated` gives tests a bench with reactors in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pioreactor.testing.simulation import Bench


@pytest.fixture
def simulated() -> Iterator[Callable[..., Bench]]:
    """Return a function that sets up a bench: `simulated(scenario="ecoli_batch", seed=1)`."""
    from pioreactor.testing.simulation import simulated_bench

    with ExitStack() as benches:

        def set_up(**options: Any) -> Bench:
            return benches.enter_context(simulated_bench(**options))

        yield set_up
