"""The report of a campaign as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pioreactor.campaigns.campaign_definition import CampaignDefinition
from pioreactor.campaigns.campaign_progress import Knowledge
from pioreactor.storage.leader.repositories.campaigns import Arm


def report(definition: CampaignDefinition, arms: Sequence[Arm], knowledge: Knowledge) -> str:
    """Return what was varied, what came out, and what is predicted to be best."""
    way = "largest" if definition.objective.maximize else "smallest"
    lines = [
        f"# Campaign {definition.campaign}",
        "",
        f"Objective: {way} `{definition.objective.expression}` of arms of {definition.hours:g} h; "
        f"settings chosen by {definition.choose_by.replace('_', ' ')}, seed {definition.seed}.",
        "",
        *(f"- {one.name}: {one.low:g} to {one.high:g} {one.unit}".rstrip() for one in definition.factors),
        *(f"- limit: {one.name}" for one in definition.limits),
        "",
        f"{knowledge.done} arms have a result, {knowledge.failed} of them failed; {knowledge.open} are open.",
        "",
        *_best(definition, knowledge),
        "| arm | unit | setting | objective | limits | why |",
        "|---|---|---|---|---|---|",
        *(_row(arm) for arm in arms),
        "",
        "The prediction is a model of these results only: repeat the best setting before relying on it.",
    ]
    return "\n".join(lines)


def _best(definition: CampaignDefinition, knowledge: Knowledge) -> list[str]:
    best = knowledge.best
    if best is None or best.mean is None or best.sd is None:
        return ["Two arms with a result are needed for a prediction.", ""]
    where = text_of_setting(best.setting, {one.name: one.unit for one in definition.factors})
    at = f" It is at: {', '.join(best.at_limits)}." if best.at_limits else ""
    return [f"Best prediction: {where}, objective {best.mean:.4g} ± {1.96 * best.sd:.2g} (95 %).{at}", ""]


def _row(arm: Arm) -> str:
    objective = "failed: " + arm.note if arm.status == "done" and arm.objective is None else arm.status
    objective = f"{arm.objective:.4g}" if arm.objective is not None else objective
    cells = (text_of_setting(arm.suggestion.setting, {}), objective, ", ".join(arm.suggestion.at_limits))
    return f"| {arm.arm} | {arm.unit} | {' | '.join(cells)} | {arm.suggestion.why} |"


def text_of_setting(setting: Mapping[str, float], units: Mapping[str, str]) -> str:
    """Return a setting in words."""
    return ", ".join(f"{name} {value:g} {units.get(name, '')}".rstrip() for name, value in setting.items())
