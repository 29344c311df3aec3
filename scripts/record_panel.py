"""Records what a demo cluster answers and publishes, for the stories and the demo mode of the web UI.

Run `python scripts/record_panel.py`: it starts a demo cluster, does what a user of the panel would do first, lets the
cultures grow, and writes `ui/src/demo/recording/`. It takes about seven minutes.
"""

import argparse
import itertools
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

import httpx

from pioreactor.bootstrap import build_runtime
from pioreactor.demo.demo_cluster import DemoCluster
from pioreactor.demo.experiment import JOBS, start_experiment
from pioreactor.demo.plan import LEADER, DemoPlan
from pioreactor.messaging.ports import Message
from pioreactor.processes.launch import pio_argv
from pioreactor.testing.ports import free_ports

ROOT: Final = Path(__file__).resolve().parent.parent
RECORDING: Final = ROOT / "ui" / "src" / "demo" / "recording"
EXPERIMENT: Final = "demo"
UNITS: Final = ("worker1", "worker2", "worker3")
SPEED: Final = 20
GROWS_FOR_S: Final = 330.0
"""In real time; in the vials it is nearly two hours."""
LISTENS_FOR_S: Final = 24.0
"""In real time; in the vials it is eight minutes."""
TASK_TIMEOUT_S: Final = 60.0
TARGET_POINTS: Final = 250
DATA_PATH: Final = "/var/lib/pioreactor"
"""Stands in the recording for the folder of the demo."""
PUBLISHED_PORT: Final = 4999

ROUTES: Final = (
    "/auth/me",
    "/api/experiments",
    "/api/workers",
    "/api/workers/assignments",
    "/api/models",
    "/api/jobs/descriptors",
    "/api/settings/descriptors",
    "/api/charts/descriptors",
    "/api/automations/descriptors/dosing",
    "/api/automations/descriptors/led",
    "/api/automations/descriptors/temperature",
    "/api/quarantine?limit=1",
    "/api/logs?min_level=DEBUG",
    "/api/experiments/{experiment}/workers",
    "/api/experiments/{experiment}/unit_labels",
    "/api/experiments/{experiment}/media_rates",
    "/api/experiments/{experiment}/logs?min_level=DEBUG",
    "/api/experiments/{experiment}/recent_logs?min_level=DEBUG",
    "/api/experiments/$experiment/logs?min_level=DEBUG",
    "/api/experiments/{experiment}/experiment_profiles/running",
    "/api/experiments/{experiment}/experiment_profiles/recent",
    "/api/experiment_profiles",
    "/api/experiment_profiles/grow_then_hold.yaml",
    "/api/config/shared",
    "/api/config/shared/history",
    "/api/workers/$broadcast/calibrations",
    "/api/workers/$broadcast/calibrations/sessions",
    "/api/workers/$broadcast/estimators",
)
"""What the pages request with GET; times series and the session are added when recording."""

UNIT_ROUTES: Final = (
    "/api/workers/{unit}/jobs/running",
    "/api/workers/{unit}/calibration_protocols",
    "/api/workers/{unit}/simulation/bench",
    "/api/workers/{unit}/experiments/{experiment}/logs?min_level=DEBUG",
    "/api/workers/{unit}/experiments/{experiment}/recent_logs?min_level=DEBUG",
    "/api/units/{unit}/logs?min_level=DEBUG",
    "/api/units/{unit}/system_logs?min_level=DEBUG",
    "/api/config/units/{unit}/specific",
    "/api/config/units/{unit}/specific/history",
)

SUBSCRIPTIONS: Final = (
    f"pioreactor/+/{EXPERIMENT}/#",
    "pioreactor/+/$experiment/monitor/#",
    "pioreactor/+/$experiment/logs/#",
    "pioreactor/+/$experiment/self_test/#",
)
"""What the pages subscribe to."""

