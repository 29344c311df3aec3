"""A film of the stills of a worker is made by a program of the leader, and fetched like an archive."""

import os
from pathlib import Path
from typing import Any

import pytest

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response

STILL = {"experiment": "exp", "captured_at": "2026-03-01T00:00:00.000000Z", "capture_reason": "manual"}


def test_a_film_is_made_fetched_and_refused(leader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leader.add_workers("unit1", experiment="exp")

    def answer(request: Request) -> Response:
        if request.path.endswith("/stills"):
            return json_response({"stills": [STILL | {"image_id": name} for name in ("a", "b")]})
        return Response(200, b"JPEG " + request.path.encode())

    leader.add_host("unit1", answer)
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent))
    path = "/api/workers/unit1/camera/experiments/exp/film"
    missing = leader.result(leader.client.post(path))
    assert "not installed" in missing["error"]
    assert "apt install ffmpeg" in missing["remediation"]
    program.write_text('#!/bin/sh\nfor last; do :; done\ncat "$(dirname "$7")"/*.jpg > "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}/usr/bin:/bin")
    made = leader.result(leader.client.post(path))["result"]
    assert (made["filename"], made["stills"]) == ("film_unit1_exp.mp4", 2)
    film = leader.client.get(f"/exports/{made['filename']}")
    assert film.content.count(b"JPEG") == 2
    for wrong in ("0", "-1", "61", "fast"):
        assert leader.client.post(path, params={"stills_per_s": wrong}).status_code == 400, wrong
