"""The list of published releases, as units fetch it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import build_release
import pytest
from tests.unit.updates.publisher import Publisher, publish, running_publisher
from tests.unit.updates.signed_archive import make

from pioreactor.exc import ConfigurationError, InvalidRequestError, NotFoundError, UnitUnreachableError
from pioreactor.http.client import StandardHttpClient
from pioreactor.storage.paths import Paths
from pioreactor.updates.archives import PART_BYTES, Archives
from pioreactor.updates.bundle import Bundle
from pioreactor.updates.errors import UpdateRefusedError
from pioreactor.updates.release_feed import PublishedRelease, ReleaseFeed
from pioreactor.updates.signature import Signers


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with running_publisher() as found:
        yield found


@pytest.fixture
def archives(tmp_path: Path, keys: Path) -> Archives:
    return Archives(Paths.below(tmp_path / "unit"), Signers((keys / "signers",)))


def feed_of(publisher: Publisher) -> ReleaseFeed:
    return ReleaseFeed(f"{publisher.address}/releases.json", StandardHttpClient(), "aarch64")


@pytest.fixture
def large(tmp_path: Path, keys: Path) -> Path:
    """An archive of more than two parts."""
    return make(tmp_path, keys / "ours", wheel_bytes=2 * PART_BYTES)


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_release_is_fetched_although_the_connection_breaks(
    publisher: Publisher, archives: Archives, large: Path, knows_ranges: bool
) -> None:
    publisher.knows_ranges, publisher.breaks_after_bytes = knows_ranges, [PART_BYTES + 10, 10]
    publish(publisher, large)
    feed, told = feed_of(publisher), list[str]()

    archive = feed.fetch(feed.next_after("27.0.0"), archives, told.append)

    assert (archive.version, Path(archive.path).read_bytes()) == ("27.1.0", large.read_bytes())
    assert archives.of_version("27.1.0") == archive
    assert [line for line in told if "continued" in line] != []
    asked = [line for line in publisher.asked if "bytes=" in line]
    assert asked != []
    assert archives.received_bytes("27.1.0") is None


def test_a_download_that_was_cut_is_continued_by_the_next_one(
    publisher: Publisher, archives: Archives, large: Path
) -> None:
    publish(publisher, large)
    publisher.breaks_after_bytes = [PART_BYTES + 10, 10, 10, 10, 10]
    feed = feed_of(publisher)
    with pytest.raises(UnitUnreachableError):
        feed.fetch(feed.release("27.1.0"), archives)
    present = archives.received_bytes("27.1.0")
    assert present is not None and present >= PART_BYTES

    feed.fetch(feed.release("27.1.0"), archives)

    assert f"bytes={present}-" in publisher.asked[-1]


def test_an_archive_may_be_elsewhere(publisher: Publisher, archives: Archives, archive: Path) -> None:
    publish(publisher, archive, url="/latest")
    publisher.redirects["/latest"] = f"{publisher.address}/files/{archive.name}"
    feed = feed_of(publisher)
    assert feed.fetch(feed.release("27.1.0"), archives).version == "27.1.0"

    publisher.redirects["/latest"] = "/latest"
    with pytest.raises(UnitUnreachableError, match="more than 5 times"):
        feed.fetch(feed.release("27.1.0"), archives)
    publisher.redirects["/latest"] = "http://203.0.113.1/release"
    with pytest.raises(ConfigurationError, match="https://"):
        feed.fetch(feed.release("27.1.0"), archives)


def test_what_is_not_the_release_is_not_kept(
    publisher: Publisher, archives: Archives, tmp_path: Path, keys: Path
) -> None:
    feed = feed_of(publisher)
    publish(publisher, make(tmp_path, keys / "other"))
    with pytest.raises(UpdateRefusedError, match="known signer"):
        feed.fetch(feed.release("27.1.0"), archives)
    publish(publisher, make(tmp_path, keys / "ours"), sha256="0" * 64)
    with pytest.raises(InvalidRequestError, match="did not arrive"):
        feed.fetch(feed.release("27.1.0"), archives)
    assert list(archives.folder.iterdir()) == []
    publish(publisher, make(tmp_path, keys / "ours", version="26.1.0"))
    with pytest.raises(UpdateRefusedError, match=r"published as 27.1.0 is version 26.1.0"):
        feed.fetch(feed.release("27.1.0"), archives)


def test_the_list_that_a_release_is_built_into_is_one_that_units_fetch_from(
    publisher: Publisher, archives: Archives, tmp_path: Path, archive: Path, keys: Path
) -> None:
    older, listed = make(tmp_path, keys / "ours", version="27.0.1"), tmp_path / "releases.json"
    for built in (archive, older, archive):
        manifest = Bundle(built, archives.signers).manifest()
        build_release.add_to_list(listed, built, manifest, built.name)
        publisher.files[f"/{built.name}"] = built.read_bytes()
    publisher.files["/releases.json"] = listed.read_bytes()
    feed = ReleaseFeed(f"{publisher.address}/releases.json", StandardHttpClient())

    assert [one.version for one in feed.releases()] == ["27.0.1", "27.1.0"]
    assert feed.fetch(feed.next_after("27.0.0"), archives).version == "27.0.1"


def listed(version: str) -> bytes:
    entry = {"version": version, "url": "a", "sha256": "b", "size_bytes": 1}
    return json.dumps({"releases": [entry, entry | {"version": "27.1.0"}]}).encode()


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", b"[]", b'{"releases": [{"version": "27"}]}', b"[" * 100_000, b"x" * 2 * 1024**2]
    + [listed(version) for version in ("../x", "", "a b")],
)
def test_a_list_that_is_none_is_said_to_be(publisher: Publisher, content: bytes) -> None:
    publisher.files["/releases.json"] = content
    with pytest.raises((UnitUnreachableError, InvalidRequestError), match=r"is not a (list of releases|version)"):
        feed_of(publisher).releases()


def test_releases_for_other_machines_are_left_out(publisher: Publisher, archive: Path) -> None:
    publish(publisher, archive, machine="riscv64")
    assert feed_of(publisher).releases() == []
    publish(publisher, archive, machine="aarch64")
    assert [one.version for one in feed_of(publisher).releases()] == ["27.1.0"]
    with pytest.raises(NotFoundError, match="newest"):
        feed_of(publisher).next_after("27.1.0")


@pytest.mark.parametrize("size_bytes", [0, -1, 2**40])
def test_a_size_that_no_archive_has_is_refused(archives: Archives, size_bytes: int) -> None:
    release = PublishedRelease("27.1.0", "https://lab.example/a.zip", "0" * 64, size_bytes)
    with pytest.raises(UnitUnreachableError, match="is not the size"):
        ReleaseFeed("https://lab.example/releases.json", StandardHttpClient()).fetch(release, archives)


@pytest.mark.parametrize(
    "address", ["http://lab.example/r.json", "ftp://lab.example/r.json", "https://me:pw@lab.example/r.json", "r.json"]
)
def test_addresses_that_are_not_safe_are_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="https://") as caught:
        ReleaseFeed(address, StandardHttpClient()).releases()
    assert "pw" not in str(caught.value)


def test_without_an_address_it_is_said_what_to_do() -> None:
    with pytest.raises(NotFoundError, match="no address") as caught:
        ReleaseFeed("", StandardHttpClient()).releases()
    assert "feed_url" in (caught.value.remedy or "")