PROFILE: Final = """\
version: "1.0"
experiment_profile_name: Grow, then hold
metadata: {author: Ada}
common:
  jobs:
    stirring:
      actions:
        - {type: log, t: 0, options: {message: Growing until the culture is dense., level: INFO}}
    led_automation:
      actions:
        - type: when
          t: 10m
          wait_until: ${{ ::growth_rate_calculating:od_filtered.od_filtered > 5 }}
          actions:
            - {type: start, t: 0, options: {automation_name: light_dark_cycle}}
        - {type: stop, t: 2d}
"""

OD_CALIBRATION: Final = """\
calibration_name: yeast-od600
calibration_type: od600
calibrated_on_pioreactor_unit: {unit}
created_at: 2026-11-01T10:00:00Z
curve_data_: {{type: poly, coefficients: [-0.028, 0.31, 0.004]}}
x: OD600
y: Voltage
recorded_data: {{x: [0, 0.1, 0.25, 0.5, 1.0, 2.0], y: [0.004, 0.036, 0.079, 0.153, 0.288, 0.51]}}
ir_led_intensity: 80
angle: "90"
pd_channel: "2"
"""


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def scrubbed(text: str, plan: DemoPlan) -> str:
    """Return the text without what belongs to this run: its folder, its ports, the addresses of this computer."""
    text = text.replace(str(plan.directory), DATA_PATH)
    for number, unit in enumerate(plan.units):
        text = text.replace(f"127.0.0.1:{plan.port_of(unit)}", f"127.0.0.1:{PUBLISHED_PORT + number}")
    text = re.sub(r"(broker_port ?= ?)\d+", r"\g<1>1883", text)
    text = re.sub(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "02:00:00:00:00:01", text)
    return re.sub(r'(monitor/ipv4":)"[^"]*"', r'\1"192.0.2.10"', text)


@contextmanager
def run_demo(folder: Path) -> Iterator[DemoCluster]:
    plan = DemoPlan(folder, workers=len(UNITS), speed=SPEED, port=free_ports(len(UNITS) + 1))
    cluster = DemoCluster(plan, log=print_line)
    try:
        cluster.start()
        start_experiment(cluster, jobs=JOBS, before_jobs=cluster.start_boot_services)
        yield cluster
    finally:
        cluster.stop()


class Panel:
    """The panel's requests, signed in."""

    def __init__(self, demo: DemoCluster) -> None:
        address = demo.plan.url_of(LEADER)
        self._client = httpx.Client(base_url=address, timeout=60, headers={"Origin": address})
        password = (demo.paths(LEADER).secrets / "first_sign_in").read_text().strip()
        self.request("POST", "/auth/sign-in", {"username": "pioreactor", "password": password})

    def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Send a request; any answer below 500 is an answer."""
        response = self._client.request(method, quote(path, safe="/?=&$"), json=body)
        if response.status_code >= 500:
            raise SystemExit(f"{method} {path} answered {response.status_code}: {response.text}")
        return response

    def finished(self, task: str) -> object:
        """Wait for a task and return the last answer about it."""
        end = time.monotonic() + TASK_TIMEOUT_S
        while time.monotonic() < end:
            answer: object = self.request("GET", task).json()
            if isinstance(answer, dict) and answer.get("status") in ("succeeded", "failed"):
                return answer
            time.sleep(0.3)
        raise SystemExit(f"{task} did not end within {TASK_TIMEOUT_S:g} s.")

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Return status and body of an answer, and with a task also its end."""
        response = self.request(method, path, body)
        is_json = "json" in response.headers.get("content-type", "")
        answer: dict[str, object] = {
            "status": response.status_code,
            "body": response.json() if is_json else response.text,
        }
        accepted = answer["body"]
        if response.status_code == 202 and isinstance(accepted, dict) and "result_url_path" in accepted:
            answer["task"] = self.finished(str(accepted["result_url_path"]))
        return answer

    def do(self, method: str, path: str, body: object = None) -> dict[str, object]:
        """Issue a command that has to succeed."""
        answer = self.ask(method, path, body)
        status, task = answer["status"], answer.get("task")
        if not isinstance(status, int) or status >= 400 or (isinstance(task, dict) and task["status"] == "failed"):
            raise SystemExit(f"{method} {path} was refused: {json.dumps(answer)}")
        return answer


