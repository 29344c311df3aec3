"""The next arms of a campaign, and what is known of it: all from the record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pioreactor.campaigns.campaign_definition import CampaignDefinition, profile_of_arm, read_definition
from pioreactor.campaigns.recorded_values import recorded_outcome
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError
from pioreactor.private_files import write_atomically
from pioreactor.science.campaigns.factors import FactorBand, Setting, Suggestion, Told
from pioreactor.storage.leader.database import LeaderDatabase
from pioreactor.storage.leader.repositories.campaigns import OPEN, Arm, Campaigns, NewArm
from pioreactor.storage.leader.repositories.context import Access

if TYPE_CHECKING:
    from pioreactor.science.campaigns.suggestions import Record


class Knowledge(msgspec.Struct, frozen=True):
    """What the results say: the best predicted setting, and the objective along each factor through it."""

    done: int
    failed: int
    open: int
    settings_left: int
    best: Suggestion | None
    bands: list[FactorBand]


@dataclass(frozen=True)
class CampaignProgress:
    """A campaign, continued from its record. `units` are those that can run arms at present."""

    campaigns: Campaigns
    name: str
    definition: CampaignDefinition
    units: Sequence[str]

    @classmethod
    def of(cls, campaigns: Campaigns, name: str, units: Sequence[str]) -> CampaignProgress:
        """Read the definition; only units that it names, if it names any, are used."""
        definition = read_definition(campaigns.get(name).definition)
        usable = [unit for unit in units if not definition.units or unit in definition.units]
        return cls(campaigns, name, definition, sorted(usable))

    def ask(self, count: int | None = None) -> list[Arm]:
        """Add the arms of the next settings; fewer, or none, when the design has ended."""
        arms = self.campaigns.arms(self.name)
        begun = _settings_begun(arms)
        number = min(self.definition.batch if count is None else count, self._settings_left(begun))
        if number <= 0:
            return []
        return self._add(arms, begun, self._next(arms, begun, number))

    def give(self, settings: Sequence[Setting]) -> list[Arm]:
        """Add arms with settings that were chosen elsewhere; `InvalidRequestError` for one that breaks a limit."""
        space = self._record([]).space
        for setting in settings:
            space.check(setting)
        arms = self.campaigns.arms(self.name)
        given = [Suggestion(one, "given", "it was chosen elsewhere", space.at_limits(one)) for one in settings]
        return self._add(arms, _settings_begun(arms), given)

    def _add(self, arms: Sequence[Arm], begun: int, suggestions: Sequence[Suggestion]) -> list[Arm]:
        from pioreactor.science.campaigns.trial_order import trial_order

        definition = self.definition
        trials = trial_order(len(suggestions), definition.replicates, self.units, definition.seed, begun)
        new = [NewArm(one.unit, begun + one.setting, one.replicate, suggestions[one.setting]) for one in trials]
        return self.campaigns.add_arms(self.name, new, after=len(arms))

    def _next(self, arms: Sequence[Arm], begun: int, count: int) -> list[Suggestion]:
        from pioreactor.science.campaigns.suggestions import suggest

        if self.definition.choose_by == "bayesian":
            return suggest(self._record(arms), count)
        settings, kind = self._design(), self.definition.choose_by.replace("_", " ")
        space = self._record([]).space
        return [
            Suggestion(one, "design", f"setting {begun + index + 1} of a {kind} design", space.at_limits(one))
            for index, one in enumerate(settings[begun : begun + count])
        ]

    def _design(self) -> list[Setting]:
        """Return the settings of the design, in random order."""
        import numpy as np

        from pioreactor.science.campaigns.designs import design

        chosen = self.definition.choose_by
        if chosen == "bayesian" or chosen == "external":
            raise ConflictError("the settings of this campaign do not follow from a design")
        settings = design(self._record([]).space, chosen, self.definition.settings, self.definition.seed)
        return [
            settings[index] for index in np.random.default_rng([self.definition.seed, 5]).permutation(len(settings))
        ]

    def _settings_left(self, begun: int) -> int:
        if self.definition.choose_by == "external":
            raise InvalidRequestError(
                "the settings of this campaign are chosen elsewhere",
                remedy="Pass them: pio campaigns ask --given",
            )
        total = self.definition.settings if self.definition.choose_by == "bayesian" else len(self._design())
        return total - begun

    def _record(self, arms: Sequence[Arm]) -> Record:
        from pioreactor.science.campaigns.search_space import SearchSpace
        from pioreactor.science.campaigns.suggestions import Record

        definition = self.definition
        return Record(
            space=SearchSpace(definition.factors, definition.limits),
            seed=definition.seed,
            told=[Told(arm.suggestion.setting, arm.objective) for arm in arms if arm.status == "done"],
            pending=[arm.suggestion.setting for arm in arms if arm.status in OPEN],
            initial=definition.initial,
            maximize=definition.objective.maximize,
        )

    def start(self, number: int, folder: Path) -> Path:
        """Mark an arm as running, and write its profile into the folder of profiles; return its file."""
        arm = self.arm(number)
        text = profile_of_arm(self.definition, number, arm.unit, arm.suggestion.setting)
        self.campaigns.start(self.name, number)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}_arm_{number}.yaml"
        write_atomically(path, text)
        return path

    def tell(self, access: Access, number: int, objective: float | None, *, recorded: bool, note: str, by: str) -> Arm:
        """Store an objective, or what the database has recorded; return the arm as it is now."""
        if recorded:
            experiment = self.campaigns.get(self.name).experiment
            objective, cause = recorded_outcome(access, experiment, self.definition, self.arm(number))
            note = note if note else cause
        self.campaigns.tell(self.name, number, objective, note=note, by=by)
        return self.arm(number)

    def arm(self, number: int) -> Arm:
        """Return one arm; raise `NotFoundError`."""
        found = [arm for arm in self.campaigns.arms(self.name) if arm.arm == number]
        if not found:
            raise NotFoundError(f"the campaign {self.name} has no arm {number}")
        return found[0]

    def rescue(self) -> list[Arm]:
        """Give arms without result whose unit is not there any more to other units; return them as they are now."""
        from pioreactor.science.campaigns.trial_order import unit_instead

        arms = self.campaigns.arms(self.name)
        lost = [arm for arm in arms if arm.status in OPEN and arm.unit not in self.units]
        busy = Counter(arm.unit for arm in arms if arm.status in OPEN)
        for arm in lost:
            avoided = [other.unit for other in arms if other.setting == arm.setting]
            unit = unit_instead(self.units, busy, avoided)
            busy[unit] += 1
            self.campaigns.move(self.name, arm.arm, unit)
        moved = {arm.arm for arm in lost}
        return [arm for arm in self.campaigns.arms(self.name) if arm.arm in moved]

    def knowledge(self) -> Knowledge:
        """Return what the results say."""
        from pioreactor.science.campaigns.posterior_band import bands
        from pioreactor.science.campaigns.suggestions import best_setting

        arms = self.campaigns.arms(self.name)
        record, done = self._record(arms), [arm for arm in arms if arm.status == "done"]
        best = best_setting(record)
        begun = _settings_begun(arms)
        return Knowledge(
            done=len(done),
            failed=sum(arm.objective is None for arm in done),
            open=len(record.pending),
            settings_left=0 if self.definition.choose_by == "external" else max(0, self._settings_left(begun)),
            best=best,
            bands=bands(record, best.setting) if best is not None else [],
        )


def opened_progress(database: LeaderDatabase, name: str) -> CampaignProgress:
    """Return a campaign with the active units of its experiment as they are now."""
    campaign = database.campaigns.get(name)
    units = [one.pioreactor_unit for one in database.assignments.of_experiment(campaign.experiment) if one.is_active]
    return CampaignProgress.of(database.campaigns, name, units)


def _settings_begun(arms: Sequence[Arm]) -> int:
    return max((arm.setting + 1 for arm in arms), default=0)
