"""Automations: jobs that control dosing, temperature and LEDs from readings and time."""

from importlib import import_module

_BASES = {"Dosing": "dosing", "LED": "led", "Temperature": "temperature"}
_LAZY = {
    f"{prefix}{name}": f"pioreactor.automations.{kind}.base"
    for prefix, kind in _BASES.items()
    for name in ("AutomationJob", "AutomationJobContrib")
}


def __getattr__(name: str) -> object:
    """Import the base classes of automations lazily."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
