"""A change that reaches a unit after its sender has given up is not made, whatever the clocks say."""

from dataclasses import dataclass, field

import msgspec
import pytest

from pioreactor.exc import InvalidRequestError
from pioreactor.http.deadline import DEADLINE_HEADER, TIME_HEADER, ExpiredRequestError, check_deadline
from pioreactor.http.fanout import UnitRefusedError
from pioreactor.http.loopback import LoopbackHttp, Request, json_response
from pioreactor.http.ports import Response
from pioreactor.http.units import Units
from pioreactor.runtime import context
from pioreactor.testing.simulation import simulated_bench
from pioreactor.utils import asking


@dataclass
class SlowUnit:
    """A unit that gets to a request after `delay_s`, and whose clock is ahead by `skew_s`."""

    now_s: float = 1000.0
    skew_s: float = 0.0
    delays_s: list[float] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def handle(self, request: Request) -> Response:
        self.now_s += self.delays_s.pop(0) if self.delays_s else 0.01
        try:
            check_deadline({name.lower(): value for name, value in request.headers.items()}, self.now_s + self.skew_s)
        except ExpiredRequestError as error:
            headers = {name.lower(): value for name, value in error.headers.items()}
            headers["content-type"] = "application/json"
            return Response(504, msgspec.json.encode({"error": str(error), "code": error.code}), headers)
        self.done.append(request.method)
        return json_response({"ok": True})


def units_of(unit: SlowUnit) -> Units:
    http = LoopbackHttp({"unit1": unit.handle})
    return Units(
        http, lambda _: "http://unit1", token_for=lambda _: "t", pause=lambda _: False, now_s=lambda: unit.now_s
    )


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
@pytest.mark.parametrize("skew_s", [0.0, -3600.0, 3600.0, 86_400.0 * 365])
def test_a_change_in_time_is_made_once_whatever_the_clocks_say(method: str, skew_s: float) -> None:
    unit = SlowUnit(skew_s=skew_s)
    assert units_of(unit).ask("unit1", method, "/unit_api/x", timeout_s=5.0) == {"ok": True}
    assert unit.done == [method]


def test_a_change_that_arrives_late_is_not_made() -> None:
    unit = SlowUnit(delays_s=[5.1, 5.1])
    with pytest.raises(UnitRefusedError, match="nothing was done") as raised:
        units_of(unit).fetch("unit1", "PATCH", "/unit_api/x", timeout_s=5.0)
    assert raised.value.answered_status == 504
    assert unit.done == []


def test_a_connection_that_was_slow_does_not_lose_the_change() -> None:
    unit = SlowUnit(delays_s=[5.1])
    units_of(unit).fetch("unit1", "PATCH", "/unit_api/x", timeout_s=5.0)
    assert unit.done == ["PATCH"]


def test_reading_has_no_deadline() -> None:
    unit = SlowUnit(delays_s=[60.0])
    units_of(unit).fetch("unit1", "GET", "/unit_api/x", timeout_s=5.0)
    assert unit.done == ["GET"]


@pytest.mark.parametrize("text", ["", "nan", "inf", "tomorrow", "1e999"])
def test_a_deadline_is_a_time(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="Unix time"):
        check_deadline({DEADLINE_HEADER.lower(): text}, 0.0)


def test_requests_of_plugins_have_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    http = LoopbackHttp({"unit1.local:80": lambda _: Response(200)})
    monkeypatch.setattr("pioreactor.bootstrap.process.http_client", lambda: http)
    with simulated_bench() as bench, context.using(bench.unit.runtime):
        asking.patch_into_unit("unit1", "/unit_api/x", address="unit1.local", timeout=3.0)
        asking.get_from_unit("unit1", "/unit_api/x", address="unit1.local")
        asking.patch_into_unit("unit1", "/unit_api/x", address="unit1.local", timeout=None)
    assert [DEADLINE_HEADER in request.headers for _, request in http.asked] == [True, False, False]


def test_the_answer_tells_the_time_of_the_unit() -> None:
    with pytest.raises(ExpiredRequestError) as raised:
        check_deadline({DEADLINE_HEADER.lower(): "10.0"}, 52.5)
    assert raised.value.headers == {TIME_HEADER: "52.500"}
    assert "42.5 s after" in str(raised.value)
