"""Sessions: inputs, saved results, the driver, and undo."""

from collections.abc import Iterator
from typing import Any

import pytest

from pioreactor.calibrations import registry
from pioreactor.calibrations.registry import CalibrationProtocol, get_protocol, new_session, protocols_of
from pioreactor.calibrations.session_flow import (
    SessionContext,
    SessionEngine,
    SessionStep,
    StepRegistry,
    fields,
    run_session_in_cli,
    steps,
)
from pioreactor.calibrations.sessions import session_store
from pioreactor.calibrations.sessions.actions import perform_here, register_calibration_action
from pioreactor.calibrations.sessions.inputs import parse
from pioreactor.calibrations.structured_session import CalibrationSession, CalibrationStep, utc_iso_timestamp
from pioreactor.exc import ConflictError, HardwareError, InvalidRequestError, NotFoundError
from pioreactor.runtime import context
from pioreactor.testing.simulation import Bench, simulated_bench


@pytest.fixture(autouse=True)
def only_these_protocols(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_protocols", {})


@pytest.fixture
def bench() -> Iterator[Bench]:
    with simulated_bench() as bench, context.using(bench.unit.runtime):
        yield bench


class Ask(SessionStep):
    step_id = "ask"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        return steps.form(
            "Ask",
            "How many?",
            [fields.int("count", label="Count", minimum=1, maximum=5, default=2), fields.bool("fast", label="Fast?")],
            {"actions": [steps.redo_last()]},
        )

    def advance(self, ctx: SessionContext) -> SessionStep | None:
        if ctx.wants_redo:
            ctx.data["redone"] = True
            return None
        ctx.data["count"] = ctx.inputs.int("count")
        if ctx.inputs.bool("fast"):
            raise ValueError("not that fast")
        return Work()


class Work(SessionStep):
    step_id = "work"

    def render(self, ctx: SessionContext) -> CalibrationStep:
        return steps.action("Work", "Something moves.")

    def advance(self, ctx: SessionContext) -> SessionStep | None:
        ctx.data["began"] = True
        ctx.data["moved"] = ctx.perform("test_move", count=ctx.data["count"])["moved"]
        return ctx.complete({"moved": ctx.data["moved"]})


REGISTRY: StepRegistry = {"ask": Ask, "work": Work}


def a_session() -> CalibrationSession:
    class Small(CalibrationProtocol):
        protocol_name = "small"
        target_device = ["thing", "other"]  # noqa: RUF012  as plugins write it
        step_registry = REGISTRY

    return new_session(Small, "thing")


def move(payload: Any) -> dict[str, Any]:
    return {"moved": payload["count"] * 10}


@pytest.fixture(autouse=True)
def moving() -> None:
    register_calibration_action("test_move", move)


def test_a_session_goes_from_its_first_step_to_its_result(bench: Bench) -> None:
    engine = SessionEngine(REGISTRY, a_session())
    assert engine.step().step_id == "ask"
    assert engine.advance({"count": "3", "fast": "no"}).step_id == "work"
    last = engine.advance({"confirm": True})
    assert (last.step_id, last.step_type) == ("complete", "result")
    assert last.metadata["result"]["moved"] == 30
    assert engine.session.status == "complete"
    kept = session_store.load(bench.unit.runtime, engine.session.session_id)
    assert kept == engine.session
    with pytest.raises(ConflictError, match="has ended"):
        engine.advance({})


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"count": 9, "fast": False}, "at most 5"),
        ({"count": "0", "fast": 0}, "at least 1"),
        ({"count": 2.5, "fast": 0}, "whole number"),
        ({"count": "nan", "fast": 0}, "not a number"),
        ({"count": True, "fast": 0}, "not a number"),
        ({"count": 2, "fast": "maybe"}, "neither yes nor no"),
        ({"count": 2}, "a value is needed"),
        ({"count": 2, "fast": "yes"}, "not that fast"),
    ],
)
def test_inputs_that_do_not_fit_leave_the_session_as_it_was(bench: Bench, inputs: dict[str, Any], message: str) -> None:
    engine = SessionEngine(REGISTRY, a_session())
    with pytest.raises(InvalidRequestError, match=message):
        engine.advance(inputs)
    assert engine.session.data == {}
    assert session_store.load(bench.unit.runtime, engine.session.session_id).step_id == "ask"


