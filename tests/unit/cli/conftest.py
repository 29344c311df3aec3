"""A unit in memory whose command line can be typed at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pioreactor.bootstrap.simulated import build_simulation
from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.exit_codes import run
from pioreactor.cli.pios import pios
from pioreactor.cli.tree import pio
from pioreactor.http.loopback import LoopbackHttp
from pioreactor.runtime.context import Runtime
from pioreactor.storage.memory import MemoryUnitStores
from pioreactor.storage.paths import Paths

EXPERIMENT = "batch 3"


@dataclass
class Typed:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


@dataclass
class Desk:
    """A terminal on a simulated unit. No process is ever signaled: `interrupted` has the numbers."""

    runtime: Runtime
    http: LoopbackHttp
    read: Callable[[], tuple[str, str]]
    interrupted: list[int] = field(default_factory=list)
    on_interrupt: Callable[[int], None] = lambda pid: None

    def pio(self, *words: str) -> Typed:
        return self._type(pio, words)

    def pios(self, *words: str) -> Typed:
        return self._type(pios, words)

    def _type(self, command: object, words: tuple[str, ...]) -> Typed:
        def interrupt(pid: int) -> None:
            self.interrupted.append(pid)
            self.on_interrupt(pid)

        cli = CliContext({"HOSTNAME": "unit1"}, runtime=self.runtime, http=self.http, interrupt=interrupt)
        status = run(command, words, obj=cli)  # type: ignore[arg-type]
        return Typed(status, *self.read())

    def start_job(self, name: str, *, pid: int = 4000, source: str = "user", long_running: bool = False) -> int:
        """Register a job as its process would."""
        return self.runtime.stores.jobs().register(
            unit=self.runtime.unit,
            experiment=EXPERIMENT,
            job_name=name,
            job_source=source,
            leader="unit1",
            pid=pid,
            is_long_running=long_running,
            started_at="2030-01-01T00:00:00.000Z",
            exclusive=True,
        )

    def end_job(self, job_id: int) -> None:
        self.runtime.stores.jobs().finish(job_id, ended_at="2030-01-01T00:01:00.000Z")


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    simulation = build_simulation(experiment=EXPERIMENT, data_root=tmp_path, config="[ui]\nport=8080\n")
    runtime = simulation.unit("unit1").runtime
    # Jobs of these tests are rows: no process is asked whether it lives.
    runtime = replace(runtime, paths=Paths.below(tmp_path), stores=MemoryUnitStores())
    runtime.paths.secrets.mkdir(parents=True)
    (runtime.paths.secrets / "cluster_token").write_text("cluster-token\n")

    def read() -> tuple[str, str]:
        said = capsys.readouterr()
        return said.out, said.err

    yield Desk(runtime, LoopbackHttp(), read)
    runtime.stores.close()
