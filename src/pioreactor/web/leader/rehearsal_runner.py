"""Rehearsals as processes of their own, with low priority: the web server keeps its memory and answers meanwhile."""

import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from pioreactor.exc import NotFoundError, PioreactorError, StoppedError
from pioreactor.experiment_profiles.rehearsal_data import RehearsalProgress, RehearsalResult
from pioreactor.experiment_profiles.rehearsal_plan import Hours, Volume
from pioreactor.processes.reporting_process import ReportingProcess
from pioreactor.web.request_bodies import Body

NICENESS: Final = 10
GRACE_S: Final = 30.0
"""For the runs in progress to end, also on a busy machine [s]."""
MAX_RUNS: Final = 50

Strain = Literal["ecoli", "yeast", "phototroph"]
_LINE: Final = RehearsalProgress | RehearsalResult


class BottleSizes(Body):
    """Liquid in the bottles at each unit, and space in the waste bottle [mL]; null: as configured."""

    media: Volume | None = None
    alt_media: Volume | None = None
    waste: Volume | None = None


class RehearseProfile(Body):
    """What is rehearsed: the text of a profile, on all active units of the experiment or on some.

    `growth_rate_per_h` and `start_od` replace those of the strain. `max_minutes` is the time of the clock after which
    it ends with the runs that have ended.
    """

    profile: Annotated[str, Meta(min_length=1, max_length=500_000)]
    units: Annotated[list[str], Meta(max_length=64)] = msgspec.field(default_factory=list)
    from_now: bool = False
    strain: Strain = "yeast"
    growth_rate_per_h: Annotated[float, Meta(gt=0.0, le=5.0)] | None = None
    start_od: Annotated[float, Meta(gt=0.0, le=50.0)] | None = None
    runs: Annotated[int, Meta(ge=1, le=MAX_RUNS)] = 8
    hours: Hours | None = None
    seed: Annotated[int, Meta(ge=0, le=10**9)] = 1
    bottles_ml: BottleSizes = msgspec.field(default_factory=BottleSizes)
    max_minutes: Annotated[float, Meta(ge=0.1, le=720.0)] = 60.0


class RehearsalFailedError(PioreactorError):
    """The rehearsal ended with an error."""

    code = "rehearsal_failed"
    status = 409


class RehearsalInProgress(msgspec.Struct):
    """The rehearsal that is carried out; `share` is 0–1."""

    experiment: str
    share: float


@dataclass
class RehearsalRunner:
    """Runs one rehearsal at a time: `command` with the options of the request, and a part of `environment`."""

    command: Sequence[str]
    environment: Mapping[str, str]
    pause: Callable[[float], bool]
    """Waits; returns True when the server is shutting down."""
    in_progress: RehearsalInProgress | None = field(default=None, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def stop(self, experiment: str) -> None:
        """End the rehearsal of an experiment; what has ended of it is kept. Raise `NotFoundError` without one."""
        if self.in_progress is None or self.in_progress.experiment != experiment:
            raise NotFoundError(f"no rehearsal of {experiment} is in progress")
        self._stopping.set()

    def run(self, experiment: str, request: RehearseProfile, *options: str) -> RehearsalResult:
        """Rehearse and wait for the end; raise `StoppedError` or `RehearsalFailedError`.

        One that is stopped returns what its ended runs found.
        """
        self._stopping.clear()
        self.in_progress = progress = RehearsalInProgress(experiment, 0.0)
        process = ReportingProcess(self.command, self.environment, self.pause, GRACE_S, NICENESS)
        found: list[RehearsalResult] = []

        def take(line: bytes) -> None:
            if line.startswith(b'{"type":'):
                told = msgspec.json.decode(line, type=_LINE)
                if isinstance(told, RehearsalResult):
                    found.append(told)
                else:
                    progress.share = told.share

        try:
            with tempfile.TemporaryDirectory(prefix="pio-rehearsal-") as folder:
                arguments = [*arguments_of(experiment, request, Path(folder)), *options]
                ending = process.run(arguments, take, self._stopping.is_set)
        except (OSError, ValueError) as error:
            raise RehearsalFailedError(f"the rehearsal could not be started: {error}") from error
        finally:
            self.in_progress = None
        if found:
            return found[0]
        if ending.was_stopped:
            raise StoppedError("the rehearsal was canceled", remedy="No run of it had ended.")
        raise RehearsalFailedError(ending.failure.message, remedy=ending.failure.remedy)


def arguments_of(experiment: str, request: RehearseProfile, folder: Path) -> list[str]:
    """Return the arguments of `pio rehearse`; the profile and the strain are files in this folder."""
    profile, strain = folder / "profile.yaml", folder / "strain.yaml"
    profile.write_text(request.profile, encoding="utf-8")
    fields = {"strain": request.strain, "mu_max_per_h": request.growth_rate_per_h, "start_od": request.start_od}
    strain.write_bytes(msgspec.yaml.encode({name: value for name, value in fields.items() if value is not None}))
    options = {
        "experiment": experiment,
        "strain": strain,
        "runs": request.runs,
        "hours": request.hours,
        "seed": request.seed,
        "media": request.bottles_ml.media,
        "alt-media": request.bottles_ml.alt_media,
        "waste": request.bottles_ml.waste,
        "max-minutes": request.max_minutes,
    }
    given = [f"--{name}={value}" for name, value in options.items() if value is not None]
    units = [f"--units={unit}" for unit in request.units]
    return [str(profile), *given, *units, *(["--from-now"] if request.from_now else []), "--json-progress"]
