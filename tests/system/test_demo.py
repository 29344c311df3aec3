"""A whole cluster by one command: jobs run, records arrive, commands act, mistakes are named, nothing stays behind."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.demo_process import PIO, PIOS, Demo, left_behind, start, until

from pioreactor.storage.paths import Paths
from pioreactor.testing.ports import free_ports
from pioreactor_client import Client

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PROFILE = """
version: "1.0"
experiment_profile_name: a short trial
inputs: {speed: 520}
common:
  jobs:
    stirring:
      actions:
        - {type: update, t: 0, options: {target_rpm: "${{ speed }}"}}
        - type: when
          t: 1s
          wait_until: ${{ ::stirring:target_rpm == 520 }}
          actions: [{type: log, t: 2s, options: {message: "${{ unit() }} stirs at ${{ ::stirring:target_rpm }}"}}]
pioreactors:
  worker1:
    label: the first
    jobs:
      led_intensity: {actions: [{type: start, t: 1s, options: {C: 12}}]}
      camera_snapshot: {actions: [{type: start, t: 1s, options: {name: of-the-profile}}]}
"""
PLUGIN = """
from pioreactor.background_jobs.base import BackgroundJobContrib

__plugin_name__ = "bubbler"


class Bubbler(BackgroundJobContrib):
    job_name = "bubbler"
    published_settings = {
        "bubbles_per_min": {"datatype": "float", "settable": True, "unit": "1/min"},
        "bubbled": {"datatype": "integer", "settable": False},
    }

    def __init__(self, unit, experiment, bubbles_per_min=12.0):
        super().__init__(unit, experiment, plugin_name="bubbler")
        self.bubbles_per_min = bubbles_per_min
        self.bubbled = 0

    def on_ready(self):
        self.bubbled = self.bubbled + 1
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = start(tmp_path_factory.mktemp("d") / "data")
    yield running
    running.stop()
    assert left_behind(running.folder) == {}


def test_jobs_run_and_their_records_reach_the_database(demo: Demo) -> None:
    expected = {"stirring", "od_reading", "growth_rate_calculating", "temperature_automation", "dosing_automation"}
    until(lambda: expected | {"monitor"} <= set(demo.running()), "every job of the demo runs")
    for table in ("od_readings", "growth_rates", "stirring_rates", "temperature_readings", "pwm_dcs"):
        until(lambda name=table: demo.rows(name) > 0, f"rows in {table}")  # type: ignore[misc]
    before = demo.rows("od_readings")
    until(lambda: demo.rows("od_readings") > before + 3, "more readings")
    status = json.loads(demo.pio("status", "--json").stdout)
    assert "FAIL" not in json.dumps(status)


def test_a_setting_is_changed_from_the_command_line(demo: Demo) -> None:
    until(lambda: "stirring" in demo.running(), "stirring runs")
    changed = demo.pio("jobs", "set", "stirring", "target_rpm", "640")
    assert changed.returncode == 0, changed.stderr
    demo.wait_for_message("pioreactor/worker1/demo/stirring/target_rpm", lambda payload: payload == b"640.0")


def test_the_python_client_runs_a_turbidostat_with_a_token(demo: Demo) -> None:
    made = demo.pio("tokens", "create", "growth plots", "--role", "operator", "--json", unit="leader")
    until(lambda: "dosing_automation" in demo.running(), "the jobs run")
    with Client.connect(demo.url, json.loads(made.stdout)["token"]) as client:
        reactor = client.reactors["worker1"]
        reactor.dosing_automation.stop()
        reactor.dosing_automation.start("turbidostat", target_biomass=1.0, exchange_volume_ml=1.0)
        reactor.stirring.target_rpm = 450
        assert reactor.stirring.target_rpm == 450
        assert reactor.od.latest().unit == "OD"
        assert next(reactor.od.history(hours=1).rows())["pioreactor_unit"] == "worker1"


def test_a_value_out_of_bounds_is_refused_and_the_old_one_stands(demo: Demo) -> None:
    until(lambda: "stirring" in demo.running(), "stirring runs")
    refused = demo.pio("jobs", "set", "stirring", "target_rpm", "99999")
    assert refused.returncode == 1
    assert "5000" in refused.stderr + refused.stdout
    demo.wait_for_message("pioreactor/worker1/demo/stirring/target_rpm", lambda payload: 0 < float(payload) < 5000)


