"""Whether the units of a cluster can run what a profile starts: jobs and automations of plugins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Final

from pioreactor.automations import registry
from pioreactor.did_you_mean import nearest
from pioreactor.experiment_profiles.lenient_reader import Diagnostic
from pioreactor.experiment_profiles.option_checks import AUTOMATION
from pioreactor.job_catalog import ACTION_OPTIONS, JOBS

CAPABILITIES = "/unit_api/capabilities"
OF_PRESENT_CLUSTER: Final = frozenset({"unit.unknown", "job.unknown", "automation.unknown"})
"""Codes of findings that a unit or a plugin which is added later can cure."""
RunnableByUnit = Mapping[str, Collection[str]]
"""Jobs, and automations as `dosing_automation/name`, of each unit that answered."""


def runnable_by_unit(reports: object) -> dict[str, frozenset[str]]:
    """Return what each unit that answered can run, from the leader's report of `CAPABILITIES`."""
    found = {}
    for unit, report in (reports if isinstance(reports, dict) else {}).items():
        capabilities = report.get("value") if isinstance(report, dict) and report.get("ok") else None
        if isinstance(capabilities, list):
            found[str(unit)] = frozenset(_name_of(one) for one in capabilities if isinstance(one, dict))
    return found


def _name_of(capability: Mapping[str, object]) -> str:
    job, automation = str(capability.get("job_name")), capability.get("automation_name")
    return f"{job}/{automation}" if automation else job


def is_built_in(job: str, automation: str | None = None) -> bool:
    """Return whether every unit can run it without a plugin."""
    if automation is None:
        return job in JOBS or job in ACTION_OPTIONS
    return automation in registry.BUILT_IN.get(job.removesuffix(AUTOMATION), ())


class Availability:
    """Compares what a profile starts with what units can run; they are asked once, and only if plugins matter."""

    def __init__(self, units: Collection[str], ask: Callable[[], RunnableByUnit]) -> None:
        """`units` are those of the cluster; `ask` returns what those that answer can run."""
        self._units = units
        self._ask = ask

    @cached_property
    def _runnable(self) -> RunnableByUnit:
        return self._ask()

    def check(self, job: str, automation: str | None, where: str, path: str) -> Iterator[Diagnostic] | None:
        """Return the findings about a job or automation at `where` (`common` or `pioreactors.<unit>`).

        None if nothing is known, because no unit concerned answers. It is an error where no unit concerned can run it,
        all of them having answered. Units that are off may have the plugin.
        """
        named = where.removeprefix("pioreactors.")
        concerned = [unit for unit in self._units if where == "common" or unit == named]
        answered = [unit for unit in concerned if unit in self._runnable]
        if not answered:
            return None
        name = job if automation is None else f"{job}/{automation}"
        lacking = [unit for unit in answered if name not in self._runnable[unit]]
        is_impossible = len(lacking) == len(concerned)
        return self._findings(job, automation, lacking, path, is_impossible=is_impossible)

    def _findings(
        self, job: str, automation: str | None, lacking: list[str], path: str, *, is_impossible: bool
    ) -> Iterator[Diagnostic]:
        if not lacking:
            return
        what, kind = (f"job {job!r}", "job") if automation is None else (f"{job} {automation!r}", "automation")
        units = ", ".join(sorted(lacking))
        yield Diagnostic(
            "error" if is_impossible else "warning",
            f"{kind}.unknown",
            f"there is no {what} on {units}",
            path if automation is None else f"{path}.automation_name",
            self._hint(job, automation, lacking),
        )

    def _hint(self, job: str, automation: str | None, lacking: list[str]) -> str:
        known = {name for unit in lacking for name in self._runnable[unit]}
        if automation is None:
            names = {name for name in known if "/" not in name} | set(ACTION_OPTIONS)
        else:
            names = {name.removeprefix(f"{job}/") for name in known if name.startswith(f"{job}/")}
        near = nearest(automation if automation is not None else job, sorted(names))
        return f"Is {near!r} meant?" if near else "Install the plugin that has it: pios plugins install NAME."