def test_hardware_that_fails_leaves_the_step_to_be_tried_again(bench: Bench) -> None:
    attempts: list[int] = []

    def executor(action: str, payload: Any) -> dict[str, Any]:
        attempts.append(1)
        if len(attempts) == 1:
            raise HardwareError("stuck")
        return perform_here(action, payload)

    engine = SessionEngine(REGISTRY, a_session(), executor=executor)
    engine.advance({"count": 1, "fast": False})
    with pytest.raises(HardwareError):
        engine.advance({})
    assert "began" not in engine.session.data
    assert engine.advance({}).step_id == "complete"


def test_a_session_survives_a_restart(bench: Bench) -> None:
    first = SessionEngine(REGISTRY, a_session())
    first.advance({"count": 4, "fast": False})
    again = SessionEngine(REGISTRY, session_store.load(bench.unit.runtime, first.session.session_id))
    assert again.step().step_id == "work"
    again.advance({})
    assert again.session.result is not None
    assert again.session.result["moved"] == 40


def test_undo_goes_back_step_by_step(bench: Bench) -> None:
    engine = SessionEngine(REGISTRY, a_session())
    with pytest.raises(ConflictError, match="no step to go back to"):
        engine.undo()
    engine.advance({"action": "redo_last"})
    assert engine.session.data == {"redone": True}
    engine.advance({"count": 1, "fast": False})
    assert engine.undo().step_id == "ask"
    assert engine.session.data == {"redone": True}
    engine.undo()
    assert engine.session.data == {}


def test_a_session_that_was_aborted_stays_so(bench: Bench) -> None:
    session = a_session()

    def executor(action: str, payload: Any) -> dict[str, Any]:
        SessionEngine(REGISTRY, session_store.load(bench.unit.runtime, session.session_id)).abort()
        return perform_here(action, payload)

    engine = SessionEngine(REGISTRY, session, executor=executor)
    engine.advance({"count": 1, "fast": False})
    with pytest.raises(ConflictError, match="canceled meanwhile"):
        engine.advance({})
    assert session_store.load(bench.unit.runtime, session.session_id).status == "aborted"


def test_one_driver_at_a_time(bench: Bench) -> None:
    runtime = bench.unit.runtime
    with session_store.driving(runtime, "s", "anna"):
        with (
            pytest.raises(session_store.SessionInUseError, match="carried out for anna"),
            session_store.driving(runtime, "s", "anna"),
        ):
            pass
        with (
            pytest.raises(session_store.SessionInUseError),
            session_store.driving(runtime, "s", "ben", take_over=True),
        ):
            pass
    assert session_store.driver_of(runtime, "s") == "anna"
    with pytest.raises(session_store.SessionInUseError, match="anna drives"):
        session_store.claim(runtime, "s", "ben")
    with session_store.driving(runtime, "s", "ben", take_over=True):
        pass
    assert session_store.driver_of(runtime, "s") == "ben"
    bench.wait(session_store.LEASE_S + 1)
    assert session_store.driver_of(runtime, "s") is None
    session_store.claim(runtime, "s", "carla")


def test_a_driver_that_died_in_a_step_is_relieved_in_the_end(bench: Bench) -> None:
    runtime = bench.unit.runtime
    session_store.claim(runtime, "s", "anna", busy=True)
    bench.wait(session_store.BUSY_S + 1)
    session_store.claim(runtime, "s", "ben")


