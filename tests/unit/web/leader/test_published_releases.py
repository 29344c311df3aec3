"""The published releases on the leader: listed, fetched, and kept only if a known signer has signed them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.updates.publisher import publish, running_publisher

from pioreactor.http.client import StandardHttpClient

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
