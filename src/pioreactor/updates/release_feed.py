"""The releases that are published for a lab's machines: a JSON file on a web server that names each archive."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

from pioreactor.exc import ConfigurationError, NotFoundError, UnitUnreachableError
from pioreactor.http.ports import NO_HEADERS, HttpClient, OpenResponse
from pioreactor.updates.archives import PART_BYTES, Archive, Archives
from pioreactor.updates.bundle import MAX_BYTES
from pioreactor.updates.errors import UpdateRefusedError
from pioreactor.updates.version_order import is_newer, order_of

_MAX_FEED_BYTES: Final = 1024**2
_MAX_REDIRECTS: Final = 5
_TIMEOUT_S: Final = 30.0
_ATTEMPTS: Final = 5
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_REMEDY: Final = (
    "Check [updates] feed_url and the network. A machine without internet takes an archive by upload or USB drive."
)


class PublishedRelease(msgspec.Struct, frozen=True):
    """A release archive that can be fetched. Its signature, not where it comes from, says that it is genuine."""

    version: str
    url: str
    """Address of the archive, absolute or relative to that of the list."""
    sha256: str
    size_bytes: int
    machine: str = ""
    """`platform.machine()` of the machines it is for, such as aarch64; blank: all."""
    channel: str = "stable"
    released_at: str = ""
    notes: str = ""

    def is_for(self, machine: str) -> bool:
        return self.machine in ("", machine)


class Feed(msgspec.Struct, frozen=True):
    """The content of the list of releases."""

    releases: list[PublishedRelease] = []


@dataclass(frozen=True)
class ReleaseFeed:
    """The list of releases at `address`, and the archives in it."""

    address: str
    http: HttpClient
    machine: str = field(default_factory=platform.machine)

    def releases(self) -> list[PublishedRelease]:
        """Return the releases for this kind of machine, in the order of their versions.

        Raise `NotFoundError` if no address is set, `UnitUnreachableError` if it gives no list of releases.
        """
        if not self.address:
            raise NotFoundError(
                "no address of releases is set",
                remedy="Set [updates] feed_url to the list of releases of the supplier, or upload an archive.",
            )
        answer = self._opened(self.address)
        try:
            content = answer.read(_MAX_FEED_BYTES + 1)
        finally:
            answer.close()
        try:
            found = msgspec.json.decode(content, type=Feed).releases
            return sorted((one for one in found if one.is_for(self.machine)), key=lambda one: order_of(one.version))
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise UnitUnreachableError(f"{self.address} is not a list of releases: {error}", remedy=_REMEDY) from error

    def release(self, version: str) -> PublishedRelease:
        """Return a release by its version; raise `NotFoundError`."""
        for one in self.releases():
            if one.version == version:
                return one
        raise NotFoundError(f"version {version[:50]} is not among the releases of {self.address}")

    def next_after(self, version: str) -> PublishedRelease:
        """Return the first release after a version; raise `NotFoundError` if there is none."""
        for one in self.releases():
            if is_newer(one.version, version):
                return one
        raise NotFoundError(f"{version} is the newest of the releases of {self.address}")

    def fetch(
        self, release: PublishedRelease, archives: Archives, report: Callable[[str], object] = lambda _: None
    ) -> Archive:
        """Store the archive of a release among those of the unit, if signature and all files are good.

        A connection that breaks is opened again, and the archive continued where it ended.
        """
        _refuse_size(release)
        name = f"release_{release.version}.zip"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                for received in self._parts(release, archives, name):
                    report(f"{received / 1e6:.0f} of {release.size_bytes / 1e6:.0f} MB of {release.version}")
                break
            except UnitUnreachableError as error:
                if attempt == _ATTEMPTS:
                    raise
                report(f"{error}; it is continued")
        archive = archives.finish(name, release.sha256)
        if archive.version != release.version:
            raise UpdateRefusedError(f"the archive that is published as {release.version} is version {archive.version}")
        return archive

    def _parts(self, release: PublishedRelease, archives: Archives, name: str) -> Iterator[int]:
        """Write what is missing of an archive; yield the number of bytes that are there after each part."""
        offset = _received(release, archives)
        answer = self._opened(urljoin(self.address, release.url), _range_from(offset))
        if answer.status == 200:
            offset = 0  # the server sends whole files only
        try:
            while offset < release.size_bytes:
                part = _read(answer, min(PART_BYTES, release.size_bytes - offset))
                if not part:
                    raise UnitUnreachableError(f"the connection ended after {offset} of {release.size_bytes} bytes")
                archives.add_part(name, offset, part)
                offset += len(part)
                yield offset
        finally:
            answer.close()

    def _opened(self, address: str, headers: Mapping[str, str] = NO_HEADERS) -> OpenResponse:
        """Return the answer of an address, wherever it leads; raise `UnitUnreachableError` unless it is a success."""
        for _ in range(_MAX_REDIRECTS + 1):
            _refuse_unsafe(address)
            try:
                answer = self.http.open("GET", address, headers=headers, timeout_s=_TIMEOUT_S)
            except UnitUnreachableError as error:
                raise UnitUnreachableError(str(error), remedy=_REMEDY) from error
            if answer.status in (200, 206):
                return answer
            answer.close()
            address = urljoin(address, _next_address(address, answer))
        raise UnitUnreachableError(f"{self.address} leads on more than {_MAX_REDIRECTS} times", remedy=_REMEDY)


def _refuse_size(release: PublishedRelease) -> None:
    """Raise `UnitUnreachableError` for a size that no release archive has."""
    if not 0 < release.size_bytes <= MAX_BYTES:
        raise UnitUnreachableError(f"{release.size_bytes} bytes is not the size of a release archive")


def _received(release: PublishedRelease, archives: Archives) -> int:
    """Return how many bytes of an archive are there from a download that was cut."""
    present = archives.received_bytes(release.version)
    return present if present is not None and present < release.size_bytes else 0


def _range_from(offset: int) -> Mapping[str, str]:
    """Return the header that asks for a file from a byte on."""
    return {"Range": f"bytes={offset}-"} if offset else NO_HEADERS


def _next_address(address: str, answer: OpenResponse) -> str:
    """Return where an answer leads; raise `UnitUnreachableError` if it is none that leads on."""
    if not 300 <= answer.status < 400 or "location" not in answer.headers:
        raise UnitUnreachableError(f"{address} answers with status {answer.status}", remedy=_REMEDY)
    return answer.headers["location"]


def _read(answer: OpenResponse, size_bytes: int) -> bytes:
    """Return so many bytes of an answer, fewer only at its end."""
    parts = bytearray()
    while len(parts) < size_bytes and (block := answer.read(size_bytes - len(parts))):
        parts += block
    return bytes(parts)


def _refuse_unsafe(address: str) -> None:
    """Raise `ConfigurationError` for an address with a password, or without HTTPS unless it is on this machine."""
    parts = urlsplit(address)
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not is_safe or parts.username is not None:
        raise ConfigurationError(
            f"releases are fetched by https:// without a name and password, not from {parts.scheme}://{parts.hostname}",
            remedy="Change [updates] feed_url.",
        )
