"""Makes an estimator of fused optical density from observed standards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from pioreactor.calibrations.curves import AkimaFitData
from pioreactor.estimators.models import ODFusionEstimator
from pioreactor.science.curves.fitting import Pieces
from pioreactor.science.fusion import Observation, fit_fusion
from pioreactor.types import PdAngle


def fit_estimator(
    observations: Sequence[Observation], *, name: str, unit: str, created_at: datetime, ir_led_intensity: float
) -> ODFusionEstimator:
    """Return an estimator fitted to standards; raise `InvalidRequestError` when they are too few or not above 0."""
    curves = fit_fusion(observations)

    def akima(pieces: dict[str, Pieces]) -> dict[PdAngle, AkimaFitData]:
        return {cast(PdAngle, angle): AkimaFitData(*piece) for angle, piece in pieces.items()}

    by_angle: dict[str, dict[str, list[float]]] = {}
    for seen in observations:
        recorded = by_angle.setdefault(seen.angle, {"x": [], "y": []})
        recorded["x"].append(seen.concentration)
        recorded["y"].append(seen.reading)
    return ODFusionEstimator(
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