def set_up(panel: Panel) -> None:
    """Do what makes the pages show more than a fresh demo does."""
    for unit, label in zip(UNITS, ("Wild type A", "Wild type B", "ΔgalK"), strict=True):
        panel.do("PATCH", f"/api/experiments/{EXPERIMENT}/unit_labels", {"unit": unit, "label": label})
    panel.do("PATCH", f"/api/experiments/{EXPERIMENT}", {
        "description": "Fourth passage; ΔgalK against wild type.", "tags": ["yeast", "adaptation"],
    })  # fmt: skip
    panel.do("POST", "/api/experiments", {"experiment": "Media screen", "description": "", "tags": ["screen"]})
    panel.do("POST", "/api/experiments", {"experiment": "Stirring check", "description": "", "tags": []})
    calibration: object = {"calibration_data": OD_CALIBRATION.format(unit=UNITS[0]), "set_as_active": False}
    panel.do("POST", f"/api/workers/{UNITS[0]}/calibrations/od90", calibration)
    panel.do("POST", "/api/experiment_profiles", {"filename": "grow_then_hold.yaml", "body": PROFILE})

    for unit, target in zip(UNITS[:2], (1.6, 2.2), strict=True):
        update = f"/api/workers/{unit}/jobs/update/job_name/dosing_automation/experiments/{EXPERIMENT}"
        panel.do("PATCH", update, {"settings": {"target_biomass": target}})
    stop = f"/api/workers/{UNITS[2]}/jobs/stop/job_name/dosing_automation/experiments/{EXPERIMENT}"
    panel.do("PATCH", stop)
    shared = panel.request("GET", "/api/config/shared").text
    panel.do("PATCH", "/api/config/shared", {"code": shared.replace("log_level=INFO", "log_level=NOTICE")})


def act(panel: Panel, demo: DemoCluster) -> str:
    """Do what a user does while cultures grow; returns the identifier of the calibration session that stays open."""
    log(demo, UNITS[0], "info", "note", "Changed the media bottle; new batch 22-11.")
    log(demo, UNITS[1], "warning", "stirring", "Measured RPM is 12 % below its target for 3 min.")
    panel.do("PATCH", "/unit_api/jobs/run/job_name/experiment_profile", {
        "args": ["execute", "grow_then_hold.yaml", EXPERIMENT], "env": {"EXPERIMENT": EXPERIMENT},
    })  # fmt: skip
    begun = panel.do("POST", f"/api/workers/{UNITS[2]}/calibrations/sessions", {
        "protocol_name": "duration_based", "target_device": "alt_media_pump", "driver": "Ada, browser 1f3a",
    })  # fmt: skip
    body = begun["body"]
    assert isinstance(body, dict)
    session = body["session"]
    assert isinstance(session, dict)
    return str(session["session_id"])


def log(demo: DemoCluster, unit: str, level: str, name: str, message: str) -> None:
    """Log on a unit with its own command line."""
    command = pio_argv("log", "-m", message, "-l", level, "-n", name)
    subprocess.run(command, env=demo.environment(unit), check=True, capture_output=True)


def time_series_routes(panel: Panel) -> Iterator[str]:
    """Yield the routes of all charts, and of the doses and the bands that they show."""
    charts = panel.request("GET", "/api/charts/descriptors").json()
    tables = sorted({str(chart["data_source"]) for chart in charts if chart.get("shown_by_default")})
    beside = ["dosing_events/volume_change_ml", "growth_rate_bands/lower_95", "growth_rate_bands/upper_95"]
    for table in [*tables, *beside]:
        yield f"/api/experiments/{EXPERIMENT}/time_series/{table}?lookback=100000&target_points={TARGET_POINTS}"


