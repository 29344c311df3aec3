"""The published releases on the leader: listed, fetched, and kept only if a known signer has signed them."""

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.updates.publisher import publish, running_publisher

from pioreactor.http.client import StandardHttpClient
from pioreactor.http.loopback import Request, json_response
from pioreactor.http.ports import Response
from pioreactor.updates.archives import Archive
from pioreactor.updates.bundle import MANIFEST, SIGNATURE, Manifest
from pioreactor.updates.signature import Signers

NEWER = "999.0.0"


@pytest.fixture
def leader_with_feed(leader: Any, tmp_path: Path) -> Any:
    archive = tmp_path / f"release_{NEWER}.zip"
    archive.write_bytes(b"PK no release")
    with running_publisher() as publisher:
        publish(publisher, archive, version=NEWER, size_bytes=archive.stat().st_size)
        unit = leader.services.unit
        unit.runtime = replace(unit.runtime, open_public_http=StandardHttpClient)
        with unit.paths.global_config.open("a", encoding="utf-8") as file:
            file.write(f"\n[updates]\nfeed_url={publisher.address}/releases.json\n")
        leader.sign_in()
        leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
        leader.publisher = publisher
        yield leader


def test_without_an_address_the_answer_says_how_to_set_one(leader: Any) -> None:
    unit = leader.services.unit
    unit.runtime = replace(unit.runtime, open_public_http=StandardHttpClient)
    leader.sign_in()
    answer = leader.client.get("/api/system/releases")
    assert answer.status_code == 404
    assert "feed_url" in answer.json()["remediation"]


def test_releases_are_listed_and_what_is_not_signed_is_not_kept(leader_with_feed: Any) -> None:
    leader = leader_with_feed
    (listed,) = leader.client.get("/api/system/releases").json()
    assert (listed["version"], listed["is_newer"], listed["is_here"]) == (NEWER, True, False)

    outcome = leader.result(leader.client.post(f"/api/system/releases/{NEWER}/download"))

    assert outcome["status"] == "failed"
    assert list((leader.services.unit.paths.storage / "releases").iterdir()) == []
    assert leader.client.post("/api/system/releases/1.0/download").status_code == 404


def test_a_publisher_that_is_out_of_reach_is_said_to_be(leader_with_feed: Any) -> None:
    leader_with_feed.publisher.files.clear()
    answer = leader_with_feed.client.get("/api/system/releases")
    assert answer.status_code == 502
    assert "status 404" in answer.json()["error"]


def test_firmware_of_an_archive_goes_to_units_and_each_answers(
    leader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = leader.services.unit.paths.storage / "releases"
    folder.mkdir(parents=True)
    for name, files in (("release_with.zip", {"firmware/main.elf": b"elf"}), ("release_without.zip", {})):
        write_archive(folder / name, {"wheels/pioreactor-27.1.0-py3-none-any.whl": b"wheel", **files})
    monkeypatch.setattr(Signers, "verify", lambda *_: None)
    asked: list[tuple[str, str, object]] = []

    def answer(request: Request) -> Response:
        asked.append((request.method, request.path, request.json if request.path.endswith("firmware") else None))
        if request.path.endswith("finish"):
            received = Archive("release_27.1.0.zip", "/releases", "27.1.0", "stable", "t", "", 1, is_on_usb=False)
            return json_response(msgspec.to_builtins(received))
        return json_response({"version": "27.1.0", "path": "main.elf"})

    leader.add_workers("w1", "w2")
    leader.add_host("w1", answer)
    leader.add_host("w2", lambda _: json_response({"error": "w2 is simulated", "status": 409}, status=409))
    leader.sign_in()
    leader.client.headers["Origin"] = str(leader.client.base_url).rstrip("/")
    done: dict[str, Any] = {}
    for unit in ("w1", "w2"):
        body = {"units": unit, "release_archive_location": "release_with.zip"}
        done |= leader.result(leader.client.post("/api/system/update_firmware", json=body))["result"]
    assert [(done[unit]["ok"], unit) for unit in done] == [(True, "w1"), (False, "w2")]
    assert "simulated" in done["w2"]["error"]["message"]
    path = "/unit_api/system/update/firmware"
    assert asked[-1] == ("POST", path, {"options": {"source": "release_27.1.0.zip"}}), "its name once it has arrived"
    body = {"units": "w1", "release_archive_location": "release_without.zip"}
    assert leader.client.post("/api/system/update_firmware", json=body).status_code == 400


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = msgspec.json.encode(Manifest(version="27.1.0", released_at="2026-11-29", files=digests))
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in {MANIFEST: manifest, SIGNATURE: b"", **files}.items():
            archive.writestr(name, content)
