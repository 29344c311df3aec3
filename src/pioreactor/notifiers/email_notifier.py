"""Notifier that sends e-mail by SMTP."""

import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate
from functools import partial

from pioreactor.alarms.records import Notice
from pioreactor.notifiers.outgoing_connection import connect, within
from pioreactor.notifiers.ports import TIMEOUT_S, DeliveryError

_READY = 220


class _Smtp(smtplib.SMTP):
    """SMTP over a connection that is open already; raise `SMTPResponseException` unless the server is ready."""

    def __init__(self, sock: socket.socket, host: str) -> None:
        super().__init__(timeout=TIMEOUT_S / 2)
        self.sock = sock
        self._host = host  # STARTTLS checks the certificate for it
        code, reply = self.getreply()
        if code != _READY:
            self.close()
            raise smtplib.SMTPResponseException(code, reply)


class EmailNotifier:
    """`options` are those of the kind `email`. A mail server may be on this machine."""

    def __init__(self, options: Mapping[str, str], *, context: ssl.SSLContext | None = None) -> None:
        """`context` replaces the usual check of the server's certificate."""
        self._options = options
        self._context = context

    def send(self, notice: Notice, *, delivery_id: str) -> None:
        options = self._options
        try:
            message = self._message(notice, delivery_id)
            port = int(options["port"])
        except (ValueError, MessageError) as error:
            raise DeliveryError(f"the addresses or the port cannot be used: {error}", is_final=True) from error
        sock = connect(options["host"], port, allow_local=True)
        with sock, within(sock):
            try:
                self._send(sock, message)
            except smtplib.SMTPException as error:
                raise _delivery_error(error) from error
            except (OSError, ssl.SSLError) as error:
                raise DeliveryError(f"{options['host']}: {error}") from error

    def _send(self, sock: socket.socket, message: EmailMessage) -> None:
        options, host = self._options, self._options["host"]
        context = self._context if self._context is not None else ssl.create_default_context()
        if options["security"] == "tls":
            sock = context.wrap_socket(sock, server_hostname=host)
        with closing(_Smtp(sock, host)) as server:
            self._talk(server, message, context)

    def _talk(self, server: smtplib.SMTP, message: EmailMessage, context: ssl.SSLContext) -> None:
        options = self._options
        server.ehlo_or_helo_if_needed()
        if options["security"] == "starttls":
            server.starttls(context=context)
            server.ehlo()
        if options["username"]:
            server.login(options["username"], options["password"])
        recipients = [text.strip() for text in options["recipients"].split(",") if text.strip()]
        for step in (partial(server.mail, options["sender"]), *(partial(server.rcpt, one) for one in recipients)):
            code, reply = step()
            if code not in (250, 251):
                raise smtplib.SMTPResponseException(code, reply)
        self._hand_over(server, message)

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        """Send the text; from the end of it on the server may have the message, whatever else happens."""
        code, reply = server.docmd("DATA")
        if code != 354:
            raise smtplib.SMTPResponseException(code, reply)
        text = message.as_bytes(policy=message.policy.clone(linesep="\r\n")).replace(b"\r\n.", b"\r\n..")
        try:
            server.send(text + b"\r\n.\r\n")
            code, reply = server.getreply()
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            raise DeliveryError(
                f"{self._options['host']} did not answer after the text was sent: it may have arrived ({error})",
                is_final=True,
            ) from error
        if code != 250:
            raise smtplib.SMTPResponseException(code, reply)
        try:
            server.quit()
        except (OSError, smtplib.SMTPException):
            return  # the message is delivered

    def _message(self, notice: Notice, delivery_id: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._options["sender"]
        message["To"] = self._options["recipients"]
        message["Subject"] = " ".join(notice.title.split())
        message["Date"] = formatdate(localtime=True)
        message["Message-ID"] = f"<{delivery_id}@pioreactor>"
        message["Auto-Submitted"] = "auto-generated"
        if notice.severity in ("high", "critical"):
            message["X-Priority"] = "1"
        message.set_content(notice.text + (f"\n\n{notice.link}" if notice.link else "") + "\n")
        return message


def _delivery_error(error: smtplib.SMTPException) -> DeliveryError:
    """A 5xx answer is for good; anything else may be over soon."""
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        text = reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)
        return DeliveryError(
            f"the mail server refused it: {error.smtp_code} {text[:200]}", is_final=error.smtp_code >= 500
        )
    return DeliveryError(f"the mail server: {error}", is_final=isinstance(error, smtplib.SMTPNotSupportedError))
