"""Notifier that lets apprise send, in a process of its own: the package is large, and needed for seconds."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

import msgspec

from pioreactor.alarms.records import Notice
from pioreactor.notifiers.ports import TIMEOUT_S, DeliveryError
from pioreactor.private_files import restrict_new_files
from pioreactor.processes.launch import module_argv

_NOT_INSTALLED = 3
_REFUSED = 1


class AppriseNotifier:
    """`options` are those of the kind `apprise`. The address goes to the process by its standard input."""

    def __init__(self, options: Mapping[str, str], *, argv: Sequence[str] | None = None) -> None:
        self._url = options["url"]
        self._argv = list(argv) if argv is not None else module_argv("pioreactor.notifiers.apprise_notifier")

    def send(self, notice: Notice, *, delivery_id: str) -> None:  # noqa: ARG002  apprise has no place for it
        request = {"url": self._url, "title": notice.title, "text": f"{notice.text}\n{notice.link}".strip()}
        try:
            done = subprocess.run(
                self._argv, input=msgspec.json.encode(request), capture_output=True, timeout=TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise DeliveryError("apprise did not end in time: the message may have arrived", is_final=True) from error
        except OSError as error:
            raise DeliveryError(f"apprise cannot be started: {error}") from error
        if done.returncode == _NOT_INSTALLED:
            raise DeliveryError(
                "apprise is not installed on this machine", is_final=True, remedy="pip install pioreactor[apprise]"
            )
        if done.returncode != 0:
            # What the process prints may hold the address.
            raise DeliveryError("apprise could not deliver the message")


def main() -> int:
    """Send the request on standard input; return the exit code."""
    restrict_new_files()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, str])
    try:
        from apprise import Apprise  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return _NOT_INSTALLED
    sender = Apprise()
    if not sender.add(request["url"]):
        return _REFUSED
    return 0 if sender.notify(title=request["title"], body=request["text"]) else _REFUSED


if __name__ == "__main__":
    sys.exit(main())
