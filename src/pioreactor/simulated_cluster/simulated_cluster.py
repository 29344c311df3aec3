"""Simulated reactors, a leader and their web servers in this process, on virtual time that its holder lets pass."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from pioreactor.bootstrap.simulated import SimulatedUnit, Simulation, build_simulation, open_simulation_records
from pioreactor.calibrations.defaults import install_simulated
from pioreactor.clock.ports import Clock
from pioreactor.exc import InvalidRequestError
from pioreactor.http.addresses import base_url
from pioreactor.http.units import Units
from pioreactor.identity import access_tokens
from pioreactor.identity.people import FIRST_PERSON, ensure_first_person
from pioreactor.messaging.ports import BrokerAddress, Message
from pioreactor.simulated_cluster.cli_in_simulation import CommandLines
from pioreactor.simulated_cluster.handed_ports import HandedBuses, HandedClock
from pioreactor.simulated_cluster.in_process_http import InProcessHttp
from pioreactor.simulated_cluster.job_command import start_service
from pioreactor.simulated_cluster.job_processes import SimulatedJobLauncher, interrupter
from pioreactor.simulated_cluster.simulation_thread import SimulationThread
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.web.app import LeaderSide, create_app
from pioreactor.web.asgi import App
from pioreactor.web.catalog import DeclaredCatalog
from pioreactor.web.leader.services import LeaderServices
from pioreactor.web.live.subscriber_policy import Credentials
from pioreactor.web.security.identity import Identity
from pioreactor.web.tasks import Tasks
from pioreactor.web.unit.services import UnitServices

LEADER: Final = "leader"
MAX_REACTORS: Final = 32
_SERVICES: Final = ("mqtt_to_db_streaming", "monitor")
_BOOT_S: Final = 2.0
_END_S: Final = 5.0
_SLICE_S: Final = 60.0
"""Time passes in pieces, so that Ctrl-C in a notebook takes effect."""
_POLL_S: Final = 0.002
"""Real time between two looks at a task: the answer comes from this process."""


@dataclass
class _SimulatedTasks(Tasks):
    """Tasks that wait in virtual time."""

    clock: Clock = field(kw_only=True)

    def pause(self, duration_s: float) -> bool:
        self.clock.sleep(duration_s)
        return self._closing.is_set()


class SimulatedCluster:
    """A leader and reactors `worker1` … Equal arguments and equal requests, one after another, give equal data.

    Time passes in `sleep` and `messages`, and while a request waits for a job. `close` it when done.
    """

    def __init__(
        self,
        *,
        reactors: int = 1,
        scenario: str,
        seed: int,
        experiment: str,
        start: datetime,
        live: BrokerAddress | None = None,
    ) -> None:
        """Build it. `live` is the account for browsers of a broker that `mirror_to` sends the messages to."""
        if not 1 <= reactors <= MAX_REACTORS:
            raise InvalidRequestError(f"a simulated cluster has 1 to {MAX_REACTORS} reactors, not {reactors}")
        self.workers = tuple(f"worker{number}" for number in range(1, reactors + 1))
        self._live = live
        self._folder = Path(tempfile.mkdtemp(prefix="pio-simulated-"))
        self._http = InProcessHttp()
        self._thread = SimulationThread()
        self._simulation: Simulation = self._thread.call(
            lambda: build_simulation(
                units=[LEADER, *self.workers],
                experiment=experiment,
                scenario=scenario,
                seed=seed,
                data_root=self._folder,
                open_records=lambda: open_simulation_records(self._database_path, is_shared=True),
                start=start,
            )
        )
        self._clock = HandedClock(self._thread, self._simulation.clock)
        self._database_path = self._folder / "pioreactor.sqlite"
        self._database = LeaderDatabase.open(self._database_path, now=self._simulation.clock.now)
        self._register(experiment)
        self.password: str | None = ensure_first_person(self._database.people)
        self.token: str = access_tokens.create(
            self._database.people, name="simulation", username=FIRST_PERSON, now=self._clock.now()
        ).token
        secret = access_tokens.PREFIX + "unit-to-unit"
        self._command_lines = CommandLines(self._http, secret, is_paced=lambda: self._thread.spawn is not None)
        self._serve(secret)
        self._boot()
        self._is_closed = False

    # ---- building ------------------------------------------------------------------------------------------

    def _register(self, experiment: str) -> None:
        self._database.experiments.create(experiment, description="Simulated.")
        for name in self.workers:
            model = self._simulation.unit(name).runtime.model()
            self._database.workers.add(name, model_name=model.model_name, model_version=model.model_version)
            self._database.assignments.assign(name, experiment)

    def _serve(self, secret: str) -> None:
        for unit in self._simulation.units:
            services = self._services_of(unit)
            services.others = Units(
                self._http, lambda name: base_url(name, {}), token_for=lambda _: secret, pause=self._pause
            )
            known = {secret: Identity("unit", unit.name)}
            side = self._leader_side(services) if unit.name == LEADER else None
            self._http.hosts[f"{unit.name}.local:80"] = create_app(services, unit_of=known.get, leader=side)

    def _services_of(self, unit: SimulatedUnit) -> UnitServices:
        buses = HandedBuses(self._thread, unit.runtime.buses)
        return UnitServices(
            runtime=replace(unit.runtime, clock=self._clock, buses=buses),
            bus=buses.connect("web"),
            tasks=_SimulatedTasks(unit.name, clock=self._clock),
            launcher=SimulatedJobLauncher(
                ("pio", "run"),
                {},
                seconds=self._clock.monotonic,
                unit=unit,
                thread=self._thread,
                open_cli=self._command_lines,
            ),
            catalog=DeclaredCatalog(unit.runtime.paths.plugins),
            interrupt=interrupter(unit, self._thread),
        )

    def _pause(self, duration_s: float) -> bool:
        """Wait for a task: where time does not pass by itself, it is done as soon as it has been computed."""
        time.sleep(duration_s if self._thread.spawn is not None else _POLL_S)
        return False

    def _leader_side(self, unit: UnitServices) -> LeaderSide:
        assert unit.others is not None
        services = LeaderServices(unit, self._database, unit.bus, unit.others, lambda _: "")
        live = self._live
        if live is None:
            return LeaderSide(services, self._database.people, ("127.0.0.1", 1))
        viewer = Credentials(live.username or "", live.password or "")
        return LeaderSide(services, self._database.people, (live.host, live.port), viewer)

    def _boot(self) -> None:
        def boot() -> None:
            for unit in self._simulation.units:
                if unit.name == LEADER:
                    start_service(unit, "mqtt_to_db_streaming")
                else:
                    install_simulated(unit.runtime)
                start_service(unit, "monitor")
            self._simulation.clock.sleep(_BOOT_S)

        self._thread.call(boot)

    # ---- using ---------------------------------------------------------------------------------------------

    @property
    def app(self) -> App:
        """The leader's web server as an ASGI app."""
        return self._http.hosts[f"{LEADER}.local:80"]

    @property
    def http(self) -> InProcessHttp:
        """HTTP to the units, whose URLs are `url_of`."""
        return self._http

    def url_of(self, unit: str = LEADER) -> str:
        return f"http://{unit}.local:80"

    def now(self) -> datetime:
        """Return the cluster's time (UTC)."""
        return self._clock.now()

    def sleep(self, duration_s: float) -> None:
        """Let time pass [s]."""
        until_s = self._clock.monotonic() + duration_s
        while (left_s := until_s - self._clock.monotonic()) > 1e-9:
            self._clock.sleep(min(left_s, _SLICE_S))

    def monotonic(self) -> float:
        """Return the time that has passed since the beginning [s]."""
        return self._clock.monotonic()

    def let_pass(self, duration_s: float) -> None:
        """Let time pass [s], which from then on no one else does: requests wait for it."""
        clock = self._simulation.clock
        self._thread.spawn = lambda work: clock.spawn(work, name="request")
        self._thread.call(lambda: clock.sleep(duration_s))

    def mirror_to(self, address: BrokerAddress) -> Callable[[], None]:
        """Send all messages on to a real broker; return what ends that."""
        return self._thread.call(lambda: self._simulation.mirror_to(address))

    def truth(self, unit: str) -> dict[str, float]:
        """Return what is really in a simulated reactor: biomass as OD, growth rate [1/h], volume [mL], °C, RPM."""
        snapshot = self._thread.call(lambda: self._simulation.unit(unit).world.snapshot())
        return {
            "od": snapshot.od,
            "growth_rate_per_h": snapshot.growth_rate_per_h,
            "volume_ml": snapshot.volume_ml,
            "liquid_celsius": snapshot.liquid_celsius,
            "rpm": snapshot.rpm,
            "media_added_ml": snapshot.media_added_ml,
        }

    def messages(self, topic_filters: Sequence[str], *, timeout_s: float) -> Iterator[Message]:
        """Yield live messages, letting time pass until each; end when none has come for `timeout_s` of it."""
        found: list[Message] = []
        bus = HandedBuses(self._thread, self._simulation.broker).connect("live")
        try:
            for topic_filter in topic_filters:
                bus.subscribe(topic_filter, found.append)
            while self._thread.call(lambda: _wait_for(found, self._simulation, timeout_s)):
                while found:
                    yield found.pop(0)
        finally:
            bus.close()

    def close(self) -> None:
        """End jobs, servers and threads, and delete what was recorded. Idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        self._thread.spawn = None

        def end() -> None:
            for unit in self._simulation.units:
                unit.stop_jobs(leave=_SERVICES)
            self._simulation.clock.sleep(_END_S)
            for unit in self._simulation.units:
                unit.stop_jobs()
            self._simulation.clock.sleep(_END_S)

        self._thread.call(end)
        self._thread.give_up()
        self._command_lines.close()
        self._http.close()
        self._thread.close()
        self._database.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _wait_for(found: list[Message], simulation: Simulation, timeout_s: float) -> bool:
    """Let time pass until a message has come; return False when none comes in time."""
    until_s = simulation.clock.monotonic() + timeout_s
    while not found and simulation.clock.monotonic() < until_s:
        simulation.clock.sleep(0.1)
    return bool(found)
