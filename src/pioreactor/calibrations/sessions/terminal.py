"""Runs a session in a terminal: shows each step, asks for its values, goes back on `undo`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import click

from pioreactor.calibrations.sessions import session_store
from pioreactor.calibrations.sessions.actions import Executor, perform_here
from pioreactor.calibrations.sessions.payloads import CalibrationSession, CalibrationStep, CalibrationStepField
from pioreactor.calibrations.sessions.session_context import StepRegistry
from pioreactor.calibrations.sessions.session_engine import SessionEngine
from pioreactor.exc import ConflictError, InvalidRequestError, PioreactorError, StoppedError
from pioreactor.runtime import context

UNDO = "undo"


class Talk(Protocol):
    """A person at a terminal."""

    def print_line(self, text: str) -> None: ...

    def ask(self, question: str, *, default: str | None) -> str:
        """Return the answer; a blank one where there is no default."""
        ...


class ClickTalk:
    """The person at this process's terminal; with `-y`, defaults answer the questions."""

    def __init__(self, *, yes: bool = False) -> None:
        self._yes = yes

    def print_line(self, text: str) -> None:
        click.echo(text)

    def ask(self, question: str, *, default: str | None) -> str:
        if self._yes and default is not None:
            click.echo(f"{question}: {default}")
            return default
        answer: str = click.prompt(question, default="" if default is None else default, show_default=bool(default))
        return answer


def run_session_in_cli(
    step_registry: StepRegistry,
    session: CalibrationSession,
    *,
    talk: Talk | None = None,
    given: Mapping[str, object] | None = None,
    executor: Executor = perform_here,
) -> list[Any]:
    """Drive a session to its end and return the calibrations that it saved.

    `given` answers the first question for each name. Raise `ConflictError` when the session ends without a result;
    an interrupt leaves it unfinished, to be resumed.
    """
    from pioreactor.calibrations import store

    runtime = context.current()
    person = talk if talk is not None else ClickTalk()
    driver = f"terminal of {runtime.unit} ({runtime.pid})"
    engine = SessionEngine(step_registry, session, mode="cli", runtime=runtime, executor=executor)
    answers = dict(given) if given is not None else {}
    session_store.save(runtime, session)
    session_store.claim(runtime, session.session_id, driver)
    try:
        while not engine.has_ended:
            _turn(engine, person, answers, driver)
    finally:
        session_store.release(runtime, session.session_id)
    _show(engine.step(), person)
    if session.status != "complete":
        raise ConflictError(session.error if session.error is not None else f"the session was {session.status}")
    saved = session.result.get("saved", []) if session.result is not None else []
    return [store.load(runtime, each["device"], each["name"]) for each in saved if each["kind"] == "calibration"]


def _turn(engine: SessionEngine, person: Talk, answers: dict[str, object], driver: str) -> None:
    runtime = context.current()
    step = engine.step()
    _show(step, person)
    inputs = _inputs(step, person, answers)
    try:
        with session_store.driving(runtime, engine.session.session_id, driver):
            if inputs is None:
                engine.undo()
            else:
                engine.advance(inputs)
    except StoppedError:
        raise
    except InvalidRequestError as error:
        person.print_line(f"  {error}")
    except PioreactorError as error:
        person.print_line(f"  {error}")
        if error.remedy:
            person.print_line(f"  Try: {error.remedy}")
        if person.ask("Try this step again? (yes/no)", default="no").strip().lower() not in ("y", "yes"):
            raise


def _show(step: CalibrationStep, person: Talk) -> None:
    person.print_line("")
    person.print_line(step.title)
    for line in step.body.splitlines():
        person.print_line(f"  {line}")
    for row in step.metadata.get("table", {}).get("rows", []):
        person.print_line("  " + "  ".join(str(cell) for cell in row))


def _inputs(step: CalibrationStep, person: Talk, answers: dict[str, object]) -> dict[str, object] | None:
    """Return what the person enters, None for undo. `!1` at any question is the first extra button."""
    buttons = {f"!{number}": action for number, action in enumerate(step.metadata.get("actions", []), 1)}
    for word, action in buttons.items():
        person.print_line(f"  ({word}: {action['label']})")
    values: dict[str, object] = {}
    for name, field in _questions(step):
        answer = answers.pop(name, None) if field is not None else None
        if answer is None:
            default = "yes" if field is None else _default(field)
            answer = person.ask("Continue?" if field is None else _question(field), default=default)
        word = str(answer).strip()
        if word == UNDO:
            return None
        if word in buttons:
            return dict(buttons[word]["inputs"])
        values[name] = answer
    return values


def _questions(step: CalibrationStep) -> list[tuple[str, CalibrationStepField | None]]:
    fields: list[tuple[str, CalibrationStepField | None]] = [(field.name, field) for field in step.fields]
    return fields if fields else [("confirm", None)]


def _question(field: CalibrationStepField) -> str:
    words = field.label
    if field.options:
        words += f" ({', '.join(field.options)})"
    elif field.field_type == "bool":
        words += " (yes/no)"
    return words if field.help_text is None else f"{words} – {field.help_text}"


def _default(field: CalibrationStepField) -> str | None:
    value = field.default
    if value is None:
        return None if field.required else ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(f"{each:g}" for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
