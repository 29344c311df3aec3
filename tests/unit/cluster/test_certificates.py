"""Certificates of a cluster: which are accepted, and for how long."""

import socket
import ssl
import threading
from pathlib import Path

import pytest

from pioreactor.cluster.certificates import (
    TlsFiles,
    fingerprint,
    make_authority,
    make_request,
    make_self_signed,
    names_in,
    sign,
    write_private,
)
from pioreactor.exc import ConfigurationError, InvalidRequestError


@pytest.fixture
def tls(tmp_path: Path) -> TlsFiles:
    files = TlsFiles(tmp_path / "tls")
    make_authority(files, "1234")
    return files


def issue(tls: TlsFiles, folder: Path, *names: str) -> TlsFiles:
    """Return the files of a unit whose certificate the authority signed."""
    unit = TlsFiles(folder)
    write_private(unit.certificate, sign(tls, make_request(unit.key, names[0]), names))
    write_private(unit.authority, tls.authority.read_text())
    return unit


def connect(server: TlsFiles, authority: Path, host: str) -> str | None:
    """Shake hands with a server over a socket pair; return why the client refused."""
    ours, theirs = socket.socketpair()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.certificate, server.key)

    def serve() -> None:
        try:
            context.wrap_socket(theirs, server_side=True).close()
        except (ssl.SSLError, OSError):
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with ssl.create_default_context(cafile=authority).wrap_socket(ours, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    finally:
        ours.close()
        thread.join(10)


def test_a_unit_is_accepted_under_its_names_and_addresses_only(tls: TlsFiles, tmp_path: Path) -> None:
    unit = issue(tls, tmp_path / "unit", "worker1", "worker1.local", "10.0.0.7")
    assert names_in(unit.certificate) == {"worker1", "worker1.local", "10.0.0.7"}
    for host in ("worker1", "worker1.local", "10.0.0.7"):
        assert connect(unit, tls.authority, host) is None
    assert "mismatch" in str(connect(unit, tls.authority, "worker2"))


def test_a_unit_of_another_cluster_is_refused(tls: TlsFiles, tmp_path: Path) -> None:
    other = TlsFiles(tmp_path / "other")
    make_authority(other, "5678")
    foreign = issue(other, tmp_path / "unit", "worker1")
    assert connect(foreign, tls.authority, "worker1") is not None


def test_a_unit_cannot_make_certificates_for_others(tls: TlsFiles, tmp_path: Path) -> None:
    unit = issue(tls, tmp_path / "unit", "worker1")
    write_private(tmp_path / "unit" / "ca.key", unit.key.read_text())
    write_private(tmp_path / "unit" / "chain.pem", unit.certificate.read_text())
    forged = TlsFiles(tmp_path / "forged")
    authority = TlsFiles(tmp_path / "unit")
    write_private(authority.authority, unit.certificate.read_text())
    write_private(forged.certificate, sign(authority, make_request(forged.key, "leader"), ["leader"]))
    assert connect(forged, tls.authority, "leader") is not None


def test_certificates_are_valid_when_a_clock_is_years_off(tls: TlsFiles, tmp_path: Path) -> None:
    unit = issue(tls, tmp_path / "unit", "worker1")
    for certificate in (tls.authority, unit.certificate):
        times = ssl._ssl._test_decode_cert(str(certificate))  # type: ignore[attr-defined]
        assert ("2020" in times["notBefore"], "2049" in times["notAfter"]) == (True, True)


def test_certificates_that_are_expired_are_refused_until_they_are_replaced(
    tls: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as past:
        past.setattr("pioreactor.cluster.certificates.VALID_UNTIL", "20210101000000Z")
        expired = issue(tls, tmp_path / "unit", "worker1")
    assert "expired" in str(connect(expired, tls.authority, "worker1"))
    assert connect(issue(tls, tmp_path / "unit", "worker1"), tls.authority, "worker1") is None
    make_authority(replaced := TlsFiles(tmp_path / "replaced"), "1234")
    assert connect(expired, replaced.authority, "worker1") is not None, "signed by the authority before"
    assert connect(issue(replaced, tmp_path / "unit", "worker1"), replaced.authority, "worker1") is None


def test_keys_are_private_and_are_made_once(tls: TlsFiles) -> None:
    key, certificate = tls.authority_key.read_text(), tls.authority.read_text()
    make_authority(tls, "1234")
    assert (tls.authority_key.read_text(), tls.authority.read_text()) == (key, certificate)
    assert tls.authority_key.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("request_text", ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"])
def test_a_bad_request_is_refused(tls: TlsFiles, request_text: str) -> None:
    with pytest.raises(InvalidRequestError):
        sign(tls, request_text, ["worker1"])


@pytest.mark.parametrize("name", ["", "a b", "x\nDNS:leader", "x,DNS:leader"])
def test_a_bad_host_name_is_refused(tls: TlsFiles, tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequestError):
        sign(tls, make_request(tmp_path / "key", "worker1"), [name])


def test_a_certificate_is_known_by_its_fingerprint(tmp_path: Path) -> None:
    made = []
    for number in range(2):
        make_self_signed(tmp_path / f"{number}.key", tmp_path / f"{number}.pem", "worker1")
        made.append(fingerprint(tmp_path / f"{number}.pem"))
    assert len(made[0]) == 32
    assert made[0] != made[1]


def test_a_missing_openssl_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match="openssl"):
        make_authority(TlsFiles(tmp_path / "tls"), "1234")
