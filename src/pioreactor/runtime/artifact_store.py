"""Where a unit keeps artifacts of one kind, and which of them is in use for each device."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from pioreactor.exc import CalibrationError, InvalidRequestError, NotFoundError, UnusableCalibrationError
from pioreactor.runtime.context import Runtime
from pioreactor.storage.ports import ArtifactKind, KeyValues
from pioreactor.structs.yaml_text import InvalidYAMLError, read_yaml

T = TypeVar("T", bound=msgspec.Struct)


class ArtifactStore(Generic[T]):
    """Artifacts of one kind as structs. It keeps no state of its own, so many units can share one store's code.

    A text's YAML is read once, which costs milliseconds; reading a small file costs some ten microseconds, so a
    changed file is always seen.
    """

    def __init__(
        self,
        kind: ArtifactKind,
        noun: str,
        *,
        cache: str,
        parse: Callable[[object], T],
        name_of: Callable[[T], str],
        check_device: Callable[[T, str], None],
        check_usable: Callable[[T], None],
    ) -> None:
        self._kind = kind
        self._noun = noun
        self._cache = cache
        self._name_of = name_of
        self._check_device = check_device
        self._check_usable = check_usable
        self._parse = parse

    def check(self, artifact: T) -> None:
        """Raise `UnusableCalibrationError` with the reason if an artifact would give wrong numbers.

        `load` and `list_all` do not check this, so that one that is stored already can be displayed and deleted.
        """
        try:
            _check_finite(msgspec.to_builtins(artifact))
            self._check_usable(artifact)
        except UnusableCalibrationError as error:
            raise UnusableCalibrationError(
                f"{self._noun} {self._name_of(artifact)!r} cannot be used: {error}"
            ) from error

    def parse(self, text: str) -> T:
        """Return the artifact that a YAML text describes; raise `CalibrationError` saying what is wrong."""
        try:
            return self._parse(copy.deepcopy(_yaml(text)))
        except (ValueError, msgspec.ValidationError) as error:
            raise CalibrationError(f"the {self._noun} cannot be used: {error}") from error

    def load(self, runtime: Runtime, device: str, name: str) -> T:
        """Return one; raise `NotFoundError` when there is none, `CalibrationError` when it is damaged or misplaced."""
        text = runtime.artifacts.read(self._kind, device, name)
        if text is None:
            raise NotFoundError(f"{runtime.unit} has no {self._noun} {name!r} of {device}")
        try:
            artifact = self.parse(text)
            self._check_device(artifact, device)
        except CalibrationError as error:
            raise CalibrationError(
                f"{self._noun} {name!r} of {device}: {error}",
                remedy=f"Repair or delete the file {device}/{name}.yaml, or set another {self._noun} active.",
            ) from error
        return artifact

    def load_active(self, runtime: Runtime, device: str) -> T | None:
        """Return the one in use, None when none is; raise `CalibrationError` when it is missing or damaged."""
        name = self.active_name(runtime, device)
        if name is None:
            return None
        try:
            artifact = self.load(runtime, device, name)
        except (NotFoundError, InvalidRequestError) as error:
            raise CalibrationError(
                f"the active {self._noun} {name!r} of {device} is missing",
                remedy=f"Put its file back, or set another {self._noun} active.",
            ) from error
        self.check(artifact)
        return artifact

    def save(self, runtime: Runtime, device: str, artifact: T) -> None:
        """Keep one, in place of another of the same name; raise `CalibrationError` when it is another device's."""
        self._check_device(artifact, device)
        self.check(artifact)
        text = msgspec.yaml.encode(artifact).decode()
        self.parse(text)
        runtime.artifacts.write(self._kind, device, self._name_of(artifact), text)

    def delete(self, runtime: Runtime, device: str, name: str) -> None:
        """Forget one, and that it is in use; raise `NotFoundError` when there is none."""
        existed = runtime.artifacts.delete(self._kind, device, name)
        if self.active_name(runtime, device) == name:
            self._active(runtime).pop(device)
        if not existed:
            raise NotFoundError(f"{runtime.unit} has no {self._noun} {name!r} of {device}")

    def active_name(self, runtime: Runtime, device: str) -> str | None:
        name = self._active(runtime).get(device)
        return name if isinstance(name, str) else None

    def active_names(self, runtime: Runtime) -> dict[str, str]:
        """Return device → name of what is in use."""
        return {str(device): str(name) for device, name in self._active(runtime).items()}

    def set_active(self, runtime: Runtime, device: str, name: str | None) -> None:
        """Use one from now on, or none; raise as `load` does when it cannot be used."""
        if name is None:
            self._active(runtime).pop(device)
            return
        self.check(self.load(runtime, device, name))
        self._active(runtime).set(device, name)

    def names(self, runtime: Runtime, device: str) -> list[str]:
        """Return the names of all that are kept for a device, damaged ones included."""
        return runtime.artifacts.names(self._kind).get(device, [])

    def list_all(self, runtime: Runtime) -> dict[str, list[T]]:
        """Return device → artifacts; damaged ones are skipped (`load` raises the reason)."""
        found: dict[str, list[T]] = {}
        for device, names in runtime.artifacts.names(self._kind).items():
            for name in names:
                try:
                    found.setdefault(device, []).append(self.load(runtime, device, name))
                except (CalibrationError, NotFoundError):
                    continue
        return found

    def _active(self, runtime: Runtime) -> KeyValues:
        return runtime.stores.persistent(self._cache)


@lru_cache(maxsize=64)
def _yaml(text: str) -> object:
    try:
        return read_yaml(text)
    except InvalidYAMLError as error:
        raise ValueError(f"it is not valid YAML: {error}") from error


def _check_finite(value: object, path: str = "") -> None:
    """Raise `UnusableCalibrationError` naming where plain data hold a number that is not finite."""
    if isinstance(value, float) and not math.isfinite(value):
        raise UnusableCalibrationError(f"{path.lstrip('.')} is not a finite number")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        _check_finite(each, f"{path}.{key}")