def test_the_same_job_twice_is_refused_in_a_sentence(demo: Demo) -> None:
    until(lambda: "stirring" in demo.running(), "stirring runs")
    for job in (["stirring"], ["monitor"]):
        second = demo.pio("run", *job)
        assert second.returncode == 1
        assert f"{job[0]} is already running on worker1" in second.stderr
        assert "Traceback" not in second.stderr


def test_a_job_is_stopped_and_started(demo: Demo) -> None:
    until(lambda: "growth_rate_calculating" in demo.running(), "growth_rate_calculating runs")
    killed = demo.pio("kill", "--job-name", "growth_rate_calculating")
    assert killed.returncode == 0, killed.stderr
    assert "growth_rate_calculating" not in demo.running()
    # From the leader, so that it keeps running: other tests of this cluster look for it, in any order.
    again = demo.pio("run", "growth_rate_calculating", "--units", "worker1", "-y", unit="leader", program=PIOS)
    assert again.returncode == 0, again.stderr
    until(lambda: "growth_rate_calculating" in demo.running(), "it runs again")


@pytest.mark.parametrize("job", ["stirring", "growth_rate_calculating"])
def test_a_job_that_is_killed_comes_back_by_itself(demo: Demo, job: str) -> None:
    until(lambda: job in demo.running(), "it runs")
    until(lambda: demo.count("SELECT count(*) FROM growth_rates") > 0, "it was seen to run")
    before = demo.running()[job]["pid"]
    os.kill(before, signal.SIGKILL)
    until(lambda: demo.running().get(job, {}).get("pid", before) != before, "it runs again")
    told = f"SELECT count(*) FROM logs WHERE message LIKE '{job} ended unexpectedly%restarting it.'"
    until(lambda: demo.count(told), "it is told")


def test_a_profile_is_carried_out_and_what_it_says_is_kept(demo: Demo) -> None:
    until(lambda: "stirring" in demo.running(), "stirring runs")
    profile = demo.folder / "trial.yaml"
    profile.write_text(PROFILE)
    done = demo.pio("run", "experiment_profile", "execute", str(profile), "demo", unit="leader")
    assert done.returncode == 0, done.stderr
    said = "SELECT count(*) FROM logs WHERE pioreactor_unit = 'worker1' AND message = 'worker1 stirs at 520'"
    until(lambda: demo.count(said), "the line of the profile in the database")
    assert demo.count("SELECT count(*) FROM experiment_profile_runs WHERE experiment_profile_name = 'a short trial'")
    assert demo.count("SELECT count(*) FROM pioreactor_unit_labels WHERE label = 'the first'")
    until(lambda: demo.count("SELECT count(*) FROM led_change_events WHERE channel = 'C' AND intensity = 12"), "light")
    still = Paths.below(demo.folder / "worker1").camera_stills / "of-the-profile.jpg"
    until(lambda: still.is_file() and still.read_bytes().startswith(b"\xff\xd8"), "a picture")


def test_a_backup_is_kept_by_a_worker_and_put_back_from_there(demo: Demo) -> None:
    until(lambda: demo.rows("od_readings") > 5, "readings")
    made = demo.pio("run", "backup_database", unit="leader")
    assert made.returncode == 0, made.stderr
    assert "Copies on worker1, verified there." in made.stdout
    listed = json.loads(demo.pio("backups", "list", "--everywhere", "--json", unit="leader").stdout)
    [copy] = [row for row in listed if row["unit"] == "worker1"]
    readings = demo.rows("od_readings")
    for row in listed:
        if row["unit"] == "leader":
            Path(row["path"]).unlink()
    restoring = ("backups", "restore", copy["path"], "--from", "worker1", "-y")
    assert "on worker1" in demo.pio(*restoring, unit="leader").stderr, "jobs run"
    back = demo.pio(*restoring, "--even-with-jobs", unit="leader")
    assert back.returncode == 0, back.stderr
    until(lambda: demo.rows("od_readings") >= readings, "what the backup lacks is sent again")


def test_garbage_on_topics_that_jobs_subscribe_to_ends_no_job(demo: Demo) -> None:
    until(lambda: "dosing_automation" in demo.running(), "the jobs run")
    before = demo.running()
    for topic in (
        "pioreactor/worker1/demo/stirring/target_rpm/set",
        "pioreactor/worker1/demo/stirring/$state/set",
        "pioreactor/worker1/demo/od_reading/interval/set",
        "pioreactor/worker1/demo/dosing_automation/target_biomass/set",
        "pioreactor/worker1/demo/od_reading/ods",
        "pioreactor/worker1/demo/dosing_events",
        "pioreactor/worker1/demo/growth_rate_calculating/od_filtered",
        "pioreactor/worker1/$experiment/journal/acknowledged",
        "pioreactor/worker1/$experiment/monitor/flicker_led_with_error_code",
    ):
        for payload in (b"\xff\xfe\x00", b"{", b'{"a": [1, 2', b"NaN", b"x" * 5000):
            demo.publish(topic, payload)
    readings = demo.rows("od_readings")
    until(lambda: demo.rows("od_readings") > readings + 5, "readings continue")
    after = demo.running()
    assert {name: after[name]["pid"] for name in before if name in after} == {n: j["pid"] for n, j in before.items()}


