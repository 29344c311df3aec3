"""Estimators: models that turn several readings into one quantity."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from pioreactor.calibrations.curves import AkimaFitData
from pioreactor.science.fusion import Fusion, FusionCurves
from pioreactor.structs.tagged import from_tagged
from pioreactor.types import PdAngle


class EstimatorBase(Struct, tag_field="estimator_type", kw_only=True, dict=True):
    """The base of all estimators. Plugins add a type by subclassing it with a tag of their own."""

    estimator_name: str
    calibrated_on_pioreactor_unit: str
    created_at: Annotated[datetime, Meta(tz=True)]


class ODFusionEstimator(EstimatorBase, kw_only=True, tag="od_fused_estimator"):
    """Concentration from the light scattered at several angles."""

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
            raise ValueError(f"splines are missing for {', '.join(lacking) if lacking else 'every angle'}")
        if not self.min_logc < self.max_logc:
            raise ValueError("min_logc must be below max_logc")

    @cached_property
    def fusion(self) -> Fusion:
        """Return the model that evaluates readings."""
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


def estimator_from_builtins(raw: object) -> EstimatorBase:
    """Return the estimator in plain data; raise `msgspec.ValidationError` with the reason if it is invalid."""
    return from_tagged(raw, EstimatorBase)
