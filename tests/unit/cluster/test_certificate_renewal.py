"""Certificates are renewed by the leader's authority, whose key stays, and which no other replaces."""

import asyncio
import shutil
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from pioreactor.cluster.certificate_renewal import certificates_of, renew, sign_for
from pioreactor.cluster.certificates import (
    TlsFiles,
    expiry,
    make_authority,
    make_request,
    names_in,
    public_key,
    sign,
    write_private,
)
from pioreactor.cluster.membership import Membership, tls_files, write_membership
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.settings.editing import set_value
from pioreactor.storage.paths import Paths
from pioreactor.web.serve import _EventLoop

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LATER = datetime(2049, 6, 1, tzinfo=UTC)
Post = Callable[[str, object], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a leader, a worker of its cluster, and another leader."""
    root = tmp_path_factory.mktemp("made")
    authority = leader_below(root / "leader")
    leader_below(root / "other")
    paths = Paths.below(root / "worker")
    write_membership(paths, Membership("1", "leader", "worker1", ""))
    tls = tls_files(paths)
    write_private(tls.certificate, sign(authority, make_request(tls.key, "worker1"), ["worker1"]))
    write_private(tls.authority, authority.authority.read_text())
    return root


def leader_below(root: Path) -> TlsFiles:
    """Make a leader with an authority, a certificate, and a worker in its configuration."""
    paths = Paths.below(root)
    write_membership(paths, Membership("1", "leader", "leader", ""))
    tls = tls_files(paths)
    make_authority(tls, "1")
    write_private(tls.certificate, sign(tls, make_request(tls.key, "leader"), ["leader"]))
    set_value(paths.global_config, "cluster.addresses", "worker1", "10.0.0.7")
    return tls


@pytest.fixture
def leader(made: Path, tmp_path: Path) -> Paths:
    return Paths.below(Path(shutil.copytree(made / "leader", tmp_path / "leader")))


@pytest.fixture
def worker(made: Path, tmp_path: Path) -> Paths:
    return Paths.below(Path(shutil.copytree(made / "worker", tmp_path / "worker")))


def leader_at(leader: Paths, now: datetime = NOW) -> Post:
    """Answer as the leader's route does."""

    def post(_path: str, body: object) -> object:
        assert isinstance(body, dict)
        return msgspec.to_builtins(sign_for(leader, "worker1", body["request"], now=now))

    return post


def never(_path: str, _body: object) -> object:
    raise AssertionError("the leader signs by itself")


def test_a_renewed_certificate_has_the_same_key_and_names_and_lasts_for_years(leader: Paths) -> None:
    tls = tls_files(leader)
    before = (names_in(tls.certificate), public_key(tls.certificate), public_key(tls.authority))
    assert not any(one.is_ending(NOW) for one in certificates_of(leader))
    assert all(one.is_ending(datetime(2049, 12, 15, tzinfo=UTC)) for one in certificates_of(leader))
    found = renew(leader, never, now=LATER)
    assert [(one.name, one.expires_at.year) for one in found] == [("unit", 2074), ("authority of the cluster", 2074)]
    assert (names_in(tls.certificate), public_key(tls.certificate), public_key(tls.authority)) == before


def test_a_worker_is_given_the_names_that_the_leader_knows(leader: Paths, worker: Paths) -> None:
    renew(leader, never, now=LATER)
    assert [one.expires_at.year for one in renew(worker, leader_at(leader, LATER), now=LATER)] == [2074, 2074]
    assert names_in(tls_files(worker).certificate) == {
        *("worker1", "worker1.local", "localhost", "127.0.0.1", "10.0.0.7"),
    }


def test_a_worker_with_an_expired_certificate_gets_one_from_its_leader(
    leader: Paths, worker: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = tls_files(worker)
    with monkeypatch.context() as past:
        past.setattr("pioreactor.cluster.certificates.VALID_UNTIL", "20210101000000Z")
        write_private(tls.certificate, sign(tls_files(leader), make_request(tls.key, "worker1"), ["worker1"]))
    assert expiry(tls.certificate) < NOW
    renew(worker, leader_at(leader), now=NOW)
    assert expiry(tls.certificate).year == 2049


def test_a_worker_takes_no_certificate_of_another_authority(
    leader: Paths, worker: Paths, made: Path, tmp_path: Path
) -> None:
    kept = {path: path.read_bytes() for path in tls_files(worker).folder.iterdir()}
    other = Paths.below(made / "other")
    with pytest.raises(ConflictError, match="another key"):
        renew(worker, leader_at(other), now=NOW)

    def for_another_key(_path: str, _body: object) -> object:
        request = make_request(tmp_path / "another.key", "worker1")
        return msgspec.to_builtins(sign_for(leader, "worker1", request, now=NOW))

    with pytest.raises(InvalidRequestError, match="another key"):
        renew(worker, for_another_key, now=NOW)
    assert {path: path.read_bytes() for path in tls_files(worker).folder.iterdir()} == kept


def test_only_a_leader_with_its_key_signs(leader: Paths, worker: Paths, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="not the leader"):
        sign_for(worker, "worker1", "", now=NOW)
    with pytest.raises(NotFoundError, match="belongs to no cluster"):
        renew(Paths.below(tmp_path / "single"), never, now=NOW)


def test_a_server_shows_a_renewed_certificate_without_a_restart(leader: Paths) -> None:
    tls = tls_files(leader)

    async def shown() -> tuple[bytes, bytes, bytes]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        trust = ssl.create_default_context(cafile=tls.authority)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]

        async def certificate() -> bytes:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="leader")
            found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return bytes(found)

        before = await certificate()
        renew(leader, never, now=NOW)
        after = await certificate()
        tls.certificate.write_text("damaged")
        while_damaged = await certificate()
        server.close()
        return before, after, while_damaged

    with asyncio.Runner(loop_factory=lambda: _EventLoop((tls.certificate, tls.key))) as runner:
        before, after, while_damaged = runner.run(shown())
    assert before != after == while_damaged
