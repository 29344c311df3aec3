"""A write that waits in the socket of a stopped web server is not carried out when the server continues."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from pioreactor.exc import UnitUnreachableError
from pioreactor.http.client import StandardHttpClient
from pioreactor.http.units import Units

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

SERVER = """
import sys
from pathlib import Path

from tests.unit.web.conftest import TOKEN, a_unit

from pioreactor.web.app import create_app
from pioreactor.web.security.identity import Identity
from pioreactor.web.serve import serve

folder = Path(sys.argv[1])
unit = a_unit("unit1", folder, command=(sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('started')",
                                        str(folder / "started")))
app = create_app(unit, unit_of={TOKEN: Identity("unit", "unit1")}.get)
serve(app, "127.0.0.1", 0, on_start=lambda port: print(port, flush=True))
"""
PATH = "/unit_api/jobs/run/job_name/stirring"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], 60.0)[0], "the server does not start"
        yield process, int(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_a_write_of_the_time_in_which_the_server_was_stopped_is_refused(
    server: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, port = server
    units = Units(
        StandardHttpClient(),
        lambda _: f"http://127.0.0.1:{port}",
        token_for=lambda _: "the-token-of-the-cluster",
        pause=lambda duration_s: Event().wait(duration_s),
    )
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(UnitUnreachableError, match="no response within 1 s"):
        units.ask("unit1", "PATCH", PATH, timeout_s=1.0)
    process.send_signal(signal.SIGCONT)

    assert units.ask("unit1", "GET", "/unit_api/jobs", timeout_s=10.0) == []
    Event().wait(2.0)
    assert not (tmp_path / "started").exists()
    assert units.ask("unit1", "PATCH", PATH, timeout_s=20.0) == "ok"
    assert (tmp_path / "started").read_text() == "started"
