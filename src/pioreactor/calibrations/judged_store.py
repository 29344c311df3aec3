"""Saving and judging of what is made by a session or sent by a person: calibrations and estimators alike."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from msgspec import Struct

from pioreactor.exc import CalibrationError, UnusableCalibrationError
from pioreactor.runtime.artifact_store import ArtifactStore
from pioreactor.runtime.context import Runtime

T = TypeVar("T", bound=Struct)
Grade = Literal["good", "fair", "poor", "unknown"]


class Judgment(Struct, frozen=True):
    """Quality of a calibration or an estimator. With a doubt it is not made active without asking."""

    grade: Grade
    """Of the fit; "unknown" when the curve passes through all of too few points."""
    summary: str
    points: int
    r: float | None
    residual: float | None
    """Share of the span of the curve."""
    ratio: float | None
    """For equal y, how many times the x of the active one."""
    compared_with: str | None
    doubts: list[str]


class Saved(Struct, frozen=True):
    """Where a new one was saved, and whether it is active."""

    name: str
    active: bool
    judgment: Judgment


@dataclass(frozen=True)
class JudgedStore(Generic[T]):
    """Artifacts of a unit with their judgment. `judge` compares one with the active one, if there is one."""

    files: ArtifactStore[T]
    judge: Callable[[T, T | None], Judgment]
    name_field: str

    def name_of(self, artifact: T) -> str:
        return str(getattr(artifact, self.name_field))

    def active_or_none(self, runtime: Runtime, device: str) -> T | None:
        """Return the active one of a device, None if there is none or it cannot be used."""
        try:
            return self.files.load_active(runtime, device)
        except CalibrationError:
            return None

    def judge_stored(self, runtime: Runtime, device: str, artifact: T) -> Judgment:
        """Return the judgment of one that is kept, compared with the active one unless it is that itself."""
        active = self.active_or_none(runtime, device)
        is_active = active is not None and self.name_of(active) == self.name_of(artifact)
        return self.judge(artifact, None if is_active else active)

    def judge_usable(self, runtime: Runtime, device: str, artifact: T) -> Judgment | None:
        """Return the judgment of one that is kept, None if it would give wrong numbers."""
        try:
            self.files.check(artifact)
        except UnusableCalibrationError:
            return None
        return self.judge_stored(runtime, device, artifact)

    def save_judged(
        self,
        runtime: Runtime,
        device: str,
        artifact: T,
        *,
        activate: bool,
        judge: Callable[[T, T | None], Judgment] | None = None,
    ) -> Saved:
        """Save one, and make it active if that is wanted and nothing speaks against it.

        A doubtful one never replaces the active one: if it has its name, it is renamed and saved beside it. Raise
        `UnusableCalibrationError` if it would give wrong numbers; the active one is unchanged then.
        """
        self.files.check(artifact)
        judgment = (self.judge if judge is None else judge)(artifact, self.active_or_none(runtime, device))
        name = self.name_of(artifact)
        if judgment.doubts and self.files.active_name(runtime, device) == name:
            name = free_name(self.files.names(runtime, device), name)
            setattr(artifact, self.name_field, name)
        self.files.save(runtime, device, artifact)
        if activate and not judgment.doubts:
            self.files.set_active(runtime, device, name)
        return Saved(name, self.files.active_name(runtime, device) == name, judgment)


def free_name(taken: Collection[str], name: str) -> str:
    """Return the name with the first number that is not taken."""
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"
