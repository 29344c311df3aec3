"""Certificates of a cluster: its own authority on the leader, and one certificate for each unit, made by `openssl`.

They are valid from 2020 to 2049, renewed ones for at least 10 years: a Raspberry Pi without a network starts with a
clock that is years off, and a cluster is not to end on a date. A unit that leaves is shut out by its token and its
account at the broker, not by its certificate.
"""

from __future__ import annotations

import hashlib
import ipaddress
import ssl
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

from pioreactor.exc import ConfigurationError, InvalidRequestError, StorageError
from pioreactor.private_files import write_atomically
from pioreactor.processes.system_command import SystemCommandError, run_system_command

VALID_FROM: Final = "20200101000000Z"
VALID_UNTIL: Final = "20491231235959Z"
_MIN_RENEWED: Final = timedelta(days=3653)
_RENEWED: Final = timedelta(days=25 * 365)
_TIMEOUT_S: Final = 60.0
_AUTHORITY_EXTENSIONS: Final = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
_UNIT_EXTENSIONS: Final = (
    "basicConstraints=critical,CA:FALSE\n"
    "keyUsage=critical,digitalSignature\n"
    "extendedKeyUsage=serverAuth,clientAuth\n"
    "subjectAltName={names}\n"
)
_CONFIGURATION: Final = """\
[ca]
default_ca = cluster
[cluster]
new_certs_dir = {folder}
database = {folder}/index.txt
rand_serial = yes
default_md = sha256
policy = policy
unique_subject = no
copy_extensions = none
[policy]
commonName = supplied
[req]
distinguished_name = name
prompt = no
[name]
CN = unused
"""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files with which a unit proves its name and checks those of others."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Certificate of the cluster's authority."""
        return self.folder / "ca.pem"

    @property
    def authority_key(self) -> Path:
        """Key of the authority; on the leader only."""
        return self.folder / "ca.key"

    @property
    def certificate(self) -> Path:
        return self.folder / "unit.pem"

    @property
    def key(self) -> Path:
        return self.folder / "unit.key"

    @property
    def are_complete(self) -> bool:
        """Whether this unit can serve HTTPS."""
        return all(path.exists() for path in (self.authority, self.certificate, self.key))


def make_authority(files: TlsFiles, cluster: str) -> None:
    """Make the authority of a cluster, unless it exists. Its key never leaves the leader."""
    if files.authority.exists() and files.authority_key.exists():
        return
    files.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    request = make_request(files.authority_key, f"Pioreactor cluster {cluster}")
    _sign(request, files.authority_key, None, _AUTHORITY_EXTENSIONS, files.authority)


def renew_authority(files: TlsFiles, cluster: str, *, now: datetime) -> None:
    """Replace the certificate of the authority by one with the same key and name, which replaces it for every unit."""
    if not files.authority_key.exists():
        raise ConfigurationError(
            f"{files.authority_key} is missing, so that nothing can be signed",
            remedy="Restore it from a backup of the leader.",
        )
    request = make_request(files.authority_key, f"Pioreactor cluster {cluster}")
    _sign(request, files.authority_key, None, _AUTHORITY_EXTENSIONS, files.authority, until=_until(now))


def make_request(key: Path, name: str) -> str:
    """Return a request to sign a certificate for `name`, with the key in `key`, which is made if it is absent."""
    if not key.exists():
        made = _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "-")
        write_private(key, made)
    return _openssl("req", "-new", "-key", str(key), "-subj", f"/CN={name}", "-sha256")


def make_self_signed(key: Path, certificate: Path, name: str) -> None:
    """Make a certificate that is recognized by its fingerprint only."""
    request = make_request(key, name)
    _sign(request, key, None, _UNIT_EXTENSIONS.format(names=f"DNS:{name}"), certificate)