def test_a_job_of_twenty_lines_is_on_mqtt_and_in_the_catalog(demo: Demo) -> None:
    plugins = Paths.below(demo.folder / "worker1").plugins
    (plugins / "bubbler.py").write_text(PLUGIN)
    (plugins / "broken.py").write_text("raise RuntimeError('not today')\n")
    job = subprocess.Popen(
        [*PIO, "run", "bubbler", "--bubbles-per-min", "30"],
        env=demo.environment_of("worker1"),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        demo.wait_for_message("pioreactor/worker1/demo/bubbler/bubbles_per_min", lambda payload: payload == b"30.0")
        demo.wait_for_message("pioreactor/worker1/demo/bubbler/$state", lambda payload: payload == b"ready")
        demo.wait_for_message(
            "pioreactor/worker1/demo/bubbler/bubbles_per_min",
            lambda payload: payload == b"18.0",
            after=lambda: demo.pio("jobs", "set", "bubbler", "bubbles_per_min", "18"),
        )
    finally:
        job.send_signal(signal.SIGINT)
        _, said = job.communicate(timeout=30)
        (plugins / "broken.py").unlink()
    assert "Plugin broken.py cannot be loaded and is skipped: RuntimeError: not today" in said


def test_an_unknown_job_and_option_are_answered_with_the_nearest(demo: Demo) -> None:
    job = demo.pio("run", "stiring")
    assert (job.returncode, "'stirring'" in job.stderr) == (2, True)
    option = demo.pio("run", "stirring", "--target-rmp", "5")
    assert (option.returncode, "--target-rpm" in option.stderr) == (2, True)
    value = demo.pio("run", "stirring", "--target-rpm", "-5")
    assert value.returncode == 2
    assert "Traceback" not in job.stderr + option.stderr + value.stderr


def test_a_malformed_configuration_is_named_to_the_key(demo: Demo) -> None:
    own = Paths.below(demo.folder / "worker1").local_config
    text = own.read_text()
    own.write_text(text + "\n[stirring.config]\npwm_hz=fast\n")
    try:
        refused = demo.pio("run", "stirring")
    finally:
        own.write_text(text)
    assert refused.returncode == 1
    assert all(word in refused.stderr for word in ("unit_config.ini", "stirring.config", "pwm_hz", "fast"))
    assert "Traceback" not in refused.stderr


def test_a_job_that_starts_while_the_broker_is_away_works_and_catches_up(demo: Demo, tmp_path: Path) -> None:
    """Its reading is in the journal at once, and nowhere else until there is a broker."""
    from pioreactor.storage.sqlite.stores import SqliteUnitStores

    paths = Paths.below(tmp_path / "lonely")
    paths.dot_pioreactor.mkdir(parents=True)
    twin = (Paths.below(demo.folder / "worker1").local_config).read_text()
    paths.local_config.write_text(f"{twin}\n[mqtt]\nbroker_address=127.0.0.1\nbroker_port={free_ports(1)}\n")
    environment = {
        **demo.environment,
        "HOSTNAME": "lonely",
        "DOT_PIOREACTOR": str(paths.dot_pioreactor),
        "RUN_PIOREACTOR": str(paths.run_pioreactor),
        "PIO_LOG_FILE": str(paths.log_file),
        "EXPERIMENT": "demo",
        "ACTIVE": "1",
        "MODEL_NAME": "pioreactor_20ml",
        "MODEL_VERSION": "1.5",
    }
    job = subprocess.Popen([*PIO, "run", "monitor"], env=environment, stderr=subprocess.PIPE, text=True)
    stores = SqliteUnitStores(paths)
    try:
        until(lambda: stores.journal().last_seq() > 0, "the journal has its first record")
    finally:
        job.send_signal(signal.SIGTERM)
        _, said = job.communicate(timeout=30)
        stores.close()
    assert job.returncode == 0
    assert "Ready." in said
    assert "Traceback" not in said
