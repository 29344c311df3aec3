"""Writes a transcript with pictures: a stir bar that stalls on a demo, from the alarm to the audit trail.

Run `python scripts/show_alarm_walk.py`; it needs Chromium and takes about five minutes. It writes
`docs/tutorials/a-stalled-stir-bar.md` and its pictures.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import paho.mqtt.client as mqtt
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message
from find_chromium import find_chromium
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import APIResponse, Browser, Page, sync_playwright

from pioreactor.settings.load import load_settings
from pioreactor.storage.paths import Paths
from pioreactor.testing.ports import free_ports

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "tutorials" / "a-stalled-stir-bar.md"
PICTURES: Final = ROOT / "docs" / "images"
SCENARIO: Final = """
based_on: ecoli_turbidostat
faults:
  - {kind: stalled_fan, start_s: 120, end_s: 210}
"""
STUDENT_PASSWORD: Final = "a long password of a student"
PATIENCE_S: Final = 240.0
COMMAND: Final = ("pioreactor/worker2/demo/dosing_automation/target_biomass/set", "0.1")
"""A turbidostat with so low a target would pump at once."""
PUBLISH: Final = """([topic, value]) => new Promise((resolve) => {
    const bytes = (text) => [...new TextEncoder().encode(text)];
    const field = (text) => [0, text.length, ...bytes(text)];
    const packet = (type, body) => new Uint8Array([type, body.length, ...body]);
    const socket = new WebSocket(`ws://${location.host}/mqtt`, "mqtt");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => socket.send(packet(0x10, [...field("MQTT"), 4, 2, 0, 60, ...field("mine")]));
    socket.onmessage = () => socket.send(packet(0x30, [...field(topic), ...bytes(value)]));
    socket.onclose = ({ code, reason }) => resolve(`${code} ${reason}`);
})"""
"""Connects as a page of the panel does, and publishes; resolves with how the leader ends the connection."""


@dataclass
class Transcript:
    """Lines of the page, and the moment to which its times refer."""

    lines: list[str] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)

    def paragraph(self, text: str) -> None:
        self.lines += [text, ""]

    def show(self, text: str, language: str = "") -> None:
        self.lines += [f"```{language}", text.rstrip(), "```", ""]

    def picture(self, page: Page, name: str, what: str) -> None:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=PICTURES / f"{name}.png")
        self.paragraph(f"![{what}](../images/{name}.png)")


class Mailbox(Message):
    """Keeps what arrives, with the moment."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived: list[tuple[float, str]] = []

    def handle_message(self, message: object) -> None:
        kept = "\n".join(line for line in str(message).splitlines() if not line.startswith(("X-Peer", "X-MailFrom")))
        self.arrived.append((time.monotonic(), kept))


