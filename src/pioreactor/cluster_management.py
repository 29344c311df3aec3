"""The units of the cluster under the names plugins import. The leader is asked."""

from __future__ import annotations

from typing import Any

from pioreactor.pubsub import get_from_leader


def _workers(endpoint: str) -> list[dict[str, Any]]:
    answer = get_from_leader(endpoint)
    answer.raise_for_status()
    workers: list[dict[str, Any]] = answer.json()
    return workers


def get_workers_in_inventory() -> tuple[str, ...]:
    """Return the names of all workers."""
    return tuple(worker["pioreactor_unit"] for worker in _workers("/api/workers"))


def get_active_workers_in_inventory() -> tuple[str, ...]:
    return tuple(worker["pioreactor_unit"] for worker in _workers("/api/workers") if worker["is_active"])


def get_workers_in_experiment(experiment: str) -> tuple[str, ...]:
    """Return the names of the workers assigned to an experiment."""
    return tuple(worker["pioreactor_unit"] for worker in _workers(f"/api/experiments/{experiment}/workers"))


def get_active_workers_in_experiment(experiment: str) -> tuple[str, ...]:
    workers = _workers(f"/api/experiments/{experiment}/workers")
    return tuple(worker["pioreactor_unit"] for worker in workers if worker["is_active"])
