"""Growth rate: how fast the culture grows, from its optical density and what is dosed."""

from pioreactor.background_jobs.growth_rate_calculating.job import GrowthRateCalculator as GrowthRateCalculator
