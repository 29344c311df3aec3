"""A cluster on this machine, with the adapters it needs."""

from __future__ import annotations

from collections.abc import Callable

from pioreactor.cluster.demo_cluster import DemoCluster, DemoClusterPlan
from pioreactor.http.client import StandardHttpClient
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.stores import SqliteUnitStores


def build_demo_cluster(plan: DemoClusterPlan, *, say: Callable[[str], None] = print) -> DemoCluster:
    """Return a cluster that is not started yet."""
    return DemoCluster(plan, http=StandardHttpClient(), running_jobs=_running_jobs, say=say)


def _running_jobs(paths: Paths) -> set[int]:
    stores = SqliteUnitStores(paths)
    try:
        return {record.pid for record in stores.jobs().running()}
    finally:
        stores.close()
