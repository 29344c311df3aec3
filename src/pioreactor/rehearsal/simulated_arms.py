"""Arms of a campaign on simulated reactors: each is a rehearsal of its profile with a strain that no one is told."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import msgspec

from pioreactor.campaigns.campaign_definition import CampaignDefinition, profile_of_arm
from pioreactor.campaigns.campaign_progress import CampaignProgress
from pioreactor.campaigns.objective import Outcome, measured, objective_of
from pioreactor.experiment_profiles.rehearsal_plan import RehearsalPlan, RehearsedUnit
from pioreactor.models import DEFAULT_MODEL
from pioreactor.rehearsal.one_run import rehearse_once
from pioreactor.storage.leader.repositories.campaigns import OPEN, Arm

BY: Final = "simulation"


def run_simulated(
    progress: CampaignProgress, scenario: dict[str, object], processes: int, tell: Callable[[Arm, Outcome], None]
) -> None:
    """Run what is open, then batch after batch until the campaign has no more settings; each result is stored.

    What was stored is not run again, so that a campaign that was interrupted is continued.
    """
    while arms := _open(progress):
        for arm, outcome in _outcomes(progress.definition, arms, scenario, processes):
            progress.campaigns.tell(progress.name, arm.arm, outcome.objective, note=outcome.note, by=BY)
            tell(arm, outcome)


def _open(progress: CampaignProgress) -> list[Arm]:
    progress.rescue()
    waiting = [arm for arm in progress.campaigns.arms(progress.name) if arm.status in OPEN]
    return waiting if waiting else progress.ask()


def _outcomes(
    definition: CampaignDefinition, arms: Sequence[Arm], scenario: dict[str, object], processes: int
) -> Iterator[tuple[Arm, Outcome]]:
    plans = [msgspec.json.encode(_plan(definition, arm, scenario)) for arm in arms]
    numbers = [arm.arm for arm in arms]
    if processes == 1:
        runs = map(_run, plans, numbers)
        yield from ((arm, _outcome(definition, arm, *run)) for arm, run in zip(arms, runs, strict=True))
        return
    with ProcessPoolExecutor(min(processes, len(arms)), mp_context=multiprocessing.get_context("spawn")) as pool:
        for arm, run in zip(arms, pool.map(_run, plans, numbers), strict=True):
            yield arm, _outcome(definition, arm, *run)


def _plan(definition: CampaignDefinition, arm: Arm, scenario: dict[str, object]) -> RehearsalPlan:
    """Return a rehearsal with drawn parameters: cultures and pumps differ from arm to arm as they do in reality."""
    return RehearsalPlan(
        profile=profile_of_arm(definition, arm.arm, arm.unit, arm.suggestion.setting),
        experiment="campaign",
        units=(RehearsedUnit(name=arm.unit, model=DEFAULT_MODEL),),
        scenario=scenario,
        hours=definition.hours,
        runs=2,
        seed=definition.seed,
    )


def _run(plan: bytes, number: int) -> tuple[list[float], dict[str, list[float]], str]:
    decoded = msgspec.json.decode(plan, type=RehearsalPlan)
    record = rehearse_once(decoded, number, lambda: True)
    return record.hours, record.values.get(decoded.units[0].name, {}), record.error


def _outcome(
    definition: CampaignDefinition, arm: Arm, hours: list[float], values: dict[str, list[float]], error: str
) -> Outcome:
    if error:
        return Outcome(None, error)
    found = measured(hours, values, definition.objective.from_hours)
    return objective_of(definition.objective.expression, arm.suggestion.setting, found)
