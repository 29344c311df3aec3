"""Assignments of units, requested from the leader and stored for when the leader cannot be reached.

A worker stays autonomous: it continues with the last answer, and reports that it does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from pioreactor.clock.ports import Clock
from pioreactor.exc import NotAssignedAnExperimentError, NotAuthenticatedError, UnitUnreachableError
from pioreactor.http.ports import HttpClient, Response
from pioreactor.storage.ports import KeyValues
from pioreactor.types import Experiment

FRESH_S = 5.0
"""An answer younger than this is reused: an LED change must not cost a request."""
HOLD_OFF_S = 30.0
"""No request is sent to the leader for this long after one failed."""
ATTEMPTS = 6
_PAUSE_S = 0.5
_TIMEOUT_S = 3.0
_ABSENT = {"absent": True}
_TRUE = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Given:
    """What the environment variables define about this unit; it needs no request."""

    unit: str
    experiment: str | None = None
    is_active: bool | None = None
    model: tuple[str, str] | None = None

    @classmethod
    def from_environment(cls, unit: str, environment: Mapping[str, str]) -> "Given":
        """Read `EXPERIMENT`, `ACTIVE`, `MODEL_NAME` and `MODEL_VERSION`; an empty variable counts as absent."""
        name, version = environment.get("MODEL_NAME", ""), environment.get("MODEL_VERSION", "")
        active, experiment = environment.get("ACTIVE", ""), environment.get("EXPERIMENT", "")
        return cls(
            unit,
            experiment=experiment if experiment else None,
            is_active=active.lower() in _TRUE if active else None,
            model=(name, version) if name and version else None,
        )


class LeaderInventory:
    """`Inventory` over the leader's API."""

    def __init__(
        self,
        http: HttpClient,
        *,
        base_url: str | None,
        token: Callable[[], str | None],
        clock: Clock,
        remembered: KeyValues,
        given: Given,
        report: Callable[[str], object],
    ) -> None:
        """`base_url` is the leader's, None where no leader is configured. `token` is called for each request: this
        unit's may be replaced. `remembered` survives a restart; `report` is
        called, once per outage, with a message that stored answers are used."""
        self._http = http
        self._base_url = base_url
        self._token = token
        self._clock = clock
        self._remembered = remembered
        self._given = given
        self._report = report
        self._fresh: dict[str, tuple[float, dict[str, Any]]] = {}
        self._away_until: float | None = None
        self._error: UnitUnreachableError | None = None

    def experiment(self, unit: str) -> Experiment:
        if unit == self._given.unit and self._given.experiment is not None:
            return Experiment(self._given.experiment)
        answer = self._ask(f"/api/workers/{unit}/experiment")
        name = answer.get("experiment")
        if not isinstance(name, str) or not name:
            raise NotAssignedAnExperimentError(f"{unit} is not assigned to an experiment")
        return Experiment(name)

    def is_worker(self, unit: str) -> bool:
        if unit == self._given.unit and self._given.is_active is not None:
            return True  # only workers are active or inactive
        return self._worker(unit) != _ABSENT

    def is_active(self, unit: str) -> bool:
        if unit == self._given.unit and self._given.is_active is not None:
            return self._given.is_active
        return bool(self._worker(unit).get("is_active", False))

    def model(self, unit: str) -> tuple[str, str] | None:
        if unit == self._given.unit and self._given.model is not None:
            return self._given.model
        worker = self._worker(unit)
        name, version = worker.get("model_name"), worker.get("model_version")
        return (str(name), str(version)) if name and version else None

    def _worker(self, unit: str) -> dict[str, Any]:
        return self._ask(f"/api/workers/{unit}")

    def _ask(self, path: str) -> dict[str, Any]:
        moment = self._clock.monotonic()
        asked_at, answer = self._fresh.get(path, (0.0, None))
        if answer is not None and moment - asked_at < FRESH_S:
            return answer
        old = self._old(path)
        if self._error is not None and self._away_until is not None and moment < self._away_until:
            return self._without_leader(old, self._error)
        try:
            # Retries are for the start of a cluster: after they have failed once, each request is tried only once.
            patient = old is None and self._error is None
            answer = self._read(self._request(path, attempts=ATTEMPTS if patient else 1), path)
        except UnitUnreachableError as error:
            if self._away_until is None and old is not None:
                self._report(f"The leader does not answer ({error}); continuing with its last answer.")
            self._away_until, self._error = self._clock.monotonic() + HOLD_OFF_S, error
            return self._without_leader(old, error)
        self._away_until = self._error = None
        self._fresh[path] = (self._clock.monotonic(), answer)
        if answer != old:
            self._remembered.set(path, msgspec.json.encode(answer))
        return answer

    @staticmethod
    def _without_leader(old: dict[str, Any] | None, error: UnitUnreachableError) -> dict[str, Any]:
        if old is None:
            raise UnitUnreachableError(
                f"the leader does not answer, and nothing is known from before ({error})",
                remedy="Start the leader, check [cluster.topology], or set EXPERIMENT and ACTIVE.",
            ) from error
        return old

    def _request(self, path: str, *, attempts: int) -> Response:
        if self._base_url is None:
            raise UnitUnreachableError("no leader is configured")
        token = self._token()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for attempt in range(1, attempts + 1):
            try:
                answer = self._http.request("GET", self._base_url + path, headers=headers, timeout_s=_TIMEOUT_S)
                if answer.status < 500:
                    return answer
                reason = UnitUnreachableError(f"the leader answers with status {answer.status}")
            except UnitUnreachableError as error:
                reason = error
            if attempt < attempts:
                self._clock.sleep(_PAUSE_S * attempt)
        raise reason

    def _read(self, answer: Response, path: str) -> dict[str, Any]:
        if answer.status == 404:
            return _ABSENT
        if answer.status in (401, 403):
            raise NotAuthenticatedError(
                "the leader does not accept this unit's token", remedy="Join the unit to the cluster again."
            )
        body = answer.json() if answer.ok else None
        if not isinstance(body, dict):
            raise UnitUnreachableError(f"the leader's answer to {path} is not valid (status {answer.status})")
        return body

    def _old(self, path: str) -> dict[str, Any] | None:
        kept = self._remembered.get(path)
        if not isinstance(kept, bytes | str):
            return None
        try:
            return msgspec.json.decode(kept, type=dict[str, Any])
        except msgspec.DecodeError:
            return None
