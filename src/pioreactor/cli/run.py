"""`pio run`: starts a job or an action in this process. The web server starts jobs with it as well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import click

from pioreactor.cli.cli_context import CliContext
from pioreactor.cli.lazy_group import Entry, LazyGroup
from pioreactor.job_catalog import JOBS, JobSpec

_RUNNING = "pioreactor.cli.running"

_ACTIONS: Final[Mapping[str, Entry]] = {
    "led_intensity": Entry(f"{_RUNNING}.leds", "led_intensity", "Set LEDs."),
    "add_media": Entry(f"{_RUNNING}.pumps", "add_media", "Add media to the vial."),
    "add_alt_media": Entry(f"{_RUNNING}.pumps", "add_alt_media", "Add alternative media to the vial."),
    "remove_waste": Entry(f"{_RUNNING}.pumps", "remove_waste", "Remove waste from the vial."),
    "circulate_media": Entry(f"{_RUNNING}.pumps", "circulate_media", "Rinse with media."),
    "circulate_alt_media": Entry(f"{_RUNNING}.pumps", "circulate_alt_media", "Rinse with alternative media."),
    "pumps": Entry(f"{_RUNNING}.pumps", "pumps", "Move liquid and wait, step by step."),
    "od_blank": Entry(f"{_RUNNING}.od_blank", "od_blank", "Measure the signal of the photodiodes without a culture."),
    "camera_snapshot": Entry(f"{_RUNNING}.camera_snapshot", "camera_snapshot", "Take a still of the vial."),
    "self_test": Entry(f"{_RUNNING}.self_test", "self_test", "Check every part of this reactor."),
    "calibration_action": Entry(
        f"{_RUNNING}.calibration_action",
        "calibration_action",
        "Perform a step of a calibration.",
    ),
    "stirring_calibration": Entry(
        f"{_RUNNING}.stirring_calibration",
        "stirring_calibration",
        "Measure stirring speed against duty.",
    ),
    "experiment_profile": Entry(
        f"{_RUNNING}.experiment_profile", "experiment_profile", "Run an experiment profile.", True
    ),
    "export_experiment_data": Entry(
        f"{_RUNNING}.export_experiment_data", "export_experiment_data", "Write recorded data to a zip archive.", True
    ),
    "backup_database": Entry(f"{_RUNNING}.backup", "backup_database", "Copy the leader's database, verified.", True),
}
"""Commands that are not jobs; those of jobs are built from their classes."""


def _entry(spec: JobSpec) -> Entry:
    module, _, attribute = spec.address.partition(":")
    return Entry(module, attribute, spec.summary, spec.leader_only)


ENTRIES: Final[Mapping[str, Entry]] = {
    **{name: _entry(spec) for name, spec in JOBS.items() if not spec.is_service},
    **_ACTIONS,
    **{name: _entry(spec) for name, spec in JOBS.items() if spec.is_service},
}


_REPAIRS: Final = frozenset({"led_intensity", "backup_database", "export_experiment_data"})
"""Actions that switch something off or save data, whatever is wrong with the configuration."""


def _runs_with_faults(name: str | None) -> bool:
    """Return whether a job or an action runs although values of the configuration were skipped."""
    return name is not None and (name in _REPAIRS or (name in JOBS and JOBS[name].is_service))


class RunGroup(LazyGroup):
    """Commands of built-in jobs and actions, and of plugins: their own, and one for each job class without one."""

    entries: ClassVar[Mapping[str, Entry]] = ENTRIES
    _plugins_are_loaded = False

    def load_plugins(self) -> None:
        """Import plugins and take over their commands. Once per process."""
        if self._plugins_are_loaded:
            return
        self._plugins_are_loaded = True
        from pioreactor.cli.plugin_commands import add_plugin_commands

        add_plugin_commands(self)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        from pioreactor.jobs.restart_policy import run_argv

        run_argv.set(tuple(args))
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        self.load_plugins()
        return [*super().list_commands(ctx), *sorted(set(self.commands) - set(self.entries))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        self.load_plugins()
        defined = self.commands.get(cmd_name)
        if defined is not None:
            return defined
        if cmd_name in JOBS:
            from pioreactor.cli.run_commands import command_of

            return command_of(JOBS[cmd_name])
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        self.load_plugins()
        if args and args[0] in self.commands:
            return args[0], self.commands[args[0]], args[1:]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.load_plugins()
        super().format_commands(ctx, formatter)
        extra = {name: command for name, command in self.commands.items() if name not in self.entries}
        if extra:
            with formatter.section("Jobs of plugins"):
                formatter.write_dl([(name, command.get_short_help_str(80)) for name, command in sorted(extra.items())])


@click.group(
    name="run",
    cls=RunGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    short_help="Start a job or an action in this process.",
)
@click.option(
    "--config-override",
    "overrides",
    type=(str, str, str),
    multiple=True,
    metavar="SECTION KEY VALUE",
    help="Change a value of the configuration for this process; may be repeated.",
)
@click.pass_context
def run(ctx: click.Context, overrides: tuple[tuple[str, str, str], ...]) -> None:
    """Start a job or an action. It runs until it is done, or until Ctrl-C or `pio kill` ends it."""
    if isinstance(ctx.obj, CliContext) and ctx.obj.has_runtime:
        return
    from pioreactor.bootstrap import build_runtime
    from pioreactor.runtime import context

    runtime = build_runtime(overrides=overrides, refuses_faults=not _runs_with_faults(ctx.invoked_subcommand))
    context.install(runtime)
    for warning in runtime.settings.notices:
        click.echo(f"Warning: {warning}", err=True)
