"""Growth rate of a culture from its optical density: online, offline, and from recordings."""

from pioreactor.science.growth_rate.estimator import Assumptions, Estimate, GrowthRateEstimator

__all__ = ["Assumptions", "Estimate", "GrowthRateEstimator"]
