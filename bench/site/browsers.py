"""Simulated browsers: each keeps a live connection and asks for what the overview shows, as a person who looks.

Run by `bench.site`. The token of a person comes as the first line of the input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from bench.site.connections import LivePage
from bench.site.units import quantile

LOOKS_EVERY_S = 15.0
PING_EVERY_S = 3.0
TIMESTAMP = re.compile(rb'od_reading/od2.{0,40}"timestamp":"([^"]+)"', re.DOTALL)
CHARTS = ("growth_rates", "od_readings_filtered", "od_readings")


@dataclass
class Counted:
    """What all browsers met."""

    took_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bytes_of: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    frames: int = 0
    live_bytes: int = 0
    live_after_s: list[float] = field(default_factory=list)
    most_frames_per_s: int = 0


def paths(experiment: str) -> dict[str, str]:
    """Return what the overview asks for, by a name."""
    of = f"/api/experiments/{experiment}"
    return {
        "experiments": "/api/experiments",
        "workers": "/api/workers",
        "units of the experiment": f"{of}/workers",
        "labels": f"{of}/unit_labels",
        "chart descriptors": "/api/charts/descriptors",
        "jobs": "/api/jobs/descriptors",
        "recent logs": f"{of}/recent_logs",
        "media": f"{of}/media_rates",
        **{f"chart {name}": f"{of}/time_series/{name}?lookback=24&target_points=1400" for name in CHARTS},
    }


class Browser:
    """One page of a person: HTTP on one connection, and the live connection."""

    def __init__(self, port: int, token: str, experiment: str, counted: Counted) -> None:
        self._port = port
        self._token = token
        self._experiment = experiment
        self._counted = counted

    async def look(self, delay_s: float) -> None:
        """Load the page again and again."""
        await asyncio.sleep(delay_s)
        while True:
            began = time.monotonic()
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
            for name, path in paths(self._experiment).items():
                asked_s = time.perf_counter()
                writer.write(
                    f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip, br\r\n"
                    f"Authorization: Bearer {self._token}\r\n\r\n".encode()
                )
                status, size = await _answer(reader)
                self._counted.took_s[name].append(time.perf_counter() - asked_s)
                self._counted.bytes_of[name] = size
                self._counted.failed += status != 200
            writer.close()
            self._counted.took_s["whole page"].append(time.monotonic() - began)
            await asyncio.sleep(max(0.1, LOOKS_EVERY_S - (time.monotonic() - began)))

    async def listen(self) -> None:
        """Receive what is live."""
        filters = [
            f"pioreactor/+/{self._experiment}/#",
            *("pioreactor/+/$experiment/" + rest for rest in ("monitor/#", "logs/#", "alarms/summary")),
        ]
        page = await LivePage.open(self._port, self._token, filters)
        second, frames, pinged_s = 0, 0, 0.0
        while payload := await page.receive():
            now = time.time()
            self._counted.frames += 1
            self._counted.live_bytes += len(payload)
            if int(now) != second:
                self._counted.most_frames_per_s = max(self._counted.most_frames_per_s, frames)
                second, frames = int(now), 0
            frames += 1
            if (found := TIMESTAMP.search(payload)) is not None:
                self._counted.live_after_s.append(now - datetime.fromisoformat(found[1].decode()).timestamp())
            if now - pinged_s > PING_EVERY_S:
                pinged_s = now
                page.ping()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Read one answer; return its status and the length of its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    length = re.search(rb"content-length: *(\d+)", head)
    if length is not None:
        await reader.readexactly(int(length[1]))
        return status, int(length[1])
    total = 0
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
        total += size
    await reader.readline()
    return status, total


async def run(port: int, experiment: str, browsers: int) -> None:
    """Look until the input is closed; print a report for each line, what was counted being forgotten."""
    counted, chance = Counted(), random.Random(2)
    token = sys.stdin.readline().strip()
    tasks = []
    for _ in range(browsers):
        browser = Browser(port, token, experiment, counted)
        delay_s = chance.random() * LOOKS_EVERY_S
        tasks += [asyncio.create_task(browser.listen()), asyncio.create_task(browser.look(delay_s))]
    print(json.dumps({"browsers": browsers}), flush=True)
    commands: asyncio.Queue[str] = asyncio.Queue()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: commands.put_nowait(sys.stdin.readline().strip()))
    while await commands.get() == "report":
        ended = [task for task in tasks if task.done()]
        print(json.dumps(_report(counted, browsers, len(ended))), flush=True)
        for task in ended:
            task.result()
        counted.took_s.clear()
        counted.live_after_s.clear()
        counted.frames = counted.live_bytes = counted.failed = counted.most_frames_per_s = 0
    for task in tasks:
        task.cancel()


def _report(counted: Counted, browsers: int, ended: int) -> dict[str, object]:
    return {
        "ended": ended,
        "failed": counted.failed,
        "answers": {
            name: {
                "p50_ms": 1e3 * quantile(took, 0.5),
                "p95_ms": 1e3 * quantile(took, 0.95),
                "bytes": counted.bytes_of.get(name, 0),
            }
            for name, took in counted.took_s.items()
        },
        "live_bytes_per_browser": counted.live_bytes / browsers,
        "live_frames_per_browser": counted.frames / browsers,
        "most_frames_per_s": counted.most_frames_per_s,
        "live_p50_ms": 1e3 * quantile(counted.live_after_s, 0.5),
        "live_p95_ms": 1e3 * quantile(counted.live_after_s, 0.95),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--browsers", type=int, required=True)
    asked = parser.parse_args()
    asyncio.run(run(asked.port, asked.experiment, asked.browsers))


if __name__ == "__main__":
    main()
