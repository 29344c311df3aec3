"""What notifiers do that their receivers, and people who attack them, can see."""

from __future__ import annotations

import socket

import msgspec
import pytest
from tests.unit.notifiers.servers import mail_server, silent_server, webhook_server
from tests.unit.notifiers.test_notifier_contracts import email_options

from pioreactor.notifiers import outgoing_connection
from pioreactor.notifiers.apprise_notifier import AppriseNotifier
from pioreactor.notifiers.email_notifier import EmailNotifier
from pioreactor.notifiers.outgoing_connection import AddressRefusedError, check_address, resolve
from pioreactor.notifiers.ports import DeliveryError
from pioreactor.notifiers.webhook_notifier import WebhookNotifier, signature
from pioreactor.notifiers.webhook_presets import filled
from pioreactor.processes.launch import module_argv
from pioreactor.testing.contracts.notifiers import NOTICE


def webhook(url: str, **options: str) -> WebhookNotifier:
    return WebhookNotifier("webhook", {"url": url, **options}, allow_local=True, unix_s=lambda: 1000.0)


def shorten(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Let an attempt take at most 0.1 s."""
    within = outgoing_connection.within
    monkeypatch.setattr(f"pioreactor.notifiers.{module}.within", lambda sock: within(sock, 0.1))


def test_a_mail_goes_to_everybody_with_an_id_that_shows_a_second_copy() -> None:
    with mail_server() as server:
        EmailNotifier(email_options(server.port)).send(NOTICE, delivery_id="lab-7")
    [(recipients, content)] = server.messages
    assert recipients == ["ana@example.org", "bo@example.org"]
    assert b"Message-ID: <lab-7@pioreactor>" in content


def test_a_mail_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch, "email_notifier")
    with silent_server() as port, pytest.raises(DeliveryError) as raised:
        EmailNotifier(email_options(port)).send(NOTICE, delivery_id="lab-7")
    assert not raised.value.is_final


def test_a_mail_server_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch, "email_notifier")
    with silent_server(drips=True) as port, pytest.raises(DeliveryError):
        EmailNotifier(email_options(port)).send(NOTICE, delivery_id="lab-7")


def test_a_webhook_that_never_answers_is_not_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shorten(monkeypatch, "webhook_notifier")
    with silent_server() as port, pytest.raises(DeliveryError, match="may have arrived") as raised:
        webhook(f"http://127.0.0.1:{port}/").send(NOTICE, delivery_id="lab-7")
    assert raised.value.is_final


def test_a_webhook_is_signed() -> None:
    with webhook_server() as server:
        webhook(f"http://127.0.0.1:{server.port}/hook?a=1", signing_key="secret").send(NOTICE, delivery_id="lab-7")
    [(path, headers, body)] = server.requests
    assert path == "/hook?a=1"
    assert headers["X-Pioreactor-Signature"] == signature("secret", "1000", body)
    assert (headers["X-Pioreactor-Time"], headers["X-Pioreactor-Delivery"]) == ("1000", "lab-7")


def test_a_redirect_is_not_followed() -> None:
    with webhook_server() as server:
        server.status = 302
        with pytest.raises(DeliveryError, match="redirects"):
            webhook(f"http://127.0.0.1:{server.port}/").send(NOTICE, delivery_id="lab-7")
    assert server.attempts == 1


def test_a_template_of_a_person_is_filled_whole() -> None:
    with webhook_server() as server:
        template = '{"what": "{title}", "list": ["{severity}", 1, null], "other": "{nothing}"}'
        webhook(f"http://127.0.0.1:{server.port}/", template=template).send(NOTICE, delivery_id="lab-7")
        with pytest.raises(DeliveryError, match="not JSON"):
            webhook(f"http://127.0.0.1:{server.port}/", template="{").send(NOTICE, delivery_id="lab-7")
    body = msgspec.json.decode(server.requests[0][2])
    assert body == {"what": NOTICE.title, "list": ["high", 1, None], "other": "{nothing}"}


def test_braces_in_a_message_are_text() -> None:
    assert filled("{a} {b:2} {c", {"a": "{b}", "b": "12345"}) == "{b} 12 {c"


@pytest.mark.parametrize(
    "url", ["", "ftp://host/", "http:///path", "file:///etc/passwd", "http://host:99999/", "http://["]
)
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(DeliveryError) as raised:
        webhook(url).send(NOTICE, delivery_id="lab-7")
    assert raised.value.is_final
    assert not url or url not in str(raised.value)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::", "169.254.169.254", "169.254.1.1", "fe80::1%eth0"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "100.100.100.200", "fd00:ec2::254", "224.0.0.1", "ff02::1"),
        "255.255.255.255",
    ],
)
def test_addresses_that_only_this_machine_reaches_are_refused(address: str) -> None:
    with pytest.raises(AddressRefusedError):
        check_address(address)


@pytest.mark.parametrize("address", ["192.168.1.20", "10.0.0.7", "93.184.215.14", "2606:4700::1111"])
def test_addresses_of_the_laboratory_and_of_the_internet_are_allowed(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::1]"])
def test_a_webhook_to_this_machine_is_refused_however_it_is_spelled(host: str) -> None:
    notifier = WebhookNotifier("slack", {"url": f"http://{host}:1/"}, allow_local=False, unix_s=lambda: 0.0)
    with pytest.raises(DeliveryError):
        notifier.send(NOTICE, delivery_id="lab-7")


def test_a_name_is_resolved_once_and_the_address_that_was_checked_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    connected: list[tuple[str, int]] = []

    def answer(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "93.184.215.14" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def refuse(address: tuple[str, int], **_: object) -> socket.socket:
        connected.append(address)
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr(socket, "create_connection", refuse)
    notifier = WebhookNotifier("slack", {"url": "http://rebinding.example/"}, allow_local=False, unix_s=lambda: 0.0)
    with pytest.raises(DeliveryError):
        notifier.send(NOTICE, delivery_id="lab-7")
    assert (asked, connected) == (["rebinding.example"], [("93.184.215.14", 80)])


def test_one_address_of_several_that_is_refused_refuses_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("10.0.0.1", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(AddressRefusedError):
        resolve("both.example", 80, allow_local=False)


def test_apprise_gets_the_address_on_its_standard_input_and_a_failure_hides_it() -> None:
    code = "import sys; text = sys.stdin.read(); sys.stderr.write(text); sys.exit(0 if 'tgram://secret' in text else 1)"
    argv = [*module_argv("x")[:2], "-c", code]
    AppriseNotifier({"url": "tgram://secret"}, argv=argv).send(NOTICE, delivery_id="lab-7")
    with pytest.raises(DeliveryError) as raised:
        AppriseNotifier({"url": "other://secret"}, argv=argv).send(NOTICE, delivery_id="lab-7")
    assert "secret" not in str(raised.value)
