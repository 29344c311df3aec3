"""Workers that shared one token get their own, while the cluster runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pioreactor.exc import NotAuthenticatedError
from pioreactor.http.loopback import LoopbackHttp, Request, json_response
from pioreactor.http.ports import Response
from pioreactor.identity.unit_tokens import WorkerTokens, replace_token
from pioreactor.web.leader.token_handout import TokenHandout
from pioreactor.web.security.identity import UnitsByToken

SHARED = "shared-by-all"


class Worker:
    """The server of a worker, with this or with older software."""

    def __init__(self, *, is_older: bool = False, loses_answer: bool = False) -> None:
        self.token = SHARED
        self.is_older = is_older
        self.loses_answer = loses_answer

    def __call__(self, request: Request) -> Response:
        if request.headers["Authorization"] != f"Bearer {self.token}":
            return json_response({"error": "not signed in"}, 401)
        if self.is_older:
            return json_response({"error": "there is no such path"}, 404)
        assert (request.method, request.path) == ("PUT", "/unit_api/token")
        assert isinstance(request.json, dict)
        self.token = str(request.json["token"])
        return json_response({"error": "lost"}, 502) if self.loses_answer else Response(204)


class Cluster:
    def __init__(self, secrets: Path, **workers: Worker) -> None:
        replace_token(secrets, SHARED)
        self.tokens = WorkerTokens(secrets)
        self.tokens.prepare()
        self.names = list(workers)
        self.http = LoopbackHttp(dict(workers))
        self.now = 0.0
        self.handout = TokenHandout(
            self.tokens, self.http, lambda unit: f"http://{unit}", workers=lambda: self.names, seconds=lambda: self.now
        )
        self.identify = UnitsByToken(secrets, "leader1", workers=lambda: self.names).find


@pytest.fixture
def cluster(tmp_path: Path) -> Callable[..., Cluster]:
    return lambda **workers: Cluster(tmp_path / "secrets", **workers)


def test_each_worker_gets_its_own_and_the_shared_one_ends(
    cluster: Callable[..., Cluster], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Worker(), Worker()
    made = cluster(unit1=first, unit2=second)
    shared = made.identify(SHARED)
    assert shared is not None
    assert (shared.name, shared.scope) == ("", "own")
    assert "all units shared" in caplog.text

    assert made.handout.token_for("unit1") == first.token != SHARED
    assert made.identify(SHARED) is not None, "unit2 still has only that one"
    made.handout.hand_out_all()
    assert len({first.token, second.token, SHARED}) == 3
    assert made.identify(SHARED) is None
    found = made.identify(second.token)
    assert found is not None
    assert (found.kind, found.name, found.scope) == ("unit", "unit2", "own")
    assert first.token not in caplog.text


def test_an_answer_that_is_lost_does_not_lose_the_worker(cluster: Callable[..., Cluster]) -> None:
    worker = Worker(loses_answer=True)
    made = cluster(unit1=worker)
    made.handout.token_for("unit1")
    assert worker.token != SHARED
    assert made.identify(worker.token) is not None, "the worker uses it already"
    worker.loses_answer = False
    made.now = 61.0
    assert made.handout.token_for("unit1") == worker.token
    assert made.tokens.token_of("unit1") == worker.token


def test_older_software_is_asked_with_the_shared_token_and_told_of_once(
    cluster: Callable[..., Cluster], caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(is_older=True)
    made = cluster(unit1=worker)
    for made.now in (0.0, 1.0, 61.0, 122.0):
        assert made.handout.token_for("unit1") == SHARED
    assert len(made.http.asked) == 6, "an attempt is two requests, once a minute"
    assert caplog.text.count("update its software") == 1
    worker.is_older = False
    made.now = 200.0
    assert made.handout.token_for("unit1") == worker.token != SHARED


def test_a_worker_that_is_off_is_tried_again(cluster: Callable[..., Cluster]) -> None:
    made = cluster(unit1=Worker())
    server = made.http.hosts.pop("unit1")
    assert made.handout.token_for("unit1") == SHARED
    made.http.hosts["unit1"] = server
    assert made.handout.token_for("unit1") == SHARED, "not for every request"
    made.now = 61.0
    assert made.handout.token_for("unit1") != SHARED


def test_without_a_shared_token_a_new_worker_needs_one_from_the_leader(cluster: Callable[..., Cluster]) -> None:
    made = cluster(unit1=Worker())
    made.handout.hand_out_all()
    with pytest.raises(NotAuthenticatedError, match="no token of unit2") as refused:
        made.handout.token_for("unit2")
    assert "pio workers token unit2" in str(refused.value.remedy)


def test_a_worker_outside_the_inventory_is_only_joining(cluster: Callable[..., Cluster]) -> None:
    made = cluster(unit1=Worker())
    token = made.tokens.ensure("unit7")
    found = made.identify(token)
    assert found is not None
    assert (found.name, found.scope) == ("unit7", "joining")
