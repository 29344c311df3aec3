"""Renewal of certificates: the leader signs its own, and those that its workers ask for.

Units trust the authority of the cluster and no single certificate, so that a renewed one is accepted at once. The
authority is renewed with its key, which stays the anchor of trust: a worker takes no certificate of another key.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.cluster.certificates import (
    TlsFiles,
    check_certificate,
    expiry,
    make_request,
    names_in,
    public_key,
    renew_authority,
    sign,
    write_private,
)
from pioreactor.cluster.membership import Membership, read_membership, tls_files
from pioreactor.exc import ConflictError, NotFoundError
from pioreactor.http.units import decoded
from pioreactor.settings.load import load_settings
from pioreactor.storage.paths import Paths

WARNING_DAYS: Final = 30
SIGNING: Final = "/api/cluster/certificate"
CURE: Final = "Renew it: pio cluster renew-certificates"


class CertificateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What a worker asks its leader to sign, in PEM."""

    request: str


class SignedCertificate(msgspec.Struct):
    """A worker's certificate, and that of the authority, in PEM."""

    certificate: str
    authority: str


class CertificateState(msgspec.Struct):
    """A certificate of this unit."""

    name: str
    expires_at: datetime

    def is_ending(self, now: datetime) -> bool:
        """Return whether it expires within `WARNING_DAYS`, or has expired."""
        return self.expires_at - now < timedelta(days=WARNING_DAYS)


class UnitCertificates(msgspec.Struct):
    """The certificates of a unit."""

    certificates: list[CertificateState]


Post = Callable[[str, object], object]
"""Sends JSON to a path of the leader, as this unit; returns the answer."""


def certificates_of(paths: Paths) -> list[CertificateState]:
    """Return the certificates of this unit; none where it serves no HTTPS."""
    tls = tls_files(paths)
    named = {"unit": tls.certificate, "authority of the cluster": tls.authority}
    return [CertificateState(name, expiry(path)) for name, path in named.items() if path.exists()]


def renew(paths: Paths, post: Post, *, now: datetime) -> list[CertificateState]:
    """Renew the certificate of this unit, with its key; on the leader that of the authority as well.

    Its web server takes the new one for the next connection.
    """
    known, tls = _membership(paths), tls_files(paths)
    if known.leader == known.unit:
        renew_authority(tls, known.cluster, now=now)
        names = sorted(names_in(tls.certificate)) if tls.certificate.exists() else _names(paths, known.unit)
        write_private(tls.certificate, sign(tls, make_request(tls.key, known.unit), names, now=now))
    else:
        answer = post(SIGNING, {"request": make_request(tls.key, known.unit)})
        _accept(tls, decoded(answer, SignedCertificate))
    return certificates_of(paths)


def sign_for(paths: Paths, unit: str, request: str, *, now: datetime) -> SignedCertificate:
    """Return a certificate for a worker, under its names and its address; raise unless this unit leads the cluster."""
    known, tls = _membership(paths), tls_files(paths)
    if known.leader != known.unit:
        raise ConflictError(f"{known.unit} is not the leader", remedy=f"Ask {known.leader}.")
    return SignedCertificate(sign(tls, request, _names(paths, unit), now=now), tls.authority.read_text())


def _accept(tls: TlsFiles, signed: SignedCertificate) -> None:
    """Replace the files of a worker, if the authority has the key that this worker knows."""
    with tempfile.TemporaryDirectory() as folder:
        given = TlsFiles(Path(folder))
        write_private(given.authority, signed.authority)
        write_private(given.certificate, signed.certificate)
        if public_key(given.authority) != public_key(tls.authority):
            raise ConflictError(
                "the leader's authority has another key than this unit trusts",
                remedy="Find out why. If the cluster was set up anew: pio cluster leave, then pio cluster join.",
            )
        check_certificate(given, tls.key)
    write_private(tls.certificate, signed.certificate)
    write_private(tls.authority, signed.authority)


def _names(paths: Paths, unit: str) -> list[str]:
    address = load_settings(paths.global_config, paths.local_config).cluster_addresses.get(unit)
    return [unit, f"{unit}.local", "localhost", "127.0.0.1", *([address] if address else [])]


def _membership(paths: Paths) -> Membership:
    known = read_membership(paths)
    if known is None:
        raise NotFoundError(
            "this unit belongs to no cluster, which has no certificates",
            remedy="Run `pio cluster init` on the leader, or `pio cluster join` on a worker.",
        )
    return known
