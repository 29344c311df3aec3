"""Request bodies as structs that refuse unknown fields, and checks of names in paths."""

import re
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from pioreactor import topics
from pioreactor.exc import InvalidRequestError, NotFoundError
from pioreactor.identity.invitation_links import MAX_HOURS, MAX_NOTE_LENGTH
from pioreactor.identity.people import MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, USERNAME
from pioreactor.structs.camera_still import is_image_id
from pioreactor.structs.rights import Area, Budget, Role
from pioreactor.types import UNIVERSAL_EXPERIMENT, UNIVERSAL_IDENTIFIER
from pioreactor.web.ports import Kind

_UNIT = re.compile(r"[A-Za-z0-9_-]{1,63}")
_JOB = re.compile(r"[a-z0-9_]{1,64}")
_SETTING = re.compile(r"\$?[A-Za-z0-9_]{1,64}")
_OPTION = re.compile(r"[A-Za-z0-9_]{1,64}")
_FILE = re.compile(r"[A-Za-z0-9_ .()-]{1,200}")

NewPassword = Annotated[str, msgspec.Meta(min_length=MIN_PASSWORD_LENGTH, max_length=MAX_PASSWORD_LENGTH)]
Whole = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number in a path, which is declared as `str` there: the conversion of `int` accepts digits of other scripts."""
Scalar = str | int | float | bool | None


OF_A_RUN = frozenset({"EXPERIMENT", "JOB_SOURCE", "DEBUG", "SKIP_PLUGINS"})
"""Environment variables of a job that everybody may set who may start it."""


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """A request body; an undeclared field is an error."""


class RunJob(Body):
    """Options become `--name value`; null is a bare flag, a list repeats the option."""

    options: dict[str, Scalar | list[Scalar]] = {}
    env: dict[str, str | None] = {}
    args: list[str] = []
    config_overrides: list[tuple[str, str, str | None]] = []


class StoreOidcSecret(Body):
    secret: Annotated[str, msgspec.Meta(max_length=1000)]


class StopJobs(Body):
    """A job must match every field that is given; at least one is required."""

    job_name: str | None = None
    experiment: str | None = None
    job_source: str | None = None
    job_id: int | None = None


class UpdateJob(Body):
    settings: dict[str, object]


class UpdateBioreactor(Body):
    values: dict[str, float]


class CreateExperiment(Body):
    """`created_at`, `delta_hours` and `worker_count` are accepted and ignored: lists can be sent back as they came."""

    experiment: str
    description: str | None = None
    tags: list[str] = []
    created_at: str | None = None
    delta_hours: float | None = None
    worker_count: int | None = None


class RenameExperiment(Body):
    """`experiment`: the new name."""

    experiment: str


class UpdateExperiment(Body):
    """A missing field is not changed; null clears the description."""

    description: str | UnsetType | None = UNSET
    tags: list[str] | UnsetType = UNSET


class ChooseCharts(Body):
    """Keys of charts in their order; a missing field is not changed, null returns to the configuration."""

    overview_chart_keys: list[str] | UnsetType | None = UNSET
    pioreactor_chart_keys: list[str] | UnsetType | None = UNSET


class LabelUnit(Body):
    unit: str
    label: str


class AssignWorker(Body):
    pioreactor_unit: str


class AddWorker(Body):
    pioreactor_unit: str
    model_name: str | None = None
    model_version: str | None = None


class WorkerModel(Body):
    model_name: str
    model_version: str


class WorkerStatus(Body):
    is_active: Annotated[int, msgspec.Meta(ge=0, le=1)]


class AddCalibration(Body):
    """`calibration_data` is YAML text."""

    calibration_data: Annotated[str, msgspec.Meta(max_length=500_000)]
    set_as_active: bool = False


class ConfigText(Body):
    code: Annotated[str, msgspec.Meta(max_length=500_000)]


class WriteLog(Body):
    message: Annotated[str, msgspec.Meta(max_length=10_000)]
    source: str
    level: str
    timestamp: str
    task: str | None = None
    source_: str = "ui"


LimitedTo = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
"""Name of a unit or of an experiment to which changes are limited."""


class SignIn(Body):
    username: Annotated[str, msgspec.Meta(max_length=200)]
    password: Annotated[str, msgspec.Meta(max_length=1000)]
    code: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    """Of a person with a second factor."""


Code = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
"""Six digits of an authenticator app, or a recovery code."""


class BeginSecondFactor(Body):
    password: Annotated[str, msgspec.Meta(max_length=1000)]


class GiveCode(Body):
    code: Code


class SignChange(Body):
    """`method` and `path` of the request that is signed; `meaning`: what the signature stands for."""

    password: Annotated[str, msgspec.Meta(max_length=1000)]
    method: Annotated[str, msgspec.Meta(max_length=10)]
    path: Annotated[str, msgspec.Meta(max_length=1000)]
    meaning: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    code: Code | None = None


class ChangePassword(Body):
    present: Annotated[str, msgspec.Meta(max_length=1000)]
    new: NewPassword


class AddPerson(Body):
    username: Annotated[str, msgspec.Meta(pattern=rf"^{USERNAME}$(?!\n)")]
    password: NewPassword
    role: Role = "viewer"
    units: list[LimitedTo] | None = None
    experiments: list[LimitedTo] | None = None


class Invite(Body):
    """`hours`: until the link expires; `note`: who it is for."""

    role: Role = "viewer"
    units: list[LimitedTo] | None = None
    experiments: list[LimitedTo] | None = None
    hours: Annotated[int, msgspec.Meta(ge=1, le=MAX_HOURS)] = 72
    note: Annotated[str, msgspec.Meta(max_length=MAX_NOTE_LENGTH)] = ""


Secret = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
"""What follows the `#` in the link of an invitation."""


class OpenInvitation(Body):
    secret: Secret


class AcceptInvitation(Body):
    secret: Secret
    username: Annotated[str, msgspec.Meta(pattern=rf"^{USERNAME}$(?!\n)")]
    password: NewPassword


class ChangeRights(Body):
    """`units` and `experiments` null: changes are not limited to some."""

    role: Role
    units: list[LimitedTo] | None = None
    experiments: list[LimitedTo] | None = None


class CreateToken(Body):
    """`expires_in_days` null: the token is valid until it is revoked; each limit null: that of the person.

    `is_agent`: it uses tools (`/mcp`) and no other route. `budget`: what an agent may use up by approved acts.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    expires_in_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None
    role: Role | None = None
    units: list[LimitedTo] | None = None
    areas: list[Area] | None = None
    is_agent: bool = False
    budget: Budget | None = None


