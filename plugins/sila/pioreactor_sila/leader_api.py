"""Commands to the leader's API, with the token of the client: its rights, limits and audit trail hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

from pioreactor.exc import InvalidRequestError, NotPermittedError, PioreactorError
from pioreactor.http.ports import HttpClient, Response

_POLL_S: Final = 0.1
_TIMEOUT_S: Final = 30.0


class LeaderApi:
    """Requests about the jobs of one unit."""

    def __init__(self, http: HttpClient, url: str, unit: str, *, experiment: Callable[[], str]) -> None:
        """`experiment` returns the one that the unit is assigned to, or raises `PioreactorError`."""
        self._experiment = experiment
        self._http = http
        self._url = url
        self._unit = unit

    async def start_job(self, token: str, job: str) -> None:
        """Start a job and wait until it is ready; raise `PioreactorError` with the leader's reason."""
        await self._command(token, f"run/job_name/{quote(job, safe='')}", {})

    async def stop_job(self, token: str, job: str) -> None:
        """Stop a job and wait until it has ended."""
        await self._command(token, f"stop/job_name/{quote(job, safe='')}", None)

    async def change_setting(self, token: str, job: str, setting: str, value: str) -> None:
        """Change a setting of a running job; its bounds are checked by the leader and the job."""
        await self._command(token, f"update/job_name/{quote(job, safe='')}", {"settings": {setting: value}})

    async def _command(self, token: str, rest: str, body: Mapping[str, object] | None) -> None:
        experiment = await asyncio.to_thread(self._experiment)
        path = f"/api/workers/{self._unit}/jobs/{rest}/experiments/{quote(experiment, safe='')}"
        answer = await self._ask("POST", path, token, body)
        result = _field(answer, "result_url_path")
        async with asyncio.timeout(_TIMEOUT_S):
            while (answer := await self._ask("GET", result, token)).status == 202:
                await asyncio.sleep(_POLL_S)
        if error := _field(answer, "error"):
            raise PioreactorError(error)

    async def _ask(self, method: str, path: str, token: str, body: Mapping[str, object] | None = None) -> Response:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await asyncio.to_thread(
            lambda: self._http.request(method, self._url + path, json=body, headers=headers, timeout_s=10.0)
        )
        if answer.ok:
            return answer
        kind = NotPermittedError if answer.status in (401, 403) else InvalidRequestError
        raise kind(_field(answer, "error") or f"the leader answered with status {answer.status}")


def _field(answer: Response, name: str) -> str:
    found = answer.json()
    value = found.get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""