def sign(files: TlsFiles, request: str, names: Iterable[str], *, now: datetime | None = None) -> str:
    """Return the certificate of a unit for host names and addresses; raise `InvalidRequestError` for a bad request.

    `now` is the present time for one that is renewed.
    """
    alternatives = ",".join(dict.fromkeys(_alternative(name) for name in names))
    with tempfile.TemporaryDirectory() as folder:
        signed = Path(folder) / "signed.pem"
        extensions = _UNIT_EXTENSIONS.format(names=alternatives)
        _sign(request, files.authority_key, files.authority, extensions, signed, until=_until(now))
        return signed.read_text()


def fingerprint(certificate: Path) -> bytes:
    """Return the SHA-256 of a certificate."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).digest()


def expiry(certificate: Path) -> datetime:
    """Return when a certificate expires."""
    return _expiry(certificate, certificate.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _expiry(certificate: Path, _changed_ns: int) -> datetime:
    _, _, text = _openssl("x509", "-in", str(certificate), "-noout", "-enddate").strip().partition("=")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def public_key(certificate: Path) -> str:
    """Return the public key in a certificate, in PEM."""
    return _openssl("x509", "-in", str(certificate), "-noout", "-pubkey")


def check_certificate(files: TlsFiles, key: Path) -> None:
    """Raise `InvalidRequestError` unless the authority signed the certificate, for this key."""
    if public_key(files.certificate) != _openssl("pkey", "-in", str(key), "-pubout"):
        raise InvalidRequestError("the certificate is for another key")
    _openssl("verify", "-CAfile", str(files.authority), str(files.certificate))


def names_in(certificate: Path) -> set[str]:
    """Return the host names and addresses that a certificate is for."""
    text = _openssl("x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName")
    entries = (entry.strip() for line in text.splitlines() for entry in line.split(","))
    return {entry.partition(":")[2] for entry in entries if entry.startswith(("DNS:", "IP Address:"))}


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, text, mode=0o600)


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        if not name or not all(c.isalnum() or c in "-._" for c in name):
            raise InvalidRequestError(f"{name!r} is no host name") from None
        return f"DNS:{name}"


def _until(now: datetime | None) -> str:
    """Return until when a certificate that is made now is valid; None: the usual time."""
    usual = datetime.strptime(VALID_UNTIL, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    if now is None or usual - now > _MIN_RENEWED:
        return VALID_UNTIL
    return (now + _RENEWED).strftime("%Y%m%d%H%M%SZ")


def _sign(
    request: str, key: Path, issuer: Path | None, extensions: str, target: Path, *, until: str | None = None
) -> None:
    """Sign a request by the issuer's key; by its own if there is no issuer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "index.txt").touch()
        (folder / "openssl.cnf").write_text(_CONFIGURATION.format(folder=folder))
        (folder / "extensions").write_text(extensions)
        (folder / "request.pem").write_text(request)
        signed = folder / "out.pem"
        authority = ("-selfsign",) if issuer is None else ("-cert", str(issuer))
        _openssl(
            *("ca", "-batch", "-notext", "-config", str(folder / "openssl.cnf"), *authority, "-keyfile", str(key)),
            *("-in", str(folder / "request.pem"), "-out", str(signed), "-extfile", str(folder / "extensions")),
            *("-startdate", VALID_FROM, "-enddate", until if until is not None else VALID_UNTIL),
        )
        write_private(target, signed.read_text())


def _openssl(*arguments: str) -> str:
    try:
        return run_system_command(["openssl", *arguments], timeout_s=_TIMEOUT_S)
    except SystemCommandError as error:
        if error.is_missing:
            raise ConfigurationError(
                "certificates are made by the program openssl, which is not installed",
                remedy="Install the package openssl.",
            ) from None
        if error.stderr is None:
            raise StorageError(f"openssl did not end: {error}") from error
        lines = error.stderr.splitlines()
        raise InvalidRequestError(f"openssl {arguments[0]} failed: {lines[-1] if lines else error}") from error
