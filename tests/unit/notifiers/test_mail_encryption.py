"""Mail over encrypted connections, to servers that ask who sends."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from tests.unit.notifiers.servers import mail_server
from tests.unit.notifiers.test_notifier_contracts import email_options

from pioreactor.cluster.certificates import TlsFiles, make_authority, make_request, sign, write_private
from pioreactor.notifiers.email_notifier import EmailNotifier
from pioreactor.notifiers.ports import DeliveryError
from pioreactor.testing.contracts.notifiers import NOTICE


@dataclass(frozen=True)
class Certificates:
    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A server's certificate, and a client that trusts its authority."""
    files = TlsFiles(tmp_path_factory.mktemp("tls"))
    make_authority(files, "1234")
    write_private(files.certificate, sign(files, make_request(files.key, "mail"), ["127.0.0.1"]))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(files.certificate, files.key)
    return Certificates(server, ssl.create_default_context(cafile=files.authority))


def options_of(port: int, security: str, password: str = "right") -> Mapping[str, str]:
    return {**email_options(port), "security": security, "username": "lab", "password": password}


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_is_sent_encrypted_and_signed_in(certificates: Certificates, security: str) -> None:
    with mail_server(**{security: certificates.server}, password="right") as server:
        EmailNotifier(options_of(server.port, security), context=certificates.client).send(NOTICE, delivery_id="lab-7")
    assert len(server.messages) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_no_authority_vouches_for_gets_neither_password_nor_mail(
    certificates: Certificates, security: str
) -> None:
    with (
        mail_server(**{security: certificates.server}, password="right") as server,
        pytest.raises(DeliveryError, match="certificate") as caught,
    ):
        EmailNotifier(options_of(server.port, security)).send(NOTICE, delivery_id="lab-7")
    assert (server.messages, "right" in str(caught.value)) == ([], False)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_wrong_password_is_for_good_and_is_not_repeated_in_the_message(
    certificates: Certificates, security: str
) -> None:
    with mail_server(**{security: certificates.server}, password="right") as server:
        notifier = EmailNotifier(options_of(server.port, security, "wr0ng"), context=certificates.client)
        with pytest.raises(DeliveryError, match="535") as caught:
            notifier.send(NOTICE, delivery_id="lab-7")
    assert (caught.value.is_final, "wr0ng" in str(caught.value)) == (True, False)


def test_a_server_without_encryption_gets_nothing_from_a_channel_that_asks_for_it() -> None:
    with mail_server() as server, pytest.raises(DeliveryError, match="STARTTLS") as caught:
        EmailNotifier(options_of(server.port, "starttls")).send(NOTICE, delivery_id="lab-7")
    assert (caught.value.is_final, server.messages) == (True, [])
