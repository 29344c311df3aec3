"""Automations that move liquid."""

from importlib import import_module

_LAZY = {
    "Turbidostat": "turbidostat",
    "Chemostat": "chemostat",
    "FedBatch": "fed_batch",
    "Silent": "silent",
    "PIDMorbidostat": "pid_morbidostat",
}


def __getattr__(name: str) -> object:
    """Import the dosing automations lazily."""
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
