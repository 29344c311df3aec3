"""The promise of an HTTP client, as small as units need it to ask one another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from pioreactor.exc import UnitUnreachableError


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, whatever its status."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the decoded body; `UnitUnreachableError` when it is not JSON (something else answered)."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise UnitUnreachableError(
                f"the answer (status {self.status}) is not JSON", remedy="Check that the address and port are a unit's."
            ) from None


class HttpClient(Protocol):
    """Sends one request and waits for its answer. Safe to use from many threads."""

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 5.0,
    ) -> Response:
        """Return the answer of any status; raise `UnitUnreachableError` when none came in time.

        `json` is encoded and labelled as such; `body` is sent as it is. At most one of them.
        """
        ...