@contextlib.contextmanager
def webhook() -> Iterator[tuple[int, list[tuple[float, str]]]]:
    """Serve a webhook; yield its port and what arrives, with the moment."""
    arrived: list[tuple[float, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = "\n".join(f"{key}: {value}" for key, value in self.headers.items() if key.startswith("X-"))
            arrived.append((time.monotonic(), f"POST {self.path}\n{headers}\n\n{body}"))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1], arrived
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Lab:
    """A demo, and a manager and a student who are signed in to it."""

    folder: Path
    address: str
    manager: Page
    transcript: Transcript

    def ask(self, page: Page, method: str, where: str, body: object = None) -> APIResponse:
        return page.request.fetch(
            f"{self.address}{where}",
            method=method,
            data=body,
            headers={"Origin": self.address},
            fail_on_status_code=False,
        )

    def finished(self, task: dict[str, str]) -> str:
        """Return the result of a task as text."""

        def answered() -> bool:
            found.append(self.ask(self.manager, "GET", task["result_url_path"]).json())
            return bool(found[-1]["status"] in ("succeeded", "failed"))

        found: list[dict[str, object]] = []
        until(answered, "the task ends")
        return json.dumps(found[-1].get("result", found[-1]))

    def pio(self, *words: str) -> str:
        """Return what a command on the leader prints."""
        paths = Paths.below(self.folder / "leader")
        environment = {
            **os.environ,
            "HOSTNAME": "leader",
            "DOT_PIOREACTOR": str(paths.dot_pioreactor),
            "RUN_PIOREACTOR": str(paths.run_pioreactor),
            "PIO_LOG_FILE": str(paths.log_file),
            "COLUMNS": "150",
        }
        pio = Path(sys.executable).parent / "pio"
        done = subprocess.run([pio, *words], env=environment, capture_output=True, text=True, check=False)
        return f"$ pio {' '.join(words)}\n{done.stdout}{done.stderr}"

    def open_alarm(self) -> bool:
        return any(one["rule"] == "stirring_stalled" for one in self.ask(self.manager, "GET", "/api/alarms").json())


def until(true: object, what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not true():  # type: ignore[operator]
        if time.monotonic() > end:
            raise AssertionError(f"not within {PATIENCE_S:g} s: {what}")
        time.sleep(0.25)


def signed_in(browser: Browser, address: str, name: str, password: str) -> Page:
    page = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
    page.goto(address)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").first.fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Live", exact=True).wait_for(timeout=30_000)
    return page


def tell_people(lab: Lab, mail_port: int, hook_port: int) -> None:
    """Make a mail channel and a webhook."""
    config = Paths.below(lab.folder / "leader").global_config
    with config.open("a") as file:
        file.write("\n[alarms]\nallow_local_webhooks = True\n")
    mail = {"host": "127.0.0.1", "port": str(mail_port), "security": "none", "sender": "lab@example.org"}
    channels = {
        "mail": {"kind": "email", "options": {**mail, "recipients": "ana@example.org"}},
        "hook": {
            "kind": "webhook",
            "options": {"url": f"http://127.0.0.1:{hook_port}/alarms", "signing_key": "a key of this demo"},
        },
    }
    for name, body in channels.items():
        answer = lab.ask(lab.manager, "PUT", f"/api/alarms/channels/{name}", body)
        assert answer.ok, answer.text()


def stall(lab: Lab, mail: list[tuple[float, str]], hook: list[tuple[float, str]]) -> None:
    """Wait for the alarm, its messages, its acknowledgment and its end."""
    transcript, manager = lab.transcript, lab.manager
    until(lab.open_alarm, "the stir bar stalls")
    seen_s = time.monotonic()
    until(lambda: mail and hook, "mail and webhook")
    transcript.paragraph("## The alarm")
    transcript.paragraph(
        f"The mail arrived {mail[0][0] - seen_s:+.1f} s and the webhook {hook[0][0] - seen_s:+.1f} s after the alarm "
        "could be read from the leader, which was asked four times a second."
    )
    manager.goto(f"{lab.address}/alarms")
    manager.get_by_text("Stir bar does not turn").first.wait_for()
    transcript.picture(manager, "alarm-open", "The page Alarms with the open alarm")
    transcript.paragraph("The mail:")
    transcript.show(mail[0][1])
    transcript.paragraph("The webhook, with its signature:")
    transcript.show(hook[0][1])
    buttons = manager.get_by_role("main").get_by_role("button", name=re.compile("^Acknowledge"))
    while buttons.count():
        buttons.first.click()
        manager.get_by_role("dialog").get_by_role("textbox").fill("I look at the bar")
        manager.get_by_role("dialog").get_by_role("button", name=re.compile("^Acknowledge")).click()
        manager.get_by_role("dialog").wait_for(state="detached")
        time.sleep(1.0)
    manager.get_by_text("acknowledged by").first.wait_for()
    transcript.paragraph("A person acknowledges it, with a note:")
    transcript.picture(manager, "alarm-acknowledged", "The alarm, acknowledged by a person with a note")
    until(lambda: not lab.open_alarm(), "the alarm is cleared")
    manager.goto(f"{lab.address}/alarms?show=history")
    manager.get_by_text("Stir bar does not turn").first.wait_for()
    transcript.paragraph("The bar turns again, and the alarm is history:")
    transcript.picture(manager, "alarm-history", "The history of alarms")
    transcript.show(lab.pio("alarms", "deliveries"))


def limit_a_student(lab: Lab, browser: Browser) -> None:
    """Add a student who may change worker1 only, and let them try worker2."""
    transcript = lab.transcript
    body = {"username": "student", "password": STUDENT_PASSWORD, "role": "operator", "units": ["worker1"]}
    answer = lab.ask(lab.manager, "PUT", "/auth/people", body)
    assert answer.ok, answer.text()
    student = signed_in(browser, lab.address, "student", STUDENT_PASSWORD)
    transcript.paragraph("## A student who may change one reactor")
    transcript.paragraph("The student is an operator limited to `worker1`. Over the API:")
    dose = {"options": {"ml": 0.5}}
    tried = []
    for unit in ("worker1", "worker2"):
        answer = lab.ask(student, "POST", f"/api/workers/{unit}/jobs/run/job_name/add_media/experiments/demo", dose)
        tried.append(
            f"POST /api/workers/{unit}/jobs/run/job_name/add_media/experiments/demo\n{answer.status} {answer.text()}"
        )
    transcript.show("\n\n".join(tried))
    transcript.paragraph("On the page of the other unit:")
    student.goto(f"{lab.address}/pioreactors/worker2")
    student.get_by_role("heading", name="worker2").first.wait_for()
    transcript.picture(student, "student-other-unit", "The page of a unit that a student may not change")
    speak_over_mqtt(lab, student)


def speak_over_mqtt(lab: Lab, student: Page) -> None:
    """Publish a command past the API: over the connection of the panel, and at the broker itself."""
    where = "/api/workers/worker2/jobs/settings/job_name/dosing_automation/setting/target_biomass/experiments/demo"
    topic, value = COMMAND
    lab.transcript.paragraph(
        "Over MQTT, with a command that would make the turbidostat of `worker2` pump: first over the connection that a "
        "page of the panel has, then at the broker, with the student's name and password."
    )
    closed = student.evaluate(PUBLISH, [topic, value])
    config = Paths.below(lab.folder / "leader").global_config
    port = int(load_settings(config).mqtt.broker_port)
    lab.transcript.show(
        f"PUBLISH {topic} {value}\nover ws://leader/mqtt: {closed}\nat the broker: {broker_says(port, topic, value)}"
    )
    answer = lab.ask(lab.manager, "GET", where)
    kept = lab.finished(answer.json())
    lab.transcript.paragraph("The target stays what it was:")
    lab.transcript.show(f"GET {where}\n{kept}")


def broker_says(port: int, topic: str, value: str) -> str:
    """Return what the broker answers to a client with the student's name and password."""
    said: list[str] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("student", STUDENT_PASSWORD)
    client.on_connect = lambda _client, _data, _flags, code, _properties: said.append(str(code))
    client.connect("127.0.0.1", port)
    client.loop_start()
    until(lambda: said, "the broker answers")
    client.publish(topic, value)
    client.disconnect()
    client.loop_stop()
    return said[0]


def show_audit(lab: Lab) -> None:
    transcript, manager = lab.transcript, lab.manager
    transcript.paragraph("## The audit trail of that time")
    manager.goto(f"{lab.address}/audit")
    manager.get_by_role("heading", name="Audit trail").wait_for()
    transcript.picture(manager, "audit-trail", "The page Audit trail")
    transcript.show(lab.pio("audit", "list"))
    transcript.show(lab.pio("audit", "verify"))


def alter_a_byte(lab: Lab) -> None:
    """Change one letter of a row on disk, past the database's own rules, and verify again."""
    path = Paths.below(lab.folder / "leader").database
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    at = content.rfind(b"student")
    path.write_bytes(content[:at] + b"S" + content[at + 1 :])
    lab.transcript.paragraph(
        "One byte of the database's file is changed, after the demo was stopped: a `student` becomes a `Student`."
    )
    lab.transcript.show(lab.pio("audit", "verify"))


@contextlib.contextmanager
def demo(folder: Path, *options: str) -> Iterator[tuple[str, str, str]]:
    """Run a demo of two reactors; yield address, name and password."""
    pio = str(Path(sys.executable).parent / "pio")
    argv = [pio, "demo", "--workers", "2", "--port", str(free_ports(3)), "--data", str(folder / "data"), *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        try:
            for line in process.stdout:
                said += line
                found = re.search(r"Open\s+(\S+).*Sign in as\s+(\S+).*Password\s+(\S+)", said, re.DOTALL)
                if found:
                    yield found[1].rstrip("/"), found[2], found[3]
                    break
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def main() -> None:
    transcript = Transcript()
    transcript.paragraph("# A stalled stir bar")
    transcript.paragraph(
        "What happened on a demo of two simulated reactors whose stir bars stall for 90 s: written, with "
        "its pictures, by `python scripts/show_alarm_walk.py`."
    )
    mailbox = Mailbox()
    mail = Controller(mailbox, hostname="127.0.0.1", port=free_ports(1))
    mail.start()
    with tempfile.TemporaryDirectory() as name, webhook() as (hook_port, hooked), sync_playwright() as playwright:
        folder = Path(name)
        scenario = folder / "stall.yaml"
        scenario.write_text(SCENARIO)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        with demo(folder, "--scenario", str(scenario)) as (address, username, password):
            lab = Lab(folder / "data", address, signed_in(browser, address, username, password), transcript)
            tell_people(lab, mail.port, hook_port)
            stall(lab, mailbox.arrived, hooked)
            limit_a_student(lab, browser)
            show_audit(lab)
            browser.close()
        alter_a_byte(lab)
    mail.stop()
    PAGE.write_text("\n".join(transcript.lines))
    print(f"Written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
