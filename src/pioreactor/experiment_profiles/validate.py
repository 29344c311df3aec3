"""What is wrong with a profile, found before anything is carried out. Each finding names its place and a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

import msgspec

from pioreactor.did_you_mean import nearest
from pioreactor.exc import NotFoundError
from pioreactor.experiment_profiles.availability import Availability, RunnableByUnit, is_built_in
from pioreactor.experiment_profiles.durations import due_s, format_duration, seconds
from pioreactor.experiment_profiles.evaluator import bracketed_expressions
from pioreactor.experiment_profiles.grammar import (
    Expression,
    Negated,
    Operation,
    Signed,
    Word,
    bare,
    parse,
)
from pioreactor.experiment_profiles.lenient_reader import (
    Diagnostic,
    LenientReader,
    is_skipped,
    positions_of,
    with_position,
)
from pioreactor.experiment_profiles.option_checks import (
    AUTOMATION,
    PUMPS,
    classes_for,
    faults_of,
    model_faults,
    update_faults,
    volume_faults,
)
from pioreactor.experiment_profiles.profile_struct import (
    Act,
    Action,
    Condition,
    InvalidProfileError,
    Log,
    Moment,
    Pause,
    PluginRequirement,
    Profile,
    Repeat,
    Resume,
    Start,
    Stop,
    Update,
    When,
)
from pioreactor.job_catalog import JOBS
from pioreactor.models import ReactorModel

LEVELS = ("DEBUG", "INFO", "NOTICE", "WARNING", "ERROR")
LEDS = "led_intensity"
_LOOKUP = re.compile(r"\w*:\w+:\w")
_PLUGIN_VERSION = re.compile(r"(==|>=|<=)?\s*\d+(\.\w+)*")
_OWN_WORDS = frozenset({"unit", "experiment", "job_name", "hours_elapsed", "action_count", "true", "false"})


class Verdict(msgspec.Struct, frozen=True):
    """What `verify` found. `ok` is false when the profile cannot be carried out."""

    ok: bool
    diagnostics: list[Diagnostic]
    normalized_profile: dict[str, object] | None


def verify(
    text: str,
    *,
    jobs: Mapping[str, Iterable[str]] | None = None,
    units: Mapping[str, ReactorModel] | None = None,
    plugin_jobs: Mapping[str, type] = {},
    ask_units: Callable[[], RunnableByUnit] | None = None,
) -> Verdict:
    """Return all findings about the text of a profile, with line and column, in the order of the text.

    `jobs` names the jobs that this unit knows, with the options of each command; `plugin_jobs` the classes of those
    that plugins define; `units` the units of the cluster with their models; `ask_units` returns what those that answer
    can run. The profile is compared with what is given.
    """
    reader = LenientReader(text)
    profile = reader.read()
    found = reader.findings
    if profile is None:
        found = [with_position(one, {}) for one in found]
    else:
        positions = positions_of(text)
        check = _ProfileCheck(profile, jobs, units, plugin_jobs, ask_units)
        found = [*found, *check.all()]
        found = [with_position(one, positions) for one in found]
    found.sort(key=lambda one: (one.line if one.line is not None else 0, one.column or 0))
    is_ok = all(one.severity != "error" for one in found)
    is_readable = profile is not None and not reader.findings
    return Verdict(is_ok, found, msgspec.to_builtins(profile) if is_readable else None)


class _ProfileCheck:
    """One walk through a profile."""

    def __init__(
        self,
        profile: Profile,
        jobs: Mapping[str, Iterable[str]] | None,
        units: Mapping[str, ReactorModel] | None,
        plugin_jobs: Mapping[str, type],
        ask_units: Callable[[], RunnableByUnit] | None,
    ) -> None:
        self._availability = Availability(units, ask_units) if units and ask_units is not None else None
        self._profile = profile
        self._plugin_jobs = plugin_jobs
        self._units = units
        self._jobs = None if jobs is None else {name: frozenset(options) for name, options in jobs.items()}

    def all(self) -> Iterator[Diagnostic]:
        for number, plugin in enumerate(self._profile.plugins):
            if not _PLUGIN_VERSION.fullmatch(plugin.version.strip()):
                yield Diagnostic(
                    "error", "plugin.version.invalid", f"{plugin.version!r} is no version",
                    f"plugins[{number}].version", "Write a version, or one after ==, >= or <=: >=1.2.0",
                )  # fmt: skip
        yield from self._unknown_units()
        blocks = [("common", self._profile.common.jobs)]
        blocks += [(f"pioreactors.{unit}", block.jobs) for unit, block in self._profile.pioreactors.items()]
        for where, jobs in blocks:
            for name, job in jobs.items():
                path = f"{where}.jobs.{name}"
                if not _only_logs(job.actions):
                    yield from self._known(name, where, path)
                yield from _order(name, job.actions, path, is_started=where != "common" and self._starts_for_all(name))
                for number, act in enumerate(job.actions):
                    here = f"{path}.actions[{number}]"
                    yield from _evaluated_once(act, f"{here}.if")
                    yield from self._act(name, act, here)

    def _unknown_units(self) -> Iterator[Diagnostic]:
        if self._units is None:
            return
        for unit in self._profile.pioreactors:
            if unit not in self._units:
                hint = f"Units are: {', '.join(sorted(self._units))}."
                message = f"{unit!r} is not a unit of this cluster"
                yield Diagnostic("error", "unit.unknown", message, f"pioreactors.{unit}", hint)

    def _starts_for_all(self, job_name: str) -> bool:
        common = self._profile.common.jobs.get(job_name)
        return common is not None and any(isinstance(act, Start) for act in common.actions)

    def _known(self, job_name: str, where: str, path: str) -> Iterator[Diagnostic]:
        found = self._found_on_units(job_name, None, where, path)
        if found is not None:
            yield from found
        elif self._jobs is not None and job_name not in self._jobs:
            near = nearest(job_name, self._jobs)
            hint = (
                f"Is {near!r} meant?"
                if near is not None
                else "See `pio run --help`; a plugin may have to be installed."
            )
            yield Diagnostic("warning", "job.unknown", f"no unit knows a job {job_name!r}", path, hint)

    def _found_on_units(self, job: str, automation: str | None, where: str, path: str) -> Iterator[Diagnostic] | None:
        """Return the findings about what a plugin brings; None for what is built in, and if no unit answers."""
        if self._availability is None or is_built_in(job, automation):
            return None
        return self._availability.check(job, automation, where, path)

    def _act(self, job: str, act: Action, path: str) -> Iterator[Diagnostic]:
        if is_skipped(act):
            return
        yield from _time_of(act, path)
        yield from self._condition(act.if_, f"{path}.if")
        match act:
            case Start() | Update():
                yield from self._values(act.options, f"{path}.options")
                if isinstance(act, Update) and job != LEDS:
                    yield from self._settings(job, act.options, f"{path}.options")
                else:
                    yield from self._options(job, act.options, f"{path}.options")
                if isinstance(act, Start):
                    yield from self._values(act.config_overrides, f"{path}.config_overrides")
            case Log():
                yield from self._log(act, path)
            case Resume() if job == LEDS:
                yield Diagnostic(
                    "error", "led_intensity.resume", "LEDs are not paused, so they cannot be resumed", f"{path}.type",
                    "Use start or update with the intensities that they should have.",
                )  # fmt: skip
            case When():
                yield from self._when(job, act, path)
            case Repeat():
                yield from self._repeat(job, act, path)

    def _options(self, job: str, options: Mapping[str, object], path: str) -> Iterator[Diagnostic]:
        models = self._models_for(path)
        if job in (*PUMPS, "pumps"):
            yield from volume_faults(job, options, models, path)
        automation = self._automation_of(job, options)
        faults = list(faults_of(job, options, automation, path, self._plugin_jobs))
        on_units = (
            None if automation is None else self._found_on_units(job, automation, path.partition(".jobs.")[0], path)
        )
        if on_units is not None:
            faults = [*on_units, *(fault for fault in faults if fault.code != "automation.unknown")]
        faults += self._bound_faults(job, options, path, faults)
        known = self._command_options(job)
        yield from (fault for fault in faults if not known or fault.code != "option.unknown")
        for name in options:
            if known and name.replace("-", "_").rstrip("_") not in known:
                yield Diagnostic(
                    "warning", "option.unknown", f"{job} has no option {name!r}", f"{path}.{name}",
                    f"It has: {', '.join(sorted(known))}.",
                )  # fmt: skip

    def _settings(self, job: str, settings: Mapping[str, object], path: str) -> Iterator[Diagnostic]:
        """Compare what an update sets with the settings of the job."""
        faults = list(update_faults(job, settings, self._automation_of(job, {}), path, self._plugin_jobs))
        yield from [*faults, *self._bound_faults(job, settings, path, faults)]

    def _bound_faults(
        self, job: str, options: Mapping[str, object], path: str, faults: Iterable[Diagnostic]
    ) -> list[Diagnostic]:
        """Return the faults by the models of units, unless a value is out of the bounds of all models."""
        if any(fault.code == "option.value" for fault in faults):
            return []
        try:
            classes = classes_for(job, self._automation_of(job, options), self._plugin_jobs)
        except NotFoundError:
            return []  # reported with the other faults
        return list(model_faults(classes, options, self._models_for(path), path))

    def _command_options(self, job: str) -> frozenset[str] | None:
        """Return the options of a job's command; nothing for automations and for `pumps`, which take others."""
        if self._jobs is None or job == "pumps" or (job in JOBS and job.endswith(AUTOMATION)):
            return None
        return self._jobs.get(job)

    def _models_for(self, path: str) -> Mapping[str, ReactorModel]:
        """Return the models of the units that an action is for."""
        if self._units is None or not path.startswith("pioreactors."):
            return self._units if self._units is not None else {}
        return {unit: model for unit, model in self._units.items() if path.startswith(f"pioreactors.{unit}.jobs.")}

    def _automation_of(self, job: str, options: Mapping[str, object]) -> str | None:
        """Return the automation that options are for: the one named, or the only one that the profile starts."""
        named = options.get("automation_name", options.get("automation-name"))
        if isinstance(named, str):
            return None if "${{" in named else named
        jobs = [self._profile.common.jobs, *(block.jobs for block in self._profile.pioreactors.values())]
        started = {name for each in jobs if job in each for name in _automations(each[job].actions)}
        return started.pop() if len(started) == 1 else None

    def _log(self, act: Log, path: str) -> Iterator[Diagnostic]:
        if act.options.level.upper() not in LEVELS:
            yield Diagnostic(
                "error", "log.level.invalid", f"{act.options.level!r} is no level", f"{path}.options.level",
                f"One of {', '.join(LEVELS)}.",
            )  # fmt: skip
        for text in bracketed_expressions(act.options.message):
            yield from self._expression(text, f"{path}.options.message", is_condition=False)

    def _when(self, job: str, act: When, path: str) -> Iterator[Diagnostic]:
        if act.awaited is None:
            yield Diagnostic(
                "error", "when.condition.missing", "a when needs a condition to wait for", path, "Add wait_until."
            )
        elif act.wait_until is not None and act.condition is not None:
            yield Diagnostic(
                "warning", "when.condition.ambiguous", "wait_until is used, condition is not", f"{path}.condition"
            )
        yield from self._condition(act.awaited, f"{path}.wait_until")
        for number, inner in enumerate(act.actions):
            yield from self._act(job, inner, f"{path}.actions[{number}]")

    def _repeat(self, job: str, act: Repeat, path: str) -> Iterator[Diagnostic]:
        yield from self._condition(act.while_, f"{path}.while")
        every_s = None
        if act.interval is None:
            yield Diagnostic(
                "error", "repeat.every.missing", "a repeat needs a time between rounds", path, "Add every."
            )
        else:
            if act.every is not None and act.repeat_every_hours is not None:
                yield Diagnostic(
                    "warning", "repeat.every.ambiguous", "repeat_every_hours is used, every is not", f"{path}.every"
                )
            every_s = yield from _positive(act.interval, f"{path}.every")
        if act.longest is not None:
            yield from _positive(act.longest, f"{path}.max_time")
        for number, inner in enumerate(act.actions):
            here = f"{path}.actions[{number}]"
            yield from self._act(job, inner, here)
            if every_s is not None and _seconds_or_none(inner) is not None and due_s(inner) > every_s:
                yield Diagnostic(
                    "warning", "repeat.unreachable_action",
                    f"it is due {format_duration(due_s(inner))} into a {format_duration(every_s)} round and never runs",
                    f"{here}.t", "Make the round longer, or the time shorter.",
                )  # fmt: skip

    def _values(self, values: Mapping[str, object], path: str) -> Iterator[Diagnostic]:
        for name, value in values.items():
            if isinstance(value, str) and value.strip().startswith("${{"):
                yield from self._expression(value, f"{path}.{name}", is_condition=False)

    def _condition(self, condition: Condition | None, path: str) -> Iterator[Diagnostic]:
        if isinstance(condition, str):
            yield from self._expression(condition, path, is_condition=True)

    def _expression(self, text: str, path: str, *, is_condition: bool) -> Iterator[Diagnostic]:
        try:
            tree = parse(bare(text))
        except InvalidProfileError as error:
            yield Diagnostic("error", "expression.syntax", str(error), path, error.remedy)
            return
        known = _OWN_WORDS | set(self._profile.inputs)
        for word in _misused(tree, as_truth=is_condition, as_number=False):
            if word.lower() not in known and word not in known:
                yield Diagnostic(
                    "error", "expression.unknown_name", f"{word!r} is no input, and stands for itself as a text", path,
                    "Add it to inputs, or write unit:job:setting to read what a job says.",
                )  # fmt: skip


