"""One line for people about a change that was asked of the API."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from pioreactor.audit.redaction import redacted
from pioreactor.types import UNIVERSAL_IDENTIFIER

_MAX_TEXT: Final = 300
_MAX_VALUES: Final = 8
_CLAUSE_END: Final = re.compile(r"[.,;:]\s|\n")
Values = Mapping[str, object]


def summary(action: str, parameters: Values, body: bytes, description: str) -> str:
    """Return what was asked for: from a table for what is asked most, else the description of the route."""
    sent = _decoded(body)
    sentence = _SENTENCES.get(action)
    text = sentence(parameters, sent) if sentence is not None else _described(description, parameters, sent)
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…"


def _run(parameters: Values, sent: Values) -> str:
    return f"start {parameters.get('job')}{_on(parameters)}{_with(sent.get('options'))}"


def _stop(parameters: Values, sent: Values) -> str:
    job = parameters.get("job", sent.get("job_name"))
    return f"stop {job if job is not None else 'every job'}{_on(parameters)}"


def _update(parameters: Values, sent: Values) -> str:
    return f"set {_pairs(sent.get('settings'))} of {parameters.get('job')}{_on(parameters)}"


_SENTENCES: Final[Mapping[str, Callable[[Values, Values], str]]] = {
    "run_on_units": _run,
    "run_job": _run,
    "stop_on_units": _stop,
    "stop_all_on_units": _stop,
    "stop_jobs": _stop,
    "stop_all_jobs": _stop,
    "update_on_units": _update,
    "sign_in": lambda _parameters, _sent: "sign in",
    "sign_in_by_issuer": lambda _parameters, _sent: "sign in by the issuer",
    "sign_out": lambda _parameters, _sent: "sign out",
}


def _described(description: str, parameters: Values, sent: Values) -> str:
    """Return the first clause of a route's description, with the values of its path and the fields of its body."""
    first = _CLAUSE_END.split(description.strip(), maxsplit=1)[0].rstrip(".")
    named = {name: value for name, value in parameters.items() if name != "unit"}
    text = first[:1].lower() + first[1:] + _on(parameters)
    values = _pairs({**named, **sent})
    return f"{text} ({values})" if values else text


def _on(parameters: Values) -> str:
    unit = parameters.get("unit")
    if unit is None:
        return ""
    return " on all units" if unit == UNIVERSAL_IDENTIFIER else f" on {unit}"


def _with(options: object) -> str:
    values = _pairs(options)
    return f" with {values}" if values else ""


def _pairs(values: object) -> str:
    if not isinstance(values, Mapping):
        return ""
    kept = redacted(values)
    shown = [(name, _short(value)) for name, value in (kept.items() if isinstance(kept, Mapping) else ())]
    return ", ".join(f"{name} {value}" for name, value in shown[:_MAX_VALUES] if value)


def _short(value: object) -> str:
    if value is None or value in ({}, []):
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"


def _decoded(body: bytes) -> Values:
    try:
        value = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}
