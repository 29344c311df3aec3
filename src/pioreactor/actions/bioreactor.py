"""Volume ledger: the state of the vial on this unit, changed in transactions, available without a broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from pioreactor import structs, topics
from pioreactor.actions.volume_tracking import VARIABLES, VialState
from pioreactor.exc import InvalidRequestError
from pioreactor.runtime.context import Runtime
from pioreactor.settings.faulty_values import refusing, within_model
from pioreactor.storage.ports import KeyValues

CACHE = "bioreactor"


def initial_state(runtime: Runtime) -> VialState:
    """Return what the configuration says is in the vial when an experiment begins.

    Raise `ConfigurationError` in a job's process for a volume that the unit's model does not hold.
    """
    settings = within_model(runtime.settings, runtime.model())
    config = (refusing(settings) if runtime.refuses_faults else settings).bioreactor
    return VialState(
        current_volume_ml=config.initial_volume_ml,
        efflux_tube_volume_ml=config.efflux_tube_volume_ml,
        alt_media_fraction=config.initial_alt_media_fraction,
        cumulative_media_added_ml=config.initial_cumulative_media_added_ml,
        cumulative_alt_media_added_ml=config.initial_cumulative_alt_media_added_ml,
        cumulative_waste_removed_ml=config.initial_cumulative_waste_removed_ml,
    )


def _read(runtime: Runtime, store: KeyValues, experiment: str) -> VialState:
    stored = {name: store.get((experiment, name)) for name in VARIABLES}
    known = {name: float(value) for name, value in stored.items() if isinstance(value, int | float | str)}
    return replace(initial_state(runtime), **known)


def _change(runtime: Runtime, experiment: str, change: Callable[[VialState], VialState]) -> VialState:
    with runtime.stores.persistent(CACHE).transaction() as store:
        before = _read(runtime, store, experiment)
        after = change(before)
        old = before.as_dict()
        for name, value in after.as_dict().items():
            if value != old[name] or store.get((experiment, name)) is None:
                store.set((experiment, name), value)
    return after


def vial_state(runtime: Runtime, experiment: str) -> VialState:
    """Return the present state of the vial."""
    return _read(runtime, runtime.stores.persistent(CACHE), experiment)


def record_dose(runtime: Runtime, experiment: str, event: str, volume_ml: float) -> VialState:
    """Enter one dosing event into the volume ledger and return the new state."""
    return _change(runtime, experiment, lambda state: state.after(event, volume_ml))


def set_variables(runtime: Runtime, experiment: str, values: Mapping[str, float]) -> VialState:
    """Correct the volume ledger; raise `InvalidRequestError` for an unknown variable or an impossible value."""
    capacity = runtime.model().reactor_capacity_ml
    for name, value in values.items():
        if name not in VARIABLES:
            raise InvalidRequestError(f"there is no vial variable {name!r}; known are {', '.join(VARIABLES)}")
        most = {"alt_media_fraction": 1.0, "current_volume_ml": capacity, "efflux_tube_volume_ml": capacity}.get(name)
        if not value >= 0 or (most is not None and value > most):
            bounds = "at least 0" if most is None else f"between 0 and {most:g}"
            raise InvalidRequestError(f"{name} must be {bounds}, not {value}")
    return _change(runtime, experiment, lambda state: replace(state, **dict(values)))


def publish_changes(
    publish: Callable[..., None], unit: str, experiment: str, state: VialState, before: VialState | None = None,
    *, at: datetime,
) -> None:  # fmt: skip
    """Publish the variables (retained) that differ from `before`, with the time `at` of the dose or correction."""
    old = before.as_dict() if before is not None else {}
    for name, value in state.as_dict().items():
        if old.get(name) != value:
            payload = structs.BioreactorValue(timestamp=at, value=value)
            publish(topics.bioreactor(unit, experiment, name), payload, qos=1, retain=True)
