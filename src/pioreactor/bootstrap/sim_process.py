"""A process of virtual time: a number, what it opened and took, and a death after which nothing of it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from pioreactor.clock.ports import Clock
from pioreactor.clock.virtual import VirtualClock, VirtualTask
from pioreactor.devices.ownership import MemoryOwnership
from pioreactor.devices.ports import Lease, Ownership, Rig
from pioreactor.messaging.memory import MemoryBus
from pioreactor.messaging.ports import Will
from pioreactor.runtime import context
from pioreactor.runtime.context import Runtime

Connect = Callable[[str, Will | None], MemoryBus]


class ProcessClock:
    """The cluster's clock; it also knows which tasks belong to this process."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.tasks: list[VirtualTask] = []
        # Taken over as they are: these are called millions of times in a simulated day.
        self.monotonic = clock.monotonic
        self.now = clock.now
        self.sleep = clock.sleep
        self.signal = clock.signal

    def spawn(self, run: Callable[[], None], *, name: str) -> VirtualTask:
        task = self._clock.spawn(run, name=name)
        self.tasks = [known for known in self.tasks if known.is_alive()]
        self.tasks.append(task)
        return task


class ProcessOwnership:
    """The unit's table of leases; it also knows under which names this process has taken some."""

    def __init__(self, table: MemoryOwnership) -> None:
        self._table = table
        self._owners: set[str] = set()

    def acquire(self, resource: str, owner: str) -> Lease:
        lease = self._table.acquire(resource, owner)
        self._owners.add(owner)
        return lease

    def holder(self, resource: str) -> str | None:
        return self._table.holder(resource)

    def abandoned(self) -> list[str]:
        return self._table.abandoned()

    def drop(self) -> None:
        """Let go of everything, as the kernel does when the process is gone."""
        for owner in sorted(self._owners):
            self._table.drop_holder(owner)
        self._owners.clear()


class ProcessBuses:
    """Opens connections and remembers them."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self.open: list[MemoryBus] = []

    def connect(self, client_name: str, *, will: Will | None = None) -> MemoryBus:
        bus = self._connect(client_name, will)
        self.open.append(bus)
        return bus


class SimProcess:
    """Runs one piece of code with a runtime of its own. It ends when the code does, or by `kill`."""

    def __init__(
        self,
        job: Callable[[], object],
        *,
        name: str,
        pid: int,
        runtime: Runtime,
        clock: VirtualClock,
        table: MemoryOwnership,
        connect: Connect,
        open_rig: Callable[[Clock, Ownership], Rig],
    ) -> None:
        self.name = name
        self.pid = pid
        self._clock = ProcessClock(clock)
        self._ownership = ProcessOwnership(table)
        self.buses = ProcessBuses(connect)
        self._is_gone = False
        self.runtime = replace(
            runtime,
            pid=pid,
            clock=self._clock,
            ownership=self._ownership,
            buses=self.buses,
            open_rig=lru_cache(maxsize=1)(lambda: open_rig(self._clock, self._ownership)),
        )
        self.task = self._clock.spawn(lambda: self._run(job), name=f"{runtime.unit}: {name}")

    @property
    def is_alive(self) -> bool:
        return not self._is_gone

    def _run(self, job: Callable[[], object]) -> None:
        context.use(self.runtime)
        try:
            job()
        finally:
            self._let_go()

    def kill(self) -> None:
        """End it as SIGKILL does: no block of it runs any more, outputs stay as they are, the broker sends wills."""
        if self._is_gone:
            return
        for task in self._clock.tasks:
            task.abandon()
        self._let_go()

    def _let_go(self) -> None:
        """What the kernel does for any process that has ended."""
        if self._is_gone:
            return
        self._is_gone = True
        self._ownership.drop()
        for bus in self.buses.open:
            bus.crash()
