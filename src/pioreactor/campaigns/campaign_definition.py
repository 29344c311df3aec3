"""What a campaign varies, how an arm runs, and what is to become large or small; written as YAML."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from pioreactor.exc import InvalidRequestError
from pioreactor.experiment_profiles.profile_struct import CommonBlock, UnitBlock, read_profile
from pioreactor.experiment_profiles.rehearsal_plan import Hours
from pioreactor.science.campaigns.factors import FactorsAndLimits
from pioreactor.structs.yaml_text import InvalidYAMLError, read_yaml

MAX_ARMS: Final = 2000
_IN_NAMES: Final = frozenset(string.ascii_letters + string.digits + "-_")
ChooseBy = Literal[
    "bayesian", "full_factorial", "central_composite", "box_behnken", "latin_hypercube", "sobol", "external"
]


class Objective(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An expression of measurements and factors, and which way is better.

    Measurements are means from `from_hours` of the arm to its end; of media and waste, totals [mL].
    """

    expression: Annotated[str, Meta(min_length=1, max_length=500)]
    maximize: bool = True
    from_hours: Annotated[float, Meta(ge=0.0)] = 0.0


class CampaignDefinition(FactorsAndLimits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A campaign. Each factor is an input of the profile, which each arm runs with the values of its setting."""

    campaign: Annotated[str, Meta(min_length=1, max_length=60)]
    profile: Annotated[str, Meta(min_length=1, max_length=100_000)]
    objective: Objective
    hours: Hours
    """Length of an arm [h]."""
    choose_by: ChooseBy = "bayesian"
    settings: Annotated[int, Meta(ge=1, le=1000)] = 24
    """How many settings there are at most; classical designs have as many as follow from their factors."""
    initial: Annotated[int, Meta(ge=2, le=1000)] = 6
    """Settings that fill the space before Bayesian optimization chooses."""
    batch: Annotated[int, Meta(ge=1, le=64)] = 2
    """Settings that are chosen at once."""
    replicates: Annotated[int, Meta(ge=1, le=20)] = 1
    units: Annotated[Sequence[str], Meta(max_length=64)] = ()
    """Which units run arms; empty: all active units of the experiment."""
    seed: Annotated[int, Meta(ge=0, le=10**9)] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not set(self.campaign) <= _IN_NAMES:
            raise ValueError("the name of a campaign has letters, digits, - and _")
        if self.settings * self.replicates > MAX_ARMS:
            raise ValueError(f"{self.settings} settings with {self.replicates} replicates are above {MAX_ARMS} arms")
        if self.objective.from_hours >= self.hours:
            raise ValueError("`from_hours` of the objective is after the end of an arm")


def read_definition(text: str) -> CampaignDefinition:
    """Return the definition in a YAML text; raise `InvalidRequestError` saying what is wrong."""
    try:
        found = read_yaml(text, CampaignDefinition)
    except (InvalidYAMLError, msgspec.ValidationError) as error:
        raise InvalidRequestError(f"the campaign cannot be used: {error}", remedy="Correct its definition.") from error
    profile = read_profile(found.profile)
    if profile.pioreactors:
        raise InvalidRequestError("the profile of a campaign names units", remedy="Write its jobs under `common`.")
    for name in found.names:
        if not re.search(rf"\$\{{\{{[^}}]*\b{name}\b", found.profile):
            raise InvalidRequestError(
                f"the profile does not use the factor {name}",
                remedy=f"Write ${{{{ {name} }}}} where it belongs.",
            )
    return found


def profile_of_arm(definition: CampaignDefinition, number: int, unit: str, setting: Mapping[str, float]) -> str:
    """Return the profile of one arm: that of the campaign on one unit, the factors as inputs."""
    profile = read_profile(definition.profile)
    profile = msgspec.structs.replace(
        profile,
        experiment_profile_name=f"{definition.campaign}, arm {number}",
        inputs={**profile.inputs, **setting},
        common=CommonBlock(),
        pioreactors={unit: UnitBlock(jobs=profile.common.jobs)},
    )
    fields = msgspec.to_builtins(profile)
    return msgspec.yaml.encode(_without_none(fields)).decode()


def _without_none(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_none(one) for key, one in value.items() if one is not None}
    return [_without_none(one) for one in value] if isinstance(value, list) else value
