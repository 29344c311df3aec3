"""Estimators: what turns several readings into one quantity, and how it was made."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from pioreactor.science.fusion import Fusion, FusionCurves
from pioreactor.structs.calibrations import AkimaFitData
from pioreactor.types import PdAngle


class EstimatorBase(Struct, tag_field="estimator_type", kw_only=True, dict=True):
    """What every estimator has. Plugins add kinds by subclassing it with a tag of their own."""

    estimator_name: str
    calibrated_on_pioreactor_unit: str
    created_at: Annotated[datetime, Meta(tz=True)]


class ODFusionEstimator(EstimatorBase, kw_only=True, tag="od_fused_estimator"):
    """Concentration from the light scattered at several angles (spec core §5.3)."""

    ir_led_intensity: float
    angles: list[PdAngle]
    mu_splines: dict[PdAngle, AkimaFitData]
    sigma_splines_log: dict[PdAngle, AkimaFitData]
    min_logc: float
    max_logc: float
    sigma_floor: float
    recorded_data: dict[str, Any] = msgspec.field(default_factory=dict)
    low_conc_scales: dict[PdAngle, float] = msgspec.field(default_factory=dict)
    y: str = "od_fused"

    def __post_init__(self) -> None:
        lacking = [a for a in self.angles if a not in self.mu_splines or a not in self.sigma_splines_log]
        if not self.angles or lacking:
            raise ValueError(f"it has no splines for {', '.join(lacking) if lacking else 'any angle'}")
        if not self.min_logc < self.max_logc:
            raise ValueError("min_logc must be below max_logc")

    @cached_property
    def fusion(self) -> Fusion:
        """Return its curves, ready for readings."""
        return Fusion(
            FusionCurves(
                mu={a: (self.mu_splines[a].knots, self.mu_splines[a].coefficients) for a in self.angles},
                sigma_log={
                    a: (self.sigma_splines_log[a].knots, self.sigma_splines_log[a].coefficients) for a in self.angles
                },
                min_logc=self.min_logc,
                max_logc=self.max_logc,
                sigma_floor=self.sigma_floor,
                low_conc_scales={angle: scale for angle, scale in self.low_conc_scales.items()},
            )
        )


def estimator_kinds() -> dict[str, type[EstimatorBase]]:
    """Return every kind by its tag, those of plugins included; the newest definition of a tag counts."""
    kinds: dict[str, type[EstimatorBase]] = {}
    waiting: list[type[EstimatorBase]] = [EstimatorBase]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        tag: Any = kind.__struct_config__.tag
        if kind is not EstimatorBase and isinstance(tag, str):
            kinds[tag] = kind
    return kinds


def estimator_from_builtins(raw: object) -> EstimatorBase:
    """Return the estimator that plain data describe; raise `msgspec.ValidationError` saying what is wrong."""
    tag = raw.get("estimator_type") if isinstance(raw, dict) else None
    kinds = estimator_kinds()
    if tag not in kinds:
        known = ", ".join(sorted(kinds))
        raise msgspec.ValidationError(
            f"its estimator_type is {tag!r}, and this unit knows {known}" if tag else "it has no estimator_type"
        )
    return msgspec.convert(raw, kinds[tag], builtin_types=(datetime,))
