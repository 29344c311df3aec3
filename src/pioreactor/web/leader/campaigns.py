"""Routes of the leader about campaigns, whose next settings follow from what was measured."""

from typing import Annotated

import msgspec
from litestar import MediaType, Request, Router, get, post
from litestar.datastructures import State
from litestar.params import FromPath, JSONBody

from pioreactor.campaigns.campaign_definition import CampaignDefinition, read_definition
from pioreactor.campaigns.campaign_progress import CampaignProgress, Knowledge, opened_progress
from pioreactor.campaigns.campaign_report import report
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.storage.leader.repositories.campaigns import Arm, Campaign
from pioreactor.web.leader.profiles import check_profile
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Body, Whole, experiment_name
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.identity import identity_of
from pioreactor.web.security.route_rights import needs

AnyRequest = Request[object, object, State]


class CreateCampaign(Body):
    """The definition as YAML."""

    definition: Annotated[str, msgspec.Meta(min_length=1, max_length=200_000)]


class AskArms(Body):
    """How many settings, null: the batch of the campaign; or settings that were chosen elsewhere."""

    count: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    given: Annotated[list[dict[str, float]], msgspec.Meta(max_length=64)] | None = None


class TellArm(Body):
    """The objective, null: the arm has failed; or what the database has recorded since it was started."""

    objective: float | None = None
    recorded: bool = False
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


class CampaignShown(msgspec.Struct):
    """A campaign with its arms: all that a program needs to choose the next settings."""

    campaign: Campaign
    definition: CampaignDefinition
    arms: list[Arm]


class StartedArm(msgspec.Struct):
    """The file of the profile that is to be run now."""

    profile: str


@get("/experiments/{experiment:str}/campaigns", sync_to_thread=True)
def campaigns(leader: LeaderPorts, experiment: FromPath[str]) -> list[Campaign]:
    """Campaigns of an experiment, newest first."""
    return [one for one in leader.database.campaigns.all() if one.experiment == experiment_name(experiment)]


@post("/experiments/{experiment:str}/campaigns", sync_to_thread=True)
def create_campaign(leader: LeaderPorts, experiment: FromPath[str], data: JSONBody[CreateCampaign]) -> Campaign:
    """Create a campaign; 409 when its name is taken."""
    leader.database.experiments.get(experiment_name(experiment))
    definition = read_definition(data.definition)
    check_profile(leader, definition.profile)
    note_values(campaign=definition.campaign)
    return leader.database.campaigns.create(definition.campaign, experiment, data.definition)


@get("/experiments/{experiment:str}/campaigns/{campaign:str}", sync_to_thread=True)
def one_campaign(leader: LeaderPorts, experiment: FromPath[str], campaign: FromPath[str]) -> CampaignShown:
    """One campaign: definition and arms with the reason of each."""
    found = _found(leader, experiment, campaign)
    return CampaignShown(found, read_definition(found.definition), leader.database.campaigns.arms(campaign))


@get("/experiments/{experiment:str}/campaigns/{campaign:str}/knowledge", sync_to_thread=True)
def campaign_knowledge(leader: LeaderPorts, experiment: FromPath[str], campaign: FromPath[str]) -> Knowledge:
    """What the results say: the best predicted setting, and the objective along each factor through it."""
    return _progress(leader, experiment, campaign).knowledge()


@get("/experiments/{experiment:str}/campaigns/{campaign:str}/report", media_type=MediaType.TEXT, sync_to_thread=True)
def campaign_report(leader: LeaderPorts, experiment: FromPath[str], campaign: FromPath[str]) -> str:
    """What came out and what is predicted to be best, as Markdown."""
    progress = _progress(leader, experiment, campaign)
    return report(progress.definition, leader.database.campaigns.arms(campaign), progress.knowledge())


@post("/experiments/{experiment:str}/campaigns/{campaign:str}/arms", sync_to_thread=True)
def ask_arms(
    leader: LeaderPorts, experiment: FromPath[str], campaign: FromPath[str], data: JSONBody[AskArms]
) -> list[Arm]:
    """Ask for the arms of the next settings; none when the campaign has no more. Arms of removed units move."""
    if data.count is not None and data.given is not None:
        raise InvalidRequestError("both a count and settings are given", remedy="Pass one of them.")
    progress = _progress(leader, experiment, campaign)
    note_values(moved=[arm.arm for arm in progress.rescue()])
    return progress.ask(data.count) if data.given is None else progress.give(data.given)


@post("/experiments/{experiment:str}/campaigns/{campaign:str}/arms/{arm:str}/start", sync_to_thread=True)
def start_arm(
    leader: LeaderPorts, experiment: FromPath[str], campaign: FromPath[str], arm: FromPath[str]
) -> StartedArm:
    """Mark an arm as running, and store its profile, which is to be run now."""
    path = _progress(leader, experiment, campaign).start(_number(arm), leader.unit.paths.experiment_profiles)
    note_values(profile=path.name)
    return StartedArm(path.name)


@post("/experiments/{experiment:str}/campaigns/{campaign:str}/arms/{arm:str}/result", sync_to_thread=True)
def tell_arm(
    request: AnyRequest,
    leader: LeaderPorts,
    experiment: FromPath[str],
    campaign: FromPath[str],
    arm: FromPath[str],
    data: JSONBody[TellArm],
) -> Arm:
    """Tell the objective of an arm; told again, the newest counts."""
    identity = identity_of(request.scope)
    by = identity.name if identity is not None else ""
    note_values(objective=data.objective, recorded=data.recorded)
    progress = _progress(leader, experiment, campaign)
    access = leader.database.access
    return progress.tell(access, _number(arm), data.objective, recorded=data.recorded, note=data.note, by=by)


@post("/experiments/{experiment:str}/campaigns/{campaign:str}/end", status_code=200, sync_to_thread=True)
def end_campaign(leader: LeaderPorts, experiment: FromPath[str], campaign: FromPath[str]) -> Campaign:
    """End a campaign: arms that wait are withdrawn, and there will be no more."""
    note_values(before=_found(leader, experiment, campaign).ended_at)
    return leader.database.campaigns.end(campaign)


def _found(leader: LeaderServices, experiment: str, campaign: str) -> Campaign:
    found = leader.database.campaigns.get(campaign)
    if found.experiment != experiment_name(experiment):
        raise NotFoundError(f"{experiment} has no campaign {campaign[:80]!r}")
    return found


def _progress(leader: LeaderServices, experiment: str, campaign: str) -> CampaignProgress:
    _found(leader, experiment, campaign)
    return opened_progress(leader.database, campaign)


def _number(text: str) -> int:
    try:
        return msgspec.convert(text, Whole, strict=False)
    except msgspec.ValidationError as error:
        raise NotFoundError(f"there is no arm {text[:20]!r}") from error


ROUTES = Router(
    "/",
    route_handlers=[
        *(campaigns, create_campaign, one_campaign, campaign_knowledge, campaign_report),
        *(ask_arms, start_arm, tell_arm, end_campaign),
    ],
    tags=["campaigns"],
    opt=needs("experiments", tool="reversible"),
)
