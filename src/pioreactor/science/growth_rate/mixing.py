"""Mixing of neighbouring growth models: a culture that was steady may begin to change, and settle again."""

from __future__ import annotations

from pioreactor.science.growth_rate.model import GrowthModel


def mix(models: list[GrowthModel], faster: list[float], slower: list[float]) -> None:
    """Move weight between neighbours (shares `faster[i]`: i to i+1, `slower[i]`: i+1 to i), and moments with it.

    What flows is only what the step before held, so the order of the models does not matter.
    """
    before = [(m.weight, m.level, m.rate, m.gain, m.cll, m.clm, m.clg, m.cmm, m.cmg, m.cgg) for m in models]
    last = len(models) - 1
    for i, model in enumerate(models):
        stay = 1.0
        if i < last:
            stay -= faster[i]
        if i > 0:
            stay -= slower[i - 1]
        weight = model.weight * stay
        if i > 0:
            weight = _pour(model, weight, before[i - 1], before[i - 1][0] * faster[i - 1])
        if i < last:
            weight = _pour(model, weight, before[i + 1], before[i + 1][0] * slower[i])
        model.weight = weight


def _pour(
    model: GrowthModel,
    weight: float,
    source: tuple[float, float, float, float, float, float, float, float, float, float],
    amount: float,
) -> float:
    """Merge `amount` of a neighbour into a model that holds `weight`; means and covariances stay exact."""
    total = weight + amount
    share = amount / total
    if share < 1e-9:
        return total
    _, level, rate, gain, cll, clm, clg, cmm, cmg, cgg = source
    dl = level - model.level
    dm = rate - model.rate
    dg = gain - model.gain
    spread = 1 - share
    model.level += share * dl
    model.rate += share * dm
    model.gain += share * dg
    model.cll += share * (cll - model.cll + spread * dl * dl)
    model.clm += share * (clm - model.clm + spread * dl * dm)
    model.clg += share * (clg - model.clg + spread * dl * dg)
    model.cmm += share * (cmm - model.cmm + spread * dm * dm)
    model.cmg += share * (cmg - model.cmg + spread * dm * dg)
    model.cgg += share * (cgg - model.cgg + spread * dg * dg)
    return total