def _only_logs(actions: Sequence[Act]) -> bool:
    """Return whether actions only write to the log, for which any name will do."""
    return bool(actions) and all(
        _only_logs(act.actions) if isinstance(act, When | Repeat) else isinstance(act, Log) for act in actions
    )


def _automations(actions: Iterable[Act]) -> Iterator[str]:
    """Give the names of the automations that actions start, those within a when or repeat included."""
    for act in actions:
        if isinstance(act, When | Repeat):
            yield from _automations(act.actions)
        elif isinstance(act, Start) and isinstance(named := act.options.get("automation_name"), str):
            yield named


def _evaluated_once(act: Act, path: str) -> Iterator[Diagnostic]:
    """Tell that an `if` on a value of a job is not waited for."""
    if isinstance(act.if_, str) and _LOOKUP.search(act.if_) and not isinstance(act, When | Repeat):
        yield Diagnostic(
            "info", "if.evaluated_once", "`if` is evaluated once, when the action is due", path,
            "The action is skipped if it is false then; to wait for it, use an action of type when.",
        )  # fmt: skip


def _misused(tree: Expression, *, as_truth: bool, as_number: bool) -> Iterator[str]:
    """Give bare words that stand where a number or a truth is needed."""
    match tree:
        case Word(word) if as_truth or as_number:
            yield word
        case Signed(_, operand):
            yield from _misused(operand, as_truth=False, as_number=True)
        case Negated(operand):
            yield from _misused(operand, as_truth=True, as_number=False)
        case Operation(sign, left, right):
            for side in (left, right):
                yield from _misused(
                    side, as_truth=sign in ("and", "or"), as_number=sign not in ("and", "or", "==", "!=")
                )