def record_answers(panel: Panel, session: str) -> dict[str, object]:
    """Return the answer to every GET of the panel by its path, without what filters it."""
    routes = [
        *(route.format(experiment=EXPERIMENT) for route in ROUTES),
        *(route.format(experiment=EXPERIMENT, unit=unit) for route in UNIT_ROUTES for unit in UNITS),
        f"/api/workers/{UNITS[2]}/calibrations/sessions/{session}",
        *time_series_routes(panel),
    ]
    answers: dict[str, object] = {route.split("?")[0]: panel.ask("GET", route) for route in routes}
    answers["/api/experiment_profiles/verify"] = panel.do("POST", "/api/experiment_profiles/verify", {"body": PROFILE})
    return answers


class Listener:
    """What the broker sends to a panel: what it had retained, then the live messages with their offset [s]."""

    def __init__(self) -> None:
        self.retained: dict[str, str] = {}
        self.live: dict[str, list[tuple[float, str]]] = {}
        self._lock = threading.Lock()
        self._started_s = time.monotonic()

    def on_message(self, message: Message) -> None:
        offset_s = (time.monotonic() - self._started_s) * SPEED
        with self._lock:
            payload = message.payload.decode()
            if message.retain:
                self.retained[message.topic] = payload
            else:
                self.live.setdefault(message.topic, []).append((round(offset_s, 1), payload))

    def listen(self, demo: DemoCluster) -> None:
        """Subscribe to what the panel subscribes to, as long as a recording lasts."""
        runtime = build_runtime(demo.environment(LEADER), quiet=True, handles_signals=False)
        bus = runtime.buses.connect("recorder")
        try:
            for topics in SUBSCRIPTIONS:
                bus.subscribe(topics, self.on_message)
            time.sleep(LISTENS_FOR_S)
        finally:
            bus.close()
            runtime.stores.close()


def write(name: str, parts: Mapping[str, object], demo: DemoCluster) -> None:
    """Write an object, one line for each entry of its objects."""
    lines = []
    for key, value in parts.items():
        if isinstance(value, dict):
            entries = ",\n".join(f"    {dump(inner)}: {dump(one)}" for inner, one in sorted(value.items()))
            lines.append(f"  {dump(key)}: {{\n{entries}\n  }}")
        else:
            lines.append(f"  {dump(key)}: {dump(value)}")
    text = scrubbed("{\n" + ",\n".join(lines) + "\n}\n", demo.plan)
    (RECORDING / name).write_text(text)
    print_line(f"{name}: {len(text) / 1000:.0f} kB")


def dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def newest(payloads: Iterator[str]) -> str:
    """Return the newest timestamp in messages: the cluster's clock at the end of the recording."""
    found: Iterator[str] = itertools.chain.from_iterable(
        re.findall(r'"timestamp": ?"([^"]+)"', payload) for payload in payloads
    )
    return max(found, key=lambda text: datetime.fromisoformat(text).timestamp())


def record(demo: DemoCluster, *, grows_for_s: float) -> None:
    panel = Panel(demo)
    set_up(panel)
    print_line(f"Recording in {grows_for_s:g} s.")
    time.sleep(grows_for_s)
    session = act(panel, demo)
    time.sleep(grows_for_s / 5)
    answers = record_answers(panel, session)
    listener = Listener()
    listener.listen(demo)
    RECORDING.mkdir(parents=True, exist_ok=True)
    started_at = newest(iter(listener.retained.values()))
    about: dict[str, object] = {"recorded_at": started_at, "experiment": EXPERIMENT, "units": list(UNITS)}
    write("answers.json", {**about, "answers": answers}, demo)
    live: dict[str, object] = {topic: [[at, text] for at, text in sent] for topic, sent in listener.live.items()}
    length: object = LISTENS_FOR_S * SPEED
    write("messages.json", {"length_s": length, "retained": {**listener.retained}, "live": live}, demo)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--grows-for", type=float, default=GROWS_FOR_S, help="seconds before the recording begins")
    grows_for_s: float = parser.parse_args().grows_for
    with (
        tempfile.TemporaryDirectory(prefix="pio-rec-", ignore_cleanup_errors=True) as folder,
        run_demo(Path(folder)) as demo,
    ):
        record(demo, grows_for_s=grows_for_s)


if __name__ == "__main__":
    main()
