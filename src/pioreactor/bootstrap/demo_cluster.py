"""A cluster on this machine, with the adapters it needs."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor.cluster.demo_cluster import LocalCluster, LocalClusterPlan
from pioreactor.http.client import StandardHttpClient
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.stores import SqliteUnitStores


def local_cluster(plan: LocalClusterPlan, *, say: Callable[[str], None] = print) -> LocalCluster:
    """Return a cluster that is not started yet."""
    return LocalCluster(plan, http=StandardHttpClient(), running_jobs=_running_jobs, say=say)


def _running_jobs(paths: Paths) -> set[int]:
    stores = SqliteUnitStores(paths)
    try:
        return {record.pid for record in stores.jobs().running()}
    finally:
        stores.close()
