"""A film of the stills of a worker is made by a program of the leader, and fetched like an archive."""

import json
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response

STILL = {"experiment": "exp", "captured_at": "2026-03-01T00:00:00.000000Z", "capture_reason": "manual"}
GRAYS = {"a": 40, "b": 120, "c": 200}


def picture(level: int) -> bytes:
    """Return a JPEG whose sides are odd, as a camera may be set."""
    written = BytesIO()
    Image.new("L", (97, 75), level).save(written, "JPEG")
    return written.getvalue()


def streams_of(film: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json", str(film)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    (video,) = found["streams"]
    return dict(video)


def test_a_film_is_made_fetched_and_refused(leader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leader.add_workers("unit1", experiment="exp")

    def answer(request: Request) -> Response:
        if request.path.endswith("/stills"):
            return json_response({"stills": [STILL | {"image_id": name} for name in GRAYS]})
        return Response(200, picture(GRAYS[Path(request.path).stem]))

    leader.add_host("unit1", answer)
    path = "/api/workers/unit1/camera/experiments/exp/film"
    with monkeypatch.context() as without_programs:
        without_programs.setenv("PATH", str(tmp_path))
        missing = leader.result(leader.client.post(path))
    assert "not installed" in missing["error"]
    assert "apt install ffmpeg" in missing["remediation"]
    made = leader.result(leader.client.post(path, params={"stills_per_s": "5"}))["result"]
    assert (made["filename"], made["stills"]) == ("film_unit1_exp.mp4", 3)
    film = tmp_path / "fetched.mp4"
    film.write_bytes(leader.client.get(f"/exports/{made['filename']}").content)
    video = streams_of(film)
    assert (video["codec_name"], video["width"], video["height"], video["nb_read_frames"]) == ("h264", 96, 74, "3")
    assert video["r_frame_rate"] == "5/1"
    for wrong in ("0", "-1", "61", "fast"):
        assert leader.client.post(path, params={"stills_per_s": wrong}).status_code == 400, wrong


def test_a_damaged_still_is_named_as_the_cause(leader: Any) -> None:
    leader.add_workers("unit1", experiment="exp")

    def answer(request: Request) -> Response:
        if request.path.endswith("/stills"):
            return json_response({"stills": [STILL | {"image_id": "a"}]})
        return Response(200, b"no picture")

    leader.add_host("unit1", answer)
    failed = leader.result(leader.client.post("/api/workers/unit1/camera/experiments/exp/film"))
    assert "the film was not made" in failed["error"]
    assert leader.client.get("/exports/film_unit1_exp.mp4").status_code == 404
