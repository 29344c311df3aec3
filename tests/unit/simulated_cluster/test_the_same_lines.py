"""A script for a cluster runs unchanged on the simulated one: the same lines, the same calls, over both transports."""

from pathlib import Path

import pytest
from tests.unit.simulated_cluster.conftest import TRANSPORTS, client_over

from pioreactor_client import Client, History, NotFoundError, RefusedError

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "use-the-python-client.md"
TURBIDOSTAT = PAGE.read_text("utf-8").split("```python\n")[1].split("```")[0]


def test_a_turbidostat_takes_twelve_lines() -> None:
    assert len([line for line in TURBIDOSTAT.splitlines() if line]) <= 12


@pytest.mark.parametrize("kind", TRANSPORTS)
def test_the_same_lines_run_on_both(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with client_over(kind) as client:
        monkeypatch.setattr(Client, "simulated", classmethod(lambda _: client))
        exec(compile(TURBIDOSTAT, str(PAGE), "exec"), {})
        keeps_the_contract(client)
    lines = (tmp_path / "growth.csv").read_text().splitlines()
    assert "rate" in lines[0]
    assert len(lines) > 20
    assert "unit='OD'" in capsys.readouterr().out


def keeps_the_contract(client: Client) -> None:
    """What holds over every transport; one cluster serves all of it, because each takes a second to build."""
    reactor = client.reactors[0]
    assert [job.job_name for job in reactor.running_jobs()] == ["monitor"]

    reactor.stirring.start(target_rpm=300)
    assert reactor.stirring.is_running
    assert reactor.stirring.target_rpm == 300
    reactor.stirring.set(target_rpm=320)
    assert reactor.stirring.get("target_rpm") == 320

    with pytest.raises(RefusedError, match="between 0 and 5000") as refused:
        reactor.stirring.target_rpm = 1e6
    assert refused.value.status == 400
    with pytest.raises(RefusedError, match="already running") as running:
        client.sleep(seconds=2)
        reactor.stirring.start()
    assert running.value.remedy is not None
    with pytest.raises(AttributeError, match="read, not set"):
        reactor.stirring.measured_rpm = 1
    with pytest.raises(AttributeError):
        reactor.stirring.traget_rpm = 1  # type: ignore[attr-defined]
    reactor.stirring.stop()
    reactor.stirring.stop()
    with pytest.raises(NotFoundError, match="not running"):
        reactor.stirring.settings()
    with pytest.raises(NotFoundError, match="worker1"):
        client.reactors["worker9"]

    rows = list(reactor.od.history().rows())
    pages = [len(page) for page in reactor.od.history().pages(20)]
    assert (sum(pages), max(pages)) == (len(rows), 20)
    assert rows[0]["pioreactor_unit"] == "worker1"
    assert isinstance(rows[0]["od_reading"], float)
    with pytest.raises(RefusedError, match="no_such"):
        next(History(client.api, "no_such", "simulation").rows())

    client.create_experiment("batch 7", reactors=[reactor])
    assert reactor.experiment == "batch 7"
    assert "batch 7" in [experiment.experiment for experiment in client.experiments]
    assert "batch 7" in client._repr_html_()
