"""Commands that look at this unit."""

import json
import sqlite3
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pioreactor import topics
from pioreactor.exc import HardwareNotFoundError
from pioreactor.http.loopback import json_response
from pioreactor.identity.unit import FixedInventory
from pioreactor.messaging.ports import Message
from pioreactor.structs import Log, decode
from pioreactor.version import __version__


def test_cache_is_shown_and_purged(desk: Any) -> None:
    stores = desk.runtime.stores
    stores.volatile("pwm_dc").set(17, 50.0)
    stores.persistent("bioreactor").set(("batch 3", "volume"), 14.5)
    assert "17   50.0   volatile" in desk.pio("cache", "view", "pwm_dc").out
    (row,) = json.loads(desk.pio("cache", "view", "bioreactor", "--json").out)
    assert row == {"key": '["batch 3","volume"]', "value": 14.5, "store": "persistent"}

    listed = desk.pio("cache", "list").out.splitlines()
    assert {"bioreactor", "pwm_dc"} <= set(listed)
    assert listed == sorted(listed)

    assert desk.pio("cache", "purge", "pwm_dc", "17", "--as-int").status == 0
    assert stores.volatile("pwm_dc").items() == []
    assert desk.pio("cache", "purge", "bioreactor", '["batch 3","volume"]').status == 0
    assert stores.persistent("bioreactor").items() == []
    assert desk.pio("cache", "purge", "bioreactor", "x").status == 1
    assert desk.pio("cache", "purge", "pwm_dc", "x", "--as-int").status == 2


def test_logs_shows_the_last_lines(desk: Any) -> None:
    path = desk.runtime.paths.log_file
    assert "there is no log file" in desk.pio("logs").err
    path.write_text("".join(f"line {n}\n" for n in range(200)))
    assert desk.pio("logs", "-n", "2").out == "line 198\nline 199\n"
    assert len(desk.pio("logs").out.splitlines()) == 100


