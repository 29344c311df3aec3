"""Every block of code in README and docs is executed: Python in virtual time, YAML by what reads it."""

import argparse
import importlib
import io
import re
import shlex
import shutil
import sqlite3
import textwrap
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest
import yaml
from tests.unit.cli.conftest import Desk
from tests.unit.cli.conftest import desk as desk
from tests.unit.storage.test_leader_migrations import FOLDER, upgrade_to
from tests.unit.web.conftest import Leader
from tests.unit.web.conftest import leader as leader
from tests.unit.web.conftest import leader_database as leader_database
from tests.unit.web.conftest import make_unit as make_unit
from tests.unit.web.conftest import new_database as new_database

import pioreactor.cli.commands
from pioreactor.automations import registry
from pioreactor.automations.base import AutomationJob
from pioreactor.background_jobs.leader.topic_parsers import rows_of
from pioreactor.cli.lazy_group import Entry
from pioreactor.cli.tree import ENTRIES
from pioreactor.experiment_profiles.validate import verify
from pioreactor.exports.dataset import Dataset
from pioreactor.identity.access_tokens import create
from pioreactor.job_catalog import JobSpec, StopOrder
from pioreactor.jobs.job import BackgroundJob
from pioreactor.measurements.registry import registered_specs, unregister
from pioreactor.storage.leader.ingest.sqlite_sink import SqliteRecordSink
from pioreactor.storage.leader.revisions import newest_revision
from pioreactor.testing.simulation import EXPERIMENT, simulated_bench
from pioreactor.twin.scenarios import load_scenario

ROOT: Final = Path(__file__).parents[3]
MODULE: Final = "written_in_the_docs"
_BLOCK = re.compile(r"^( *)```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code of a page."""

    page: str
    language: str
    title: str
    text: str


def read_blocks() -> Iterator[Block]:
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "packaging").rglob("*.md")]):
        for _, language, title, text in _BLOCK.findall(path.read_text("utf-8")):
            yield Block(path.relative_to(ROOT).as_posix(), language, title, textwrap.dedent(text))


BLOCKS: Final = list(read_blocks())


def python_of(page: str) -> list[str]:
    return [block.text for block in BLOCKS if (block.page, block.language) == (page, "python")]


def run(page: str, source: str) -> dict[str, Any]:
    """Execute a block and return its names."""
    names: dict[str, Any] = {"__name__": MODULE}
    exec(compile(source, page, "exec"), names)
    return names


def defined(names: dict[str, Any], base: type) -> Any:
    """Return the one class below `base` that the block defines."""
    (found,) = [
        value
        for value in names.values()
        if isinstance(value, type) and issubclass(value, base) and value.__module__ == MODULE
    ]
    return found


EXECUTED_BY: Final[dict[str, str]] = {
    "README.md": "test_a_job_runs_and_its_setting_is_changed",
    "docs/tutorials/your-first-hour.md": "test_the_tutorials_job_follows_the_culture",
    "docs/explanations/twin.md": "test_the_simulated_world_runs",
    "docs/how-to/add-a-job.md": "test_add_a_job",
    "docs/how-to/add-an-automation.md": "test_add_an_automation",
    "docs/how-to/add-a-measurement.md": "test_add_a_measurement",
    "docs/how-to/add-a-cli-command.md": "test_add_a_cli_command",
    "docs/how-to/add-a-migration.md": "test_add_a_migration",
    "docs/tutorials/a-culture-in-python.md": "tests/unit/simulated_cluster/test_notebook.py",
    "docs/how-to/use-the-python-client.md": "tests/unit/simulated_cluster/test_the_same_lines.py",
    "docs/how-to/use-the-api-from-a-script.md": "test_use_the_api_from_a_script",
    "docs/how-to/get-told-when-something-is-wrong.md": "test_a_rule_is_declared_in_a_job",
    "docs/how-to/let-an-agent-work-safely.md": "tests/unit/web/leader/test_mcp_official_client.py",
    "docs/how-to/add-a-driver.md": "tests/contracts/test_add_a_driver.py",
}
"""The test that executes all Python of a page. There are no exceptions."""


def test_no_python_is_left_unexecuted() -> None:
    pages = {block.page for block in BLOCKS if block.language in ("python", "py")}
    assert pages == set(EXECUTED_BY)
    for test in EXECUTED_BY.values():
        assert test in globals() or (ROOT / test).is_file()


def test_each_language_of_a_block_is_one_that_is_executed() -> None:
    assert {block.language for block in BLOCKS} <= {"python", "yaml"}