def _time_of(act: Act, path: str) -> Iterator[Diagnostic]:
    if act.t is not None and act.hours_elapsed is not None:
        yield Diagnostic(
            "error", "action.time.conflict", "both t and hours_elapsed say when", path, "Keep one of them."
        )
        return
    if act.t is None and act.hours_elapsed is None:
        yield Diagnostic("error", "action.time.missing", "no time is given", path, "Add t, such as t: 30m.")
        return
    name = "t" if act.t is not None else "hours_elapsed"
    try:
        if due_s(act) < 0:
            yield Diagnostic("error", "time.negative", "a time before the beginning", f"{path}.{name}")
    except InvalidProfileError as error:
        yield Diagnostic("error", "time.invalid", str(error), f"{path}.{name}", error.remedy)


def _seconds_or_none(act: Act) -> float | None:
    try:
        return due_s(act)
    except InvalidProfileError:
        return None


def _positive(moment: Moment, path: str) -> Generator[Diagnostic, None, float | None]:
    """Give a finding when a duration is none; return its seconds otherwise."""
    try:
        length_s = seconds(moment)
    except InvalidProfileError as error:
        yield Diagnostic("error", "time.invalid", str(error), path, error.remedy)
        return None
    if length_s <= 0:
        yield Diagnostic("error", "time.non_positive", "a duration must be longer than nothing", path)
        return None
    return length_s


