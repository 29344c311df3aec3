"""Which certificates are trusted: those of public authorities, of the cluster's own, or exactly one."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from pioreactor_client.errors import CertificateError, UnreachableError


def context(url: str, ca: str | Path | None, fingerprint: str | None) -> ssl.SSLContext:
    """Return what checks a server: by an authority's certificate (PEM), or by the SHA-256 of its own.

    For the latter the certificate is fetched and compared first; each connection then accepts that one alone.
    """
    if ca is not None and not Path(ca).is_file():
        raise CertificateError(f"there is no file {ca}", remedy="Copy the certificate of the cluster's authority.")
    if fingerprint is None:
        return ssl.create_default_context(cafile=ca)
    shown = _shown_by(url, timeout_s=10.0)
    _check(ssl.PEM_cert_to_DER_cert(shown), fingerprint)
    found = ssl.create_default_context(cadata=shown)
    found.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    found.check_hostname = False
    return found


def fingerprint_of(url: str, *, timeout_s: float = 10.0) -> str:
    """Return the SHA-256 of the certificate that a server shows now.

    Compare it with the leader's own (`openssl x509 -noout -fingerprint -sha256 -in CERTIFICATE`) before you pass it as
    `fingerprint`: a machine between you and the leader could show another one.
    """
    return digest(ssl.PEM_cert_to_DER_cert(_shown_by(url, timeout_s=timeout_s)))


def _shown_by(url: str, *, timeout_s: float) -> str:
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else 443
    try:
        return ssl.get_server_certificate((str(parts.hostname), port), timeout=timeout_s)
    except OSError as error:
        raise UnreachableError(f"{parts.netloc} shows no certificate: {error}") from error


def digest(certificate: bytes) -> str:
    """Return the SHA-256 of a certificate (DER), in lower-case hexadecimal."""
    return hashlib.sha256(certificate).hexdigest()


def _check(certificate: bytes, pinned: str) -> None:
    """Raise `CertificateError` unless this is the pinned certificate; colons and case do not matter."""
    wanted = pinned.replace(":", "").strip().lower()
    shown = digest(certificate)
    if shown != wanted:
        raise CertificateError(
            f"the server shows the certificate {shown[:16]}…, not {wanted[:16]}…; nothing was sent",
            remedy="If the leader was set up again, look at its new fingerprint there.",
        )
