"""Estimators: models that turn several readings into one quantity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Struct

from pioreactor.calibrations.curves import AkimaFitData
from pioreactor.science.curves.fitting import Pieces
from pioreactor.science.fusion import Fusion, FusionCurves, Observation, fit_fusion
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

    @classmethod
    def fitted(
        cls,
        observations: Sequence[Observation],
        *,
        name: str,
        unit: str,
        created_at: datetime,
        ir_led_intensity: float,
    ) -> ODFusionEstimator:
        """Return an estimator fitted to standards; raise `InvalidRequestError` if they are too few or not above 0."""
        curves = fit_fusion(observations)

        def akima(pieces: dict[str, Pieces]) -> dict[PdAngle, AkimaFitData]:
            return {cast(PdAngle, angle): AkimaFitData(*piece) for angle, piece in pieces.items()}

        by_angle: dict[str, dict[str, list[float]]] = {}
        for seen in observations:
            recorded = by_angle.setdefault(seen.angle, {"x": [], "y": []})
            recorded["x"].append(seen.concentration)
            recorded["y"].append(seen.reading)
        return cls(
            estimator_name=name,
            calibrated_on_pioreactor_unit=unit,
            created_at=created_at,
            ir_led_intensity=ir_led_intensity,
            angles=[cast(PdAngle, angle) for angle in curves.mu],
            mu_splines=akima(curves.mu),
            sigma_splines_log=akima(curves.sigma_log),
            min_logc=curves.min_logc,
            max_logc=curves.max_logc,
            sigma_floor=curves.sigma_floor,
            recorded_data={"by_angle": by_angle},
            low_conc_scales={cast(PdAngle, angle): scale for angle, scale in curves.low_conc_scales.items()},
        )

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