def test_a_rule_is_declared_in_a_job() -> None:
    page = "docs/how-to/get-told-when-something-is-wrong.md"
    (source,) = python_of(page)
    job = defined(run(page, source), BackgroundJob)
    assert [rule.checked().name for rule in job.alarm_rules] == ["bottle_nearly_empty"]
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        bench.start(lambda: job(bench.unit.name, EXPERIMENT))
        bench.wait(1.0)
        assert b"bottle_nearly_empty" in (bench.retained("scale/alarm_rules") or b"")


@pytest.mark.parametrize("page", ["README.md", "docs/tutorials/your-first-hour.md"])
def test_a_job_runs_and_its_setting_is_changed(page: str) -> None:
    (source,) = python_of(page)
    job = defined(run(page, source), BackgroundJob)
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        running = bench.start(lambda: job(bench.unit.name, EXPERIMENT))
        bench.wait(1.0)
        assert running.state == running.READY
        settable = [setting for setting, facts in job.settings().items() if facts.settable]
        bench.set(job.job_name, settable[0], "0.5")
        bench.wait(1.0)
        assert bench.payloads(f"{job.job_name}/{settable[0]}")[-1] == b"0.5"


def test_the_tutorials_job_follows_the_culture() -> None:
    page = "docs/tutorials/your-first-hour.md"
    (source,) = python_of(page)
    job = defined(run(page, source), BackgroundJob)
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        bench.start(lambda: job(bench.unit.name, EXPERIMENT))
        topic = f"pioreactor/{bench.unit.name}/{EXPERIMENT}/growth_rate_calculating/od_filtered"
        bench.bus.publish(topic, '{"od_filtered": 0.75, "timestamp": "2026-11-22T08:00:00.000Z"}')
        bench.wait(1.0)
        assert bench.payloads("goal_watcher/distance")[-1] == b"0.25"


def test_add_a_job() -> None:
    page = "docs/how-to/add-a-job.md"
    source, entry = python_of(page)
    job = defined(run(page, source), BackgroundJob)
    (spec,) = eval(f"({entry.strip()})", {"JobSpec": JobSpec, "StopOrder": StopOrder})
    assert isinstance(spec, JobSpec)
    assert (spec.name, spec.address) == (job.job_name, f"pioreactor.background_jobs.aerator.job:{job.__name__}")
    with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
        running = bench.start(lambda: job(bench.unit.name, EXPERIMENT))
        bench.wait(121.0)
        assert bench.payloads("aerator/minutes_on")[-1] == b"2.0"
        bench.set("aerator", "duty", "30")
        bench.set("aerator", "duty", "130")
        bench.wait(1.0)
        assert running.duty == 30.0
        assert any("duty must be between 0 and 100 %" in line for line in bench.logged("warning"))


def test_add_an_automation() -> None:
    page = "docs/how-to/add-an-automation.md"
    (source,) = python_of(page)
    try:
        automation = defined(run(page, source), AutomationJob)
        assert registry.find("dosing", "drip") is automation
        with simulated_bench(scenario="water") as bench:
            bench.start(lambda: automation(unit=bench.unit.name, experiment=EXPERIMENT))
            bench.wait(900.0)
            media = sum(
                event["volume_change"] for event in bench.decoded("dosing_events") if event["event"] == "add_media"
            )
            assert media == pytest.approx(0.4)
            assert bench.decoded("dosing_automation/latest_event")[-1]["event_name"] == "DilutionEvent"
            assert bench.logged("error") == []
    finally:
        registry._registered["dosing"].pop("drip", None)


def test_add_a_measurement(leader: Leader) -> None:
    page = "docs/how-to/add-a-measurement.md"
    (source,) = python_of(page)
    known = set(registered_specs())
    try:
        job = defined(run(page, source), BackgroundJob)
        with simulated_bench(scenario="water", calibrated_pumps=False) as bench:
            bench.start(lambda: job(bench.unit.name, EXPERIMENT))
            bench.wait(12.0)
            published = [message for message in bench.messages if message.topic.endswith("/ph_reading/ph")]
        assert [message.payload for message in published] == [b"6.9"] * len(published)
        assert len(published) >= 2
        sink = SqliteRecordSink(leader.services.database.path)
        now = leader.services.unit.clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        topic = published[0].topic.replace(f"/{EXPERIMENT}/", "/exp/")
        assert sink.commit(rows_of(topic, published[0].payload, now)) == []
        sink.close()
        leader.add_workers("unit1", experiment="exp")
        answer = leader.client.get("/api/experiments/exp/time_series/ph_readings").json()
        assert [[point["y"] for point in series] for series in answer["data"]] == [[6.9]]
    finally:
        for spec in set(registered_specs()) - known:
            unregister(spec)


