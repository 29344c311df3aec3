"""Automations that move liquid."""

from pioreactor.public_names import load_on_access

_MODULES = {
    "Turbidostat": "turbidostat",
    "Chemostat": "chemostat",
    "FedBatch": "fed_batch",
    "Silent": "silent",
    "PIDMorbidostat": "pid_morbidostat",
    "PIDDosing": "pid_dosing",
}

__getattr__ = load_on_access(__name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()})
