"""A classroom: many reactors in one process, its pages, and messages that pages receive while they are shown."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.system.demo_process import PIO, until
from websockets.sync.client import connect

from pioreactor.http.client import StandardHttpClient
from pioreactor.testing.ports import free_ports

pytestmark = [pytest.mark.system, pytest.mark.timeout(150)]

CONNECT = bytes.fromhex("101200044d5154540402003c") + b"\x00\x06my-job"
SUBSCRIBE = b"\x82\x11\x00\x01\x00\x0cpioreactor/#\x00"

PROFILE = """version: "1.0"
experiment_profile_name: faster
common: {jobs: {stirring: {actions: [{type: update, t: 0, options: {target_rpm: 520}}]}}}
"""


@contextmanager
def classroom(*more: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the address of a classroom's pages, and the headers of a person who has signed in."""
    command = [*PIO, "demo", "--scenario", "classroom", "--port", str(free_ports(1)), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    said = ""
    try:
        for line in process.stdout:
            said += line
            if "Press Ctrl-C" in line:
                break
        url, password = (re.search(rf"{name} +(\S+)", said) for name in ("Open", "Password"))
        assert url, said
        assert password
        body = {"username": "pioreactor", "password": password[1]}
        answer = StandardHttpClient().request("POST", f"{url[1]}/auth/sign-in", json=body)
        yield url[1], {"Cookie": answer.headers["set-cookie"].split(";")[0], "Origin": url[1]}
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said + rest
    assert "was not started" not in said + rest
    assert "Traceback" not in said + rest


def test_jobs_run_on_each_reactor_and_pages_receive_what_happens() -> None:
    with classroom("--workers", "3", "--speed", "5") as (url, signed_in):
        http = StandardHttpClient()

        def series() -> list[str]:
            address = f"{url}/api/experiments/classroom/time_series/growth_rates"
            found: list[str] = json.loads(http.request("GET", address, headers=signed_in).body)["series"]
            return found

        until(lambda: sorted(series()) == ["worker1", "worker2", "worker3"], "growth rates of each reactor")
        with connect(
            url.replace("http", "ws") + "/mqtt",
            subprotocols=["mqtt"],  # type: ignore[list-item]
            additional_headers={"Cookie": signed_in["Cookie"]},
            origin=url,  # type: ignore[arg-type]
            compression=None,
            proxy=None,
        ) as live:
            live.send(CONNECT)
            live.send(SUBSCRIBE)
            received = b""
            while b"worker3/classroom/stirring/$stateready" not in received:
                received += bytes(live.recv(timeout=30))  # type: ignore[arg-type]
            run_profile(url, signed_in)
            while b"worker3/classroom/stirring/target_rpm520.0" not in received:
                received += bytes(live.recv(timeout=60))  # type: ignore[arg-type]


def run_profile(url: str, signed_in: dict[str, str]) -> None:
    http = StandardHttpClient()
    saved = http.request(
        "POST",
        f"{url}/api/experiment_profiles",
        json={"filename": "trial.yaml", "body": PROFILE},
        headers=signed_in,
    )
    assert saved.ok, saved.body
    address = f"{url}/api/workers/leader/jobs/run/job_name/experiment_profile/experiments/classroom"
    started = http.request("PATCH", address, json={"args": ["execute", "trial.yaml", "classroom"]}, headers=signed_in)
    assert started.ok, started.body


def test_an_option_that_a_classroom_lacks_is_refused() -> None:
    for option in (["--data", "kept"], ["--xr"]):
        refused = subprocess.run(
            [*PIO, "demo", "--scenario", "classroom", *option], capture_output=True, text=True, check=False, timeout=60
        )
        assert (refused.returncode, option[0] in refused.stderr) == (2, True)
