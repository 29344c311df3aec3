"""Routes of the leader about experiment profiles and their runs."""

from pathlib import Path

import msgspec
from litestar import MediaType, Router, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from pioreactor.audit.redaction import changed_lines
from pioreactor.exc import ConflictError, InvalidRequestError, NotFoundError, StorageError
from pioreactor.experiment_profiles.availability import (
    CAPABILITIES,
    OF_PRESENT_CLUSTER,
    RunnableByUnit,
    runnable_by_unit,
)
from pioreactor.experiment_profiles.lenient_reader import Diagnostic
from pioreactor.experiment_profiles.profile_struct import read_profile
from pioreactor.experiment_profiles.timeline import Step, timeline
from pioreactor.experiment_profiles.validate import Verdict, verify
from pioreactor.http.fanout import report
from pioreactor.job_catalog import ACTION_OPTIONS, JOBS
from pioreactor.models import load_models, models_of_units
from pioreactor.plugin_management import get_plugins, job_classes
from pioreactor.private_files import write_atomically
from pioreactor.storage.leader.repositories.profile_runs import ProfileRun
from pioreactor.structs.yaml_text import InvalidYAMLError, read_yaml
from pioreactor.web.leader.responses import Status
from pioreactor.web.leader.services import LeaderPorts, LeaderServices
from pioreactor.web.request_bodies import Body, experiment_name, file_name
from pioreactor.web.security.audit_recorder import note_values
from pioreactor.web.security.route_rights import needs
from pioreactor.web.unit.jobs import JobRow, as_row

_SUFFIXES = (".yaml", ".yml")
_ASK_TIMEOUT_S = 3.0


class CreateProfile(Body):
    filename: str
    body: str


class UpdateProfile(Body):
    body: str


class VerifyProfile(Body):
    """The text of a profile, stored or not."""

    body: str


class ProfilePreview(msgspec.Struct):
    """Diagnostics of a profile and its steps in order; no steps if it is not readable."""

    ok: bool
    diagnostics: list[Diagnostic]
    steps: list[Step]


class ProfileRefusedError(InvalidRequestError):
    """A profile has errors and cannot be run."""

    code = "invalid_profile"

    def __init__(self, diagnostics: list[Diagnostic]) -> None:
        errors = [found for found in diagnostics if found.severity == "error"]
        first = next((found for found in errors if found.code not in OF_PRESENT_CLUSTER), errors[0])
        place = f"line {first.line}, {first.path}" if first.line is not None else first.path
        location = f" (at {place.removesuffix(', ')})" if place else ""
        more = f", and {len(errors) - 1} more errors" if len(errors) > 1 else ""
        super().__init__(f"{first.message}{location}{more}", remedy=first.hint)
        self.diagnostics = [msgspec.to_builtins(found) for found in diagnostics]


class ProfileRow(msgspec.Struct):
    """`experimentProfile` is the file's content; for an unreadable file its name is the error."""

    experimentProfile: dict[str, object]  # noqa: N815 - the name in the API
    file: str
    fullpath: str


def _path(leader: LeaderServices, name: str) -> Path:
    if not file_name(name).endswith(_SUFFIXES):
        raise InvalidRequestError(f"{name!r} is not a profile", remedy="The name must end with .yaml or .yml.")
    return leader.unit.paths.experiment_profiles / name


def _verdict(leader: LeaderServices, text: str) -> Verdict:
    """Compare a profile with the units of the cluster; a unit without a model has the default one."""
    units = models_of_units(
        ((row.pioreactor_unit, row.model_name, row.model_version) for row in leader.database.workers.all()),
        load_models(leader.unit.paths.models),
    )
    described = (job.job_name for job in leader.unit.catalog.jobs())
    jobs = {**dict.fromkeys((*JOBS, *described), ()), **ACTION_OPTIONS}
    plugin_jobs = job_classes(get_plugins(leader.unit.paths.plugins))

    def ask_units() -> RunnableByUnit:
        return runnable_by_unit(report(leader.ask_all(units, "GET", CAPABILITIES, timeout_s=_ASK_TIMEOUT_S)))

    return verify(text, jobs=jobs, units=units, plugin_jobs=plugin_jobs, ask_units=ask_units)


def check_profile(leader: LeaderServices, text: str) -> None:
    """Raise `ProfileRefusedError` for a profile that no cluster can run.

    A unit that is not there yet, or a plugin that is not installed yet, is refused when the profile is started.
    """
    verdict = _verdict(leader, text)
    if any(found.severity == "error" and found.code not in OF_PRESENT_CLUSTER for found in verdict.diagnostics):
        raise ProfileRefusedError(verdict.diagnostics)


