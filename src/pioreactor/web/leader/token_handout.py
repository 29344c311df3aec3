"""Gives workers of an earlier version, which shared one token, their own: each when the leader next reaches it."""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from time import monotonic

from pioreactor.exc import UnitUnreachableError
from pioreactor.http.ports import HttpClient
from pioreactor.identity.unit_tokens import WorkerTokens, no_token_of

PATH = "/unit_api/token"
_HOLD_OFF_S = 60.0

_log = logging.getLogger("pioreactor.web")


class TokenHandout:
    """Returns the token of each worker, and hands out one to a worker that has none of its own.

    A worker that cannot be reached, or whose software is older, is tried again after a minute; the shared token is sent
    to it meanwhile. Once all `workers` have their own, the shared one is no longer valid.
    """

    def __init__(
        self,
        tokens: WorkerTokens,
        http: HttpClient,
        url_of: Callable[[str], str],
        *,
        workers: Callable[[], Iterable[str]],
        seconds: Callable[[], float] = monotonic,
    ) -> None:
        self._tokens = tokens
        self._http = http
        self._url_of = url_of
        self._workers = workers
        self._seconds = seconds
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._retry_at: dict[str, float] = {}
        self._reported: set[str] = set()

    def token_for(self, unit: str) -> str:
        """Return the token for a worker; raise `NotAuthenticatedError` when the leader has none."""
        with self._locks[unit]:
            token, shared = self._tokens.token_of(unit), self._tokens.shared()
            if token is not None:
                return token
            if shared is None:
                raise no_token_of(unit)
            if self._seconds() < self._retry_at.get(unit, 0.0):
                return shared
            return self._hand_out(unit, shared)

    def hand_out_all(self) -> None:
        """Give every worker its token, as far as they can be reached; end the use of the shared one if all have one."""
        if self._tokens.shared() is None:
            return
        for unit in self._workers():
            self.token_for(unit)
        self._retire_shared()

    def _hand_out(self, unit: str, shared: str) -> str:
        token = self._tokens.pending(unit)
        body = {"token": token}
        try:
            # The pending token comes first: the worker may have taken it although its answer was lost.
            for known in (token, shared):
                headers = {"Authorization": f"Bearer {known}"}
                answer = self._http.request("PUT", self._url_of(unit) + PATH, json=body, headers=headers)
                if answer.ok:
                    self._tokens.confirm(unit)
                    _log.info("%s has a token of its own now.", unit)
                    self._retire_shared()
                    return token
        except UnitUnreachableError:
            pass
        else:
            self._report_once(unit, answer.status)
        self._retry_at[unit] = self._seconds() + _HOLD_OFF_S
        return shared

    def _report_once(self, unit: str, status: int) -> None:
        if unit not in self._reported:
            self._reported.add(unit)
            _log.warning(
                "%s still uses the token that all units shared (status %d): update its software, or run "
                "`pio workers token %s` and put the token on it.",
                *(unit, status, unit),
            )

    def _retire_shared(self) -> None:
        if all(self._tokens.token_of(unit) is not None for unit in self._workers()):
            self._tokens.retire_shared()
            _log.info("Every worker has a token of its own; the token that they shared is no longer accepted.")
