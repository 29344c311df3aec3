"""Measures what it costs a request to find who sends it, and to check what that person may do.

Run `python -m bench.sign_in_state [ROUNDS]`. The goal is 0.2 ms; databases are on disk, as on a leader.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pioreactor.identity import access_tokens
from pioreactor.identity.authorization import Request, check
from pioreactor.identity.sessions import COOKIE, STORE, Sessions
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.paths import Paths
from pioreactor.storage.sqlite.stores import SqliteUnitStores
from pioreactor.structs.rights import Rights
from pioreactor.web.security.auth_middleware import Authenticator
from pioreactor.web.security.identity import Cached

GOAL_MS = 0.2
PEOPLE = 30
REQUEST = Request("operate", "units", unit="unit1")


def measured(ask: Callable[[], object], rounds: int) -> str:
    """Return median and 99th percentile of calls [ms]."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - began))
    return f"median {statistics.median(took):.4f} ms, 99 % below {statistics.quantiles(took, n=100)[-1]:.4f} ms"


def main(rounds: int) -> None:
    """Print what a request costs with a session, with a token, and without a valid one."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Paths.below(Path(folder))
        stores = SqliteUnitStores(paths)
        database = LeaderDatabase.open(Path(folder) / "leader.sqlite")
        rights = Rights("operator", units=("unit1", "unit2"))
        database.people.add("ada", "hash", rights)
        sessions = Sessions(stores.persistent(STORE), seconds=time.time)
        cookie, *_ = (sessions.open("ada", address="10.0.0.7", user_agent="Firefox") for _ in range(PEOPLE))
        now = database.access.now
        token = access_tokens.create(database.people, name="script", username="ada", now=now()).token
        authenticator = Authenticator(
            "leader1",
            lambda _: None,
            sessions=sessions,
            bearer_of=Cached(partial(access_tokens.bearer_of, database.people, now=now()), seconds=time.monotonic).of,
            rights_of=Cached(database.people.rights, seconds=time.monotonic).of,
        )

        def admitted(headers: dict[str, str]) -> None:
            identity = authenticator.identify(headers)
            if identity is not None and identity.rights is not None:
                check(identity.rights, REQUEST, experiment_of=lambda _: None)

        for name, sent in (
            ("session", {"cookie": f"{COOKIE}={cookie}"}),
            ("token", {"authorization": f"Bearer {token}"}),
            ("unknown cookie", {"cookie": f"{COOKIE}=x"}),
        ):
            print(f"{name:15} {measured(partial(admitted, sent), rounds)}; goal {GOAL_MS} ms")
        database.close()
        stores.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
