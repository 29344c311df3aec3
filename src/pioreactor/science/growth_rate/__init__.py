"""Growth rate of a culture from its optical density: online, offline, and from recordings."""

from pioreactor.science.growth_rate.estimator import Assumptions, Estimate, GrowthRateEstimator
from pioreactor.science.growth_rate.smoother import Dose, replay, smooth

__all__ = ["Assumptions", "Dose", "Estimate", "GrowthRateEstimator", "replay", "smooth"]
