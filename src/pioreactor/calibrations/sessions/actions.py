"""Hardware work of sessions, by name: run directly in a terminal, as a task under HTTP. Plugins add their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pioreactor.exc import NotFoundError

Payload = Mapping[str, Any]
Answer = dict[str, Any]
Action = Callable[[Payload], Answer]
"""Takes and returns plain JSON values; finds its unit's ports with `runtime.context.current()`."""
Executor = Callable[[str, Payload], Answer]
"""Performs an action by name and returns its answer."""

_actions: dict[str, Action] = {}


def register_calibration_action(name: str, action: Action) -> None:
    """Let steps perform an action under this name."""
    _actions[name] = action


def perform_here(name: str, payload: Payload) -> Answer:
    """Perform an action in the calling thread; raise `NotFoundError` when nothing has that name."""
    action = _actions.get(name)
    if action is None:
        raise NotFoundError(f"there is no calibration action {name!r}")
    return action(payload)