def test_add_a_cli_command(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, entry = python_of("docs/how-to/add-a-cli-command.md")
    (tmp_path / "extension").mkdir()
    (tmp_path / "extension" / "disk_space.py").write_text(module)
    monkeypatch.setattr(
        pioreactor.cli.commands, "__path__", [*pioreactor.cli.commands.__path__, str(tmp_path / "extension")]
    )
    importlib.invalidate_caches()
    added = eval(f"{{{entry}}}", {"Entry": Entry, "_HERE": "pioreactor.cli.commands"})
    for name, where in added.items():
        monkeypatch.setitem(ENTRIES, name, where)
    typed = desk.pio("disk-space")
    assert (typed.status, typed.err) == (0, "")
    assert re.fullmatch(r"\d+ MB free\n", typed.out)
    assert set(msgspec.json.decode(desk.pio("disk-space", "--json").out)) == {"free_mb"}
    assert "Show the free disk space." in desk.pio("disk-space", "--help").out


def test_add_a_migration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = [block for block in BLOCKS if block.page == "docs/how-to/add-a-migration.md"]
    folder = tmp_path / "migrations"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / Path(block.title).name).write_text(block.text)
    assert Path(block.title).parent == (FOLDER / "versions").relative_to(ROOT)
    monkeypatch.setattr("tests.unit.storage.test_leader_migrations.FOLDER", folder)
    database = tmp_path / "leader.sqlite"
    before, added = re.findall(r'^(?:down_)?revision = "(\d+)"', block.text, re.MULTILINE)[::-1]
    assert before == newest_revision(), "the page shows the revision after the newest one"
    upgrade_to(database, before)
    assert "location" not in columns(database, "workers")
    upgrade_to(database, added)
    assert "location" in columns(database, "workers")


def columns(database: Path, table: str) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}


def test_the_simulated_world_runs() -> None:
    (source,) = python_of("docs/explanations/twin.md")
    run("docs/explanations/twin.md", source)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"])
def test_yaml_is_read_by_what_it_is_for(block: Block, tmp_path: Path) -> None:
    """A profile passes the check of profiles, a scenario is loaded; the descriptions of a HAT are read elsewhere."""
    found = yaml.safe_load(block.text)
    if "experiment_profile_name" in found:
        verdict = verify(block.text)
        assert (verdict.ok, verdict.diagnostics) == (True, [])
    elif "based_on" in found:
        (tmp_path / "mine.yaml").write_text(block.text)
        load_scenario(tmp_path / "mine.yaml")
    elif "dataset_name" in found:
        msgspec.convert(found, Dataset)
    else:
        assert EXECUTED_BY[block.page] == "tests/contracts/test_add_a_driver.py"


def test_use_the_api_from_a_script(leader: Leader, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "docs/how-to/use-the-api-from-a-script.md"
    people, now = leader.services.database.people, leader.services.unit.clock.now()
    token = create(people, name="growth plots", username="pioreactor", now=now).token
    monkeypatch.setenv("PIOREACTOR_TOKEN", token)
    leader.add_workers("unit1")
    leader.client.headers.pop("Authorization")

    curl = re.findall(r"^curl .+$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert [answer_to(leader, line.replace("$PIOREACTOR_TOKEN", token)) for line in curl] == [200, 201]
    assert answer_to(leader, curl[0].replace("$PIOREACTOR_TOKEN", "wrong")) == 401

    def urlopen(request: urllib.request.Request, timeout: float) -> io.BytesIO:
        path = request.full_url.removeprefix("http://leader")
        answer = leader.client.request(request.method, path, content=request.data, headers=dict(request.header_items()))
        assert answer.status_code == 200, answer.text
        return io.BytesIO(answer.content)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    (source,) = python_of(page)
    names = run(page, source)
    assert [worker["pioreactor_unit"] for worker in names["workers"]] == ["unit1"]
    assert names["readings"] == {"series": [], "data": []}


def answer_to(leader: Leader, line: str) -> int:
    """Return the status with which the leader answers a line of curl."""
    parser = argparse.ArgumentParser()
    parser.add_argument("curl")
    parser.add_argument("url")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-X", default="GET")
    parser.add_argument("-d")
    given = parser.parse_args(shlex.split(line))
    headers = dict(header.split(": ", 1) for header in given.H)
    path = given.url.removeprefix("http://leader")
    return int(leader.client.request(given.X, path, content=given.d, headers=headers).status_code)
