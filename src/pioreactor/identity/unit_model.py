"""The reactor model of a unit, which the unit itself keeps; the leader has a copy."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, StorageError
from pioreactor.models import ReactorModel, find_model, load_models
from pioreactor.storage.ports import UnitStores

CACHE: Final = "pioreactor_model"
_KEY: Final = "model"


class ChosenModel(msgspec.Struct, frozen=True):
    """Name and version of a reactor model; None where none was chosen."""

    model_name: str | None = None
    model_version: str | None = None


def stored_model(stores: UnitStores) -> tuple[str, str] | None:
    """Return (name, version) that this unit keeps, None when it keeps none.

    Raises `StorageError` if it cannot be read.
    """
    text = stores.persistent(CACHE).get(_KEY)
    if text is None:
        return None
    try:
        chosen = msgspec.json.decode(text if isinstance(text, bytes) else str(text), type=ChosenModel)
    except msgspec.DecodeError as error:
        raise StorageError(
            f"the model of this unit cannot be read: {error}", remedy="Set it again: pio model set NAME VERSION"
        ) from error
    if not chosen.model_name or not chosen.model_version:
        return None
    return chosen.model_name, chosen.model_version


def store_model(stores: UnitStores, name: str, version: str) -> None:
    """Keep a model without checking it."""
    stores.persistent(CACHE).set(_KEY, msgspec.json.encode(ChosenModel(name, version)).decode())


def change_model(stores: UnitStores, models: Path, name: str, version: str) -> ReactorModel:
    """Check a model and keep it as this unit's.

    Raises `InvalidRequestError` for a model that is not among the built-in ones and those in the folder `models`, and
    `ConflictError` while activities run, because they work within the limits of the present model.
    """
    try:
        model = find_model(load_models(models), name, version)
    except NotFoundError as error:
        raise InvalidRequestError(str(error), remedy=error.remedy) from error
    if _is_kept(stores, name, version):
        return model
    running = sorted({job.job_name for job in stores.jobs().running() if not job.is_long_running_job})
    if running:
        raise ConflictError(
            f"the model cannot change while activities run: {', '.join(running)}", remedy="Stop them first."
        )
    store_model(stores, name, version)
    return model


def _is_kept(stores: UnitStores, name: str, version: str) -> bool:
    try:
        return stored_model(stores) == (name, version)
    except StorageError:
        return False  # what cannot be read is replaced


class ModelInForce:
    """The unit's model, found again when another one is stored: services outlive a change.

    `resolve` returns the model from what the unit keeps, its environment or its leader.
    """

    def __init__(self, stores: UnitStores, resolve: Callable[[], ReactorModel]) -> None:
        self._stores = stores
        self._resolve = resolve
        self._found: tuple[tuple[str, str] | None, ReactorModel] | None = None

    def __call__(self) -> ReactorModel:
        try:
            kept = stored_model(self._stores)
        except StorageError:
            if self._found is None:
                raise
            return self._found[1]
        if self._found is None or self._found[0] != kept:
            self._found = (kept, self._resolve())
        return self._found[1]
