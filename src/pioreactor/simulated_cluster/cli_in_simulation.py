"""Command lines in processes of virtual time that ask the web servers of their own simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import IO, Final, TypeVar

from pioreactor.cli.cli_context import CliContext
from pioreactor.clock.ports import Clock
from pioreactor.http.addresses import base_url
from pioreactor.http.ports import NO_HEADERS, HttpClient, OpenResponse, Response
from pioreactor.http.units import Units
from pioreactor.runtime.context import Runtime

T = TypeVar("T")
_POLL_S: Final = 0.05
_THREADS: Final = 16


class HttpFromTasks:
    """HTTP for tasks of virtual time: they wait in it, since who answers needs their thread."""

    def __init__(self, http: HttpClient, clock: Clock, threads: ThreadPoolExecutor) -> None:
        self._http, self._clock, self._threads = http, clock, threads

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,
    ) -> Response:
        return self._wait(
            lambda: self._http.request(method, url, json=json, body=body, headers=headers, timeout_s=timeout_s)
        )

    def open(
        self,
        method: str,
        url: str,
        *,
        body: IO[bytes] | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        timeout_s: float = 5.0,
    ) -> OpenResponse:
        return self._wait(lambda: self._http.open(method, url, body=body, headers=headers, timeout_s=timeout_s))

    def _wait(self, send: Callable[[], T]) -> T:
        answer = self._threads.submit(send)
        while not answer.done():
            self._clock.sleep(_POLL_S)
        return answer.result()


class CliInSimulation(CliContext):
    """The command line of a process of virtual time."""

    def __init__(self, runtime: Runtime, http: HttpFromTasks, token: str) -> None:
        super().__init__({}, runtime=runtime, http=http)
        self._given = Units(http, self.url_of, token_for=lambda _: token, pause=runtime.clock.signal().wait)

    def url_of(self, unit: str) -> str:
        return base_url(unit, {})

    @cached_property
    def _units(self) -> Units:
        return self._given


class CommandLines:
    """Makes the command line of each process; without time that passes by itself they have no cluster to ask."""

    def __init__(self, http: HttpClient, token: str, *, is_paced: Callable[[], bool]) -> None:
        self._http, self._token, self._is_paced = http, token, is_paced
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="asking")

    def __call__(self, runtime: Runtime) -> CliContext:
        if not self._is_paced():
            return CliContext({}, runtime=runtime)
        return CliInSimulation(runtime, HttpFromTasks(self._http, runtime.clock, self._threads), self._token)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