def _content(text: str) -> dict[str, object]:
    try:
        return read_yaml(text, dict[str, object])
    except (InvalidYAMLError, msgspec.ValidationError) as error:
        raise InvalidRequestError(f"cannot read the profile: {error}") from error


def _write(path: Path, text: str) -> None:
    """Replace the file atomically, so that a starting run reads the old text or the new one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, text)
    except OSError as error:
        raise StorageError(f"cannot write {path.name}: {error.strerror}") from error


@get("/experiment_profiles", sync_to_thread=True)
def profiles(leader: LeaderPorts) -> list[ProfileRow]:
    """Return all profiles, most recently changed first."""
    folder = leader.unit.paths.experiment_profiles
    files = [path for path in folder.glob("*") if path.suffix in _SUFFIXES] if folder.is_dir() else []
    rows = []
    for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            content = _content(path.read_text(encoding="utf-8"))
        except (InvalidRequestError, UnicodeDecodeError) as error:
            content = {"experiment_profile_name": f"unreadable: {error}"}
        rows.append(ProfileRow(content, path.name, str(path)))
    return rows


@post("/experiment_profiles", status_code=200, sync_to_thread=True)
def create_profile(leader: LeaderPorts, data: JSONBody[CreateProfile]) -> Status:
    path = _path(leader, data.filename)
    check_profile(leader, data.body)
    if path.exists():
        raise ConflictError(f"there is already a profile {data.filename!r}", remedy="Choose another name.")
    _write(path, data.body)
    return Status()


def _existing(leader: LeaderServices, name: str) -> Path:
    path = _path(leader, name)
    if not path.is_file():
        raise NotFoundError(f"there is no profile {name!r}")
    return path


@patch("/experiment_profiles/{name:str}", sync_to_thread=True)
def update_profile(leader: LeaderPorts, name: FromPath[str], data: JSONBody[UpdateProfile]) -> Status:
    path = _existing(leader, name)
    check_profile(leader, data.body)
    before, after = changed_lines(path.read_text(encoding="utf-8", errors="replace"), data.body)
    _write(path, data.body)
    note_values(before=before, after=after)
    return Status()


@get("/experiment_profiles/{name:str}", media_type=MediaType.TEXT, sync_to_thread=True)
def one_profile(leader: LeaderPorts, name: FromPath[str]) -> str:
    return _existing(leader, name).read_text(encoding="utf-8")


@delete("/experiment_profiles/{name:str}", status_code=200, sync_to_thread=True)
def delete_profile(leader: LeaderPorts, name: FromPath[str]) -> Status:
    path = _existing(leader, name)
    note_values(before=path.read_text(encoding="utf-8", errors="replace"))
    path.unlink(missing_ok=True)
    return Status()


@post("/experiment_profiles/verify", status_code=200, opt=needs("profiles", change="read"), sync_to_thread=True)
def verify_profile(leader: LeaderPorts, data: JSONBody[VerifyProfile]) -> ProfilePreview:
    """Return the diagnostics and the steps of a profile that is being edited."""
    verdict = _verdict(leader, data.body)
    is_readable = verdict.normalized_profile is not None
    has_times = is_readable and all(not found.code.startswith("time.") for found in verdict.diagnostics)
    steps = timeline(read_profile(data.body)) if has_times else []
    return ProfilePreview(verdict.ok, verdict.diagnostics, steps)


@get("/experiments/{experiment:str}/experiment_profiles/running", sync_to_thread=True)
def running_profiles(leader: LeaderPorts, experiment: FromPath[str]) -> list[JobRow]:
    running = leader.unit.stores.jobs().running(job_name="experiment_profile", experiment=experiment_name(experiment))
    return [as_row(job) for job in running]


@get("/experiments/{experiment:str}/experiment_profiles/recent", sync_to_thread=True)
def recent_profiles(leader: LeaderPorts, experiment: FromPath[str]) -> list[ProfileRun]:
    return leader.database.profile_runs.recent(experiment_name(experiment))


ROUTES = Router(
    "/",
    route_handlers=[
        *(profiles, create_profile, update_profile, one_profile, delete_profile, verify_profile),
        *(running_profiles, recent_profiles),
    ],
    tags=["profiles"],
    opt=needs("profiles"),
)