class Propose(Body):
    """An act of an agent."""

    tool: Annotated[str, msgspec.Meta(max_length=100)]
    arguments: dict[str, object] = {}


class DecideProposal(Body):
    """`digest` is that of the proposal as it was shown; `without_rehearsal` accepts that there is none."""

    digest: Annotated[str, msgspec.Meta(max_length=64)]
    note: Annotated[str, msgspec.Meta(max_length=500)] = ""
    without_rehearsal: bool = False


class RetryQuarantined(Body):
    ids: list[int] | None = None
    """None selects all."""


class AcknowledgeAlarms(Body):
    ids: Annotated[list[int], msgspec.Meta(min_length=1, max_length=1000)]
    note: str = ""


class ShelveAlarm(Body):
    """`hours`: more than 0, at most 720."""

    hours: float
    note: str = ""


class RemoveFile(Body):
    filepath: Annotated[str, msgspec.Meta(max_length=1000)]


def check_environment(
    requested: Mapping[str, str | None], allowed: Collection[str], *, fixed: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return the variables that have an effect, which those with an empty value have not.

    Raise `InvalidRequestError` for one that a request cannot set, or not to this value. Those in `fixed` may be named
    with the value that they have anyway.
    """
    effective = {name: value for name, value in requested.items() if value is not None and value not in ("", "None")}
    for name, value in effective.items():
        if name in fixed:
            if value != fixed[name]:
                raise InvalidRequestError(f"{name} is {fixed[name]} and cannot be set to {value[:100]!r}")
        elif name not in allowed:
            raise InvalidRequestError(f"a request cannot set {name[:100]}")
        elif "\0" in value:
            raise InvalidRequestError(f"{name} cannot contain a null byte")
    return effective


def unit_name(text: str, *, broadcast: bool = True) -> str:
    """Return the name of a unit (or `$broadcast`); raise `InvalidRequestError` if it is not valid."""
    if (broadcast and text == UNIVERSAL_IDENTIFIER) or _UNIT.fullmatch(text):
        return text
    raise InvalidRequestError(f"{text!r} is not a valid unit name")


def experiment_name(text: str) -> str:
    """Return the name of an experiment (or `$experiment`), which is a level of MQTT topics.

    Raise `InvalidRequestError` if it is not valid.
    """
    return text if text == UNIVERSAL_EXPERIMENT else topics.check_experiment_name(text)


def job_name(text: str) -> str:
    """Return the name of a job; raise `InvalidRequestError` if it is not valid."""
    if not _JOB.fullmatch(text):
        raise InvalidRequestError(f"{text!r} is not a valid job name", remedy="Use a-z, 0-9 and _.")
    return text


def setting_name(text: str) -> str:
    """Return the name of a setting; raise `InvalidRequestError` if it is not valid."""
    if not _SETTING.fullmatch(text):
        raise InvalidRequestError(f"{text!r} is not a valid setting name")
    return text


def option_name(text: str) -> str:
    """Return the name of an option; raise `InvalidRequestError` if it is not valid."""
    if not _OPTION.fullmatch(text):
        raise InvalidRequestError(f"{text!r} is not a valid option name", remedy="Use letters, digits and _.")
    return text


def task_id(text: str) -> str:
    """Return the id of a task; raise `InvalidRequestError` if it is not valid."""
    if not _OPTION.fullmatch(text):
        raise InvalidRequestError(f"{text[:100]!r} is not the id of a task")
    return text


def device_name(text: str) -> str:
    """Return the name of a device; raise `InvalidRequestError` if it is not valid."""
    if not _JOB.fullmatch(text):
        raise InvalidRequestError(f"{text!r} is not a valid device name", remedy="Use a-z, 0-9 and _.")
    return text


def file_name(text: str) -> str:
    """Return a file name that cannot leave its folder; raise `InvalidRequestError` for any other."""
    if not _FILE.fullmatch(text) or text.startswith((".", "-", " ")):
        raise InvalidRequestError(f"{text!r} is not a valid file name")
    return text


def still_name(text: str) -> str:
    """Return the file name of a still, `<image id>.jpg`; raise `NotFoundError` for what no still can be called."""
    if not text.endswith(".jpg") or not is_image_id(text.removesuffix(".jpg")):
        raise NotFoundError(f"there is no still {text[:150]!r}")
    return text


def automation_kind(text: str) -> Kind:
    """Return the kind of automation; raise `InvalidRequestError` if there is no such kind."""
    match text:
        case "dosing" | "led" | "temperature":
            return text
    raise InvalidRequestError(f"{text!r} is not a kind of automation", remedy="One of dosing, led, temperature.")


PATH_CHECKS: Mapping[str, Callable[[str], str]] = {
    "device": device_name,
    "experiment": experiment_name,
    "image": still_name,
    "job": job_name,
    "kind": automation_kind,
    "name": file_name,
    "setting": setting_name,
    "task_id": task_id,
}
"""The check of each path parameter of relayed routes, by the parameter's name."""