def test_logs_follows_a_file_that_is_rotated(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path: Path = desk.runtime.paths.log_file
    path.write_text("old\n")
    steps = iter(["grow", "rotate", "stop"])

    def sleep(duration_s: float) -> None:
        match next(steps):
            case "grow":
                with path.open("a") as file:
                    file.write("grown\n")
            case "rotate":
                path.rename(path.with_suffix(".1"))
                path.write_text("successor\n")
            case _:
                raise KeyboardInterrupt

    monkeypatch.setattr(desk.runtime.clock, "sleep", sleep)
    typed = desk.pio("logs", "-f")
    assert (typed.status, typed.out) == (130, "old\ngrown\nsuccessor\n")


def test_log_reaches_file_and_leader(desk: Any) -> None:
    received: list[Message] = []
    bus = desk.runtime.buses.connect("leader")
    bus.subscribe(topics.log("unit1", "batch 3", "+", "notice"), received.append)
    assert desk.pio("log", "-m", "added 5% glucose", "-l", "notice", "-n", "bench").status == 0
    log = decode(received[0].payload, Log)
    assert (log.message, log.level, log.task, log.source) == ("added 5% glucose", "NOTICE", "bench", "user")
    assert "[bench] added 5% glucose" in desk.runtime.paths.log_file.read_text()
    assert desk.runtime.stores.journal().last_seq() == 1

    assert desk.pio("log", "-m", "here only", "--local-only").status == 0
    assert len(received) == 1
    assert "here only" in desk.pio("logs").out


def test_mqtt_shows_messages_with_their_time(desk: Any) -> None:
    bus = desk.runtime.buses.connect("job")
    bus.publish("pioreactor/unit1/batch 3/stirring/target_rpm", "500", retain=True)
    typed = desk.pio("mqtt", "-t", "pioreactor/+/+/stirring/#", "-n", "1")
    assert typed.out.endswith("Z pioreactor/unit1/batch 3/stirring/target_rpm (kept) 500\n")
    shown = json.loads(desk.pio("mqtt", "-n", "1", "--json").out)
    assert (shown["topic"], shown["payload"], shown["retain"]) == (
        "pioreactor/unit1/batch 3/stirring/target_rpm",
        "500",
        True,
    )


def test_blink_needs_the_monitor(desk: Any) -> None:
    assert "pio run monitor" in desk.pio("blink").err
    received: list[Message] = []
    desk.runtime.buses.connect("monitor").subscribe(
        topics.monitor("unit1", "flicker_led_response_okay"), received.append
    )
    desk.start_job("monitor", long_running=True)
    assert desk.pio("blink").out == "unit1 is blinking.\n"
    assert len(received) == 1


def test_a_leader_without_a_reactor_needs_none_of_its_parts(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FixedInventory, "is_worker", lambda _self, _unit: False)

    def no_hardware() -> None:
        raise HardwareNotFoundError("nothing answers")

    desk.runtime = replace(desk.runtime, open_rig=no_hardware)
    checks = {check["check"]: check for check in json.loads(desk.pio("status", "--json").out)["checks"]}
    for name in ("model", "hardware:model", "hardware:i2c_bus1"):
        assert checks[name]["verdict"] == "OK"
        assert "no reactor" in json.dumps(checks[name])


def test_status_names_every_check_and_the_worst(desk: Any) -> None:
    desk.start_job("monitor", long_running=True)
    desk.http.hosts["localhost:8080"] = lambda request: json_response([])
    desk.runtime.paths.log_file.write_text("")
    typed = desk.pio("status", "--json")
    report = json.loads(typed.out)
    verdicts = {check["check"]: check["verdict"] for check in report["checks"]}
    assert {name: v for name, v in verdicts.items() if name.startswith(("identity", "model", "connectivity:m"))} == {
        "identity": "OK",
        "model": "OK",
        "connectivity:mqtt": "OK",
    }
    assert verdicts["connectivity:leader_api"] == "OK"
    assert verdicts["worker:active"] == "OK"
    assert verdicts["jobs:running"] == "OK"
    assert verdicts["hardware:model"] == "OK"
    assert verdicts["storage:dot_pioreactor"] == "OK"
    assert verdicts["storage:db"] == "FAIL"
    assert report["status"] == "FAIL"
    assert typed.status == 1

    desk.http.hosts.clear()
    typed = desk.pio("status")
    assert typed.status == 1
    assert "FAIL  connectivity:leader_api" in typed.out
    assert typed.out.endswith("FAIL overall.\n")


def test_repair_makes_directories_and_closes_secrets(desk: Any) -> None:
    paths = desk.runtime.paths
    secret = paths.secrets / "cluster_token"
    secret.chmod(0o644)
    assert f"Made {paths.plugins}." in desk.pio("repair").out
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE(paths.cache.stat().st_mode) & 0o2770 == 0o2770
    assert desk.pio("repair").out == "Nothing to repair.\n"


def test_the_database_is_opened_read_only_unless_asked(desk: Any) -> None:
    path = desk.runtime.paths.database
    assert "there is no database" in desk.pio("db", "-c", "select 1").err
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("create table experiments (experiment text)")
    connection.close()
    assert "readonly" in desk.pio("db", "-c", "insert into experiments values ('a')").err
    assert desk.pio("db", "--write", "-c", "insert into experiments values ('a')").status == 0
    assert desk.pio("db", "-c", "select * from experiments").out == "experiment\na\n"
    assert "the database refuses" in desk.pio("db", "-c", "select * from nowhere").err


def test_a_shell_of_our_own_where_sqlite_has_none(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    desk.runtime.paths.database.parent.mkdir(parents=True, exist_ok=True)
    sqlite3.connect(desk.runtime.paths.database).close()
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("sys.stdin", io.StringIO("select 1\n as one;\nselect nonsense;\nselect 2 as two;\n"))
    typed = desk.pio("db")
    assert "one\n1\n" in typed.out
    assert "two\n2\n" in typed.out
    assert "nonsense" in typed.err


def test_a_unit_without_a_leader_says_so(desk: Any) -> None:
    from pioreactor.settings.load import settings_of_text

    desk.runtime = replace(desk.runtime, settings=settings_of_text(""))
    typed = desk.pio("workers", "status")
    assert typed.status == 1
    assert "this unit has no leader" in typed.err


MAIN_NUMBER = int(__version__.partition(".")[0])


@pytest.mark.parametrize(
    ("leaders", "verdict", "said"),
    [
        (__version__, "OK", ""),
        (f"{MAIN_NUMBER + 1}.1.0", "WARN", "the leader has"),
        (f"{MAIN_NUMBER - 2}.9.0", "FAIL", "more than one release apart"),
        (None, "OK", ""),
    ],
)
def test_status_compares_the_version_of_a_worker_with_its_leaders(
    desk: Any, leaders: str | None, verdict: str, said: str
) -> None:
    desk.runtime = replace(desk.runtime, identity=replace(desk.runtime.identity, leader_hostname="leader1"))
    desk.http.hosts["localhost:8080"] = lambda request: json_response({"version": leaders} if leaders else [])
    checks = {check["check"]: check for check in json.loads(desk.pio("status", "--json").out)["checks"]}
    assert checks["version"]["verdict"] == verdict
    assert said in json.dumps(checks["version"])
