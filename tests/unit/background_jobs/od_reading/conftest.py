"""Benches on which optical density is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pioreactor.testing.simulation import Bench, simulated_bench


@pytest.fixture
def set_up() -> Iterator[Callable[..., Bench]]:
    """Return a function that sets up a bench; the default scenario is still water."""
    with ExitStack() as benches:

        def make(**options: Any) -> Bench:
            return benches.enter_context(simulated_bench(**{"scenario": "water", "calibrated_pumps": False, **options}))

        yield make


@pytest.fixture
def bench(set_up: Callable[..., Bench]) -> Bench:
    return set_up()
