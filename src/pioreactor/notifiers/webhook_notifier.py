"""Notifier that posts signed JSON to a webhook, in the form that its service expects."""

import hashlib
import hmac
import ssl
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import SplitResult, urlsplit

import msgspec

from pioreactor.alarms.channels import ChannelKind
from pioreactor.alarms.records import Notice
from pioreactor.notifiers.outgoing_connection import connect, within
from pioreactor.notifiers.ports import DeliveryError
from pioreactor.notifiers.webhook_presets import PRESETS, filled, values_of

SIGNATURE_HEADER = "X-Pioreactor-Signature"
TIME_HEADER = "X-Pioreactor-Time"
DELIVERY_HEADER = "X-Pioreactor-Delivery"
_TOO_MANY = 429


class WebhookNotifier:
    """`options` are those of the channel's kind. Redirects are not followed.

    With a signing key the request has `X-Pioreactor-Signature: sha256=…`, the HMAC of the time in `X-Pioreactor-Time`
    (Unix seconds), a dot and the body.
    """

    def __init__(
        self, kind: ChannelKind, options: Mapping[str, str], *, allow_local: bool, unix_s: Callable[[], float]
    ) -> None:
        self._preset = PRESETS[kind]
        self._options = options
        self._allow_local = allow_local
        self._unix_s = unix_s

    def send(self, notice: Notice, *, delivery_id: str) -> None:
        url = self._url()
        body = self._body(notice, delivery_id)
        host = url.hostname if url.hostname is not None else ""
        port = url.port if url.port is not None else {"https": 443, "http": 80}[url.scheme]
        sock = connect(host, port, allow_local=self._allow_local)
        with sock, within(sock):
            try:
                connected = (
                    ssl.create_default_context().wrap_socket(sock, server_hostname=host)
                    if (url.scheme == "https")
                    else sock
                )
                connection = HTTPConnection(host, port)
                connection.sock = connected
                target = (url.path if url.path else "/") + (f"?{url.query}" if url.query else "")
                connection.request("POST", target, body=body, headers=self._headers(body, delivery_id))
            except (OSError, HTTPException, UnicodeError) as error:
                raise DeliveryError(f"{host}: {error}") from error
            self._judge(host, connection)

    @staticmethod
    def _judge(host: str, connection: HTTPConnection) -> None:
        try:
            answer: HTTPResponse = connection.getresponse()
        except (OSError, HTTPException) as error:
            text = f"{host} did not answer after the request was sent: it may have arrived ({error})"
            raise DeliveryError(text, is_final=True) from error
        status = answer.status
        answer.close()
        if 200 <= status < 300:
            return
        what = "redirects elsewhere, which is not followed" if 300 <= status < 400 else "refused it"
        is_final = 300 <= status < 500 and status not in (408, _TOO_MANY)
        raise DeliveryError(f"{host} {what}: {status} {answer.reason[:100]}", is_final=is_final)

    def _url(self) -> SplitResult:
        try:
            url = urlsplit(str(filled(self._preset.url, self._values())))
            is_usable = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
        except ValueError:
            is_usable = False
        if not is_usable:
            # The address may be a secret: it is not repeated.
            raise DeliveryError("the address of the webhook is not of the form https://host/path", is_final=True)
        return url

    def _values(self) -> dict[str, str]:
        """Return what may stand in braces in an address; raise `ValueError` for one that is none."""
        given = urlsplit(self._options.get("url", ""))
        return {**self._options, "base_url": f"{given.scheme}://{given.netloc}/", "path": given.path.strip("/")}

    def _body(self, notice: Notice, delivery_id: str) -> bytes:
        values = {**self._values(), **values_of(notice, delivery_id)}
        template = self._options.get("template", "")
        if not template:
            return msgspec.json.encode(filled(self._preset.body, values))
        try:
            return msgspec.json.encode(filled(msgspec.json.decode(template), values))
        except msgspec.DecodeError as error:
            raise DeliveryError(f"the body of the webhook is not JSON: {error}", is_final=True) from error

    def _headers(self, body: bytes, delivery_id: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "pioreactor",
            "Connection": "close",
            DELIVERY_HEADER: delivery_id,
        }
        if self._options.get("token"):
            headers |= {name: str(filled(value, self._options)) for name, value in self._preset.headers.items()}
        key = self._options.get("signing_key", "")
        if key:
            at = f"{self._unix_s():.0f}"
            headers[TIME_HEADER] = at
            headers[SIGNATURE_HEADER] = signature(key, at, body)
        return headers


def signature(key: str, unix_s: str, body: bytes) -> str:
    """Return what the header of a signed request holds."""
    return "sha256=" + hmac.new(key.encode(), unix_s.encode() + b"." + body, hashlib.sha256).hexdigest()