def test_old_sessions_are_dropped_but_those_in_progress_stay(bench: Bench) -> None:
    runtime = bench.unit.runtime
    first = a_session()
    for _ in range(session_store.MAX_ENDED + 5):
        engine = SessionEngine(REGISTRY, a_session())
        bench.wait(1.0)
        engine.abort()
    newest = a_session()
    kept = session_store.all_sessions(runtime)
    assert len([session for session in kept if session.status == "aborted"]) == session_store.MAX_ENDED
    assert {first.session_id, newest.session_id} <= {session.session_id for session in kept}
    assert session_store.latest_unfinished(runtime, "thing", "small") is not None
    assert session_store.latest_unfinished(runtime, "other") is None
    with pytest.raises(NotFoundError):
        session_store.load(runtime, "unknown")


def test_bounds_hold_for_every_number_of_a_list() -> None:
    step = steps.form(
        "", "", [fields.float_list("ml", minimum=0, maximum=5), fields.choice("c", ["a", "b"], default="a")]
    )
    assert parse(step, {"ml": "1, 2.5,3"}).float_list("ml") == [1.0, 2.5, 3.0]
    assert parse(step, {"ml": [1]}).choice("c", ["a", "b"]) == "a"
    wrong_inputs: list[dict[str, object]] = [{"ml": "1, 9"}, {"ml": []}, {"ml": "1", "c": "z"}, {"ml": {"a": 1}}]
    for wrong in wrong_inputs:
        with pytest.raises(InvalidRequestError):
            parse(step, wrong)


def test_messages_of_fields_are_said_as_they_are() -> None:
    field = fields.float("x", minimum=0, min_error_msg="Nothing is below nothing")
    with pytest.raises(InvalidRequestError, match="Nothing is below nothing"):
        parse(steps.form("", "", [field]), {"x": -1})


def test_protocols_are_found_by_device_and_offered_by_priority(bench: Bench) -> None:
    class Second(CalibrationProtocol):
        protocol_name = "second"
        target_device = "thing"

    class First(CalibrationProtocol):
        protocol_name = "first"
        target_device = "thing"
        priority = 1
        description = "Of {device}."

    assert protocols_of("thing") == [First, Second]
    assert registry.describe("thing", First)["description"] == "Of thing."
    with pytest.raises(NotFoundError, match="no calibration protocol 'third'"):
        get_protocol("thing", "third")


class Script:
    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.said: list[str] = []

    def print_line(self, text: str) -> None:
        self.said.append(text)

    def ask(self, question: str, *, default: str | None) -> str:
        self.said.append(question)
        answer = self.answers.pop(0)
        return answer if answer or default is None else default


def test_the_terminal_asks_again_goes_back_and_takes_what_is_given(bench: Bench) -> None:
    session = a_session()
    person = Script("no", "undo", "9", "no", "!1", "4", "no", "")
    assert run_session_in_cli(REGISTRY, session, talk=person, given={"count": 2}) == []
    assert session.result is not None
    assert session.result["moved"] == 40
    assert session.data["redone"] is True
    assert any("at most 5" in words for words in person.said)
    assert person.answers == []


def test_a_terminal_that_goes_away_leaves_the_session_to_others(bench: Bench) -> None:
    class Leaves(Script):
        def ask(self, question: str, *, default: str | None) -> str:
            raise KeyboardInterrupt

    session = a_session()
    with pytest.raises(KeyboardInterrupt):
        run_session_in_cli(REGISTRY, session, talk=Leaves())
    assert session_store.load(bench.unit.runtime, session.session_id).status == "in_progress"
    assert session_store.driver_of(bench.unit.runtime, session.session_id) is None


def test_sessions_can_be_made_as_plugins_make_them(bench: Bench) -> None:
    session = CalibrationSession(
        session_id="abc",
        protocol_name="p",
        target_device="d",
        status="in_progress",
        step_id="ask",
        data={},
        created_at=utc_iso_timestamp(),
        updated_at=utc_iso_timestamp(),
    )
    run_session_in_cli(REGISTRY, session, talk=Script("1", "no", ""))
    assert session.status == "complete"
    assert session.created_at.endswith("Z")