def _order(job: str, actions: Iterable[Act], path: str, *, is_started: bool) -> Iterator[Diagnostic]:
    """Warn of what happens to a job before anything started it."""
    timed = [
        (number, act, moment) for number, act in enumerate(actions) if (moment := _seconds_or_none(act)) is not None
    ]
    starts = [moment for _, act, moment in timed if isinstance(act, Start | When | Repeat)]
    first_s = 0.0 if is_started else min(starts, default=float("inf"))
    for number, act, moment in timed:
        if isinstance(act, Stop | Pause | Resume | Update) and moment < first_s:
            yield Diagnostic(
                "warning", "job.ordering.before_start", f"nothing in this profile has started {job} by then",
                f"{path}.actions[{number}]", "Fine if the job runs already when the profile begins.",
            )  # fmt: skip


def check_plugins(needed: Iterable[PluginRequirement], installed: Mapping[str, str]) -> None:
    """Raise `InvalidProfileError` when a plugin is missing or of another version. `installed`: name → version."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet
    from packaging.version import InvalidVersion, Version

    for plugin in needed:
        version = installed.get(plugin.name, installed.get(plugin.name.replace("_", "-")))
        if version is None:
            raise InvalidProfileError(
                f"the profile needs the plugin {plugin.name}, which is not installed",
                remedy=f"Install {plugin.name} {plugin.version} on the leader and the workers.",
            )
        wanted = plugin.version.strip()
        try:
            fits = Version(version) in SpecifierSet(wanted if wanted[:1] in "<>=" else f"=={wanted}", prereleases=True)
        except (InvalidSpecifier, InvalidVersion) as error:
            raise InvalidProfileError(f"the version of {plugin.name} cannot be compared: {error}") from error
        if not fits:
            raise InvalidProfileError(
                f"the profile needs {plugin.name} {wanted}, but {version} is installed",
                remedy="Install a matching version, or change `plugins` in the profile.",
            )
