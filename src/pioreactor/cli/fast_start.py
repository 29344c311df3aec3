"""Start of jobs without options that skips the parser of the command line, which costs each process 1.5 MB."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pioreactor.jobs.job import BackgroundJob


def can_start(arguments: list[str]) -> bool:
    """Return whether the line only names such a job, on a unit without plugins, which may change any job."""
    if len(arguments) != 2 or arguments[0] != "run":
        return False
    from pioreactor.job_catalog import JOBS

    if arguments[1] not in JOBS or JOBS[arguments[1]].has_options:
        return False
    from pioreactor.plugin_management.presence import are_there_plugins
    from pioreactor.storage.paths import Paths

    return not are_there_plugins(Paths.from_environment(os.environ).plugins)


def start_and_exit(name: str) -> None:
    """Run the job until it ends, and exit with the code of a command."""
    from pioreactor.cli.exit_codes import run_to_exit_code

    sys.exit(run_to_exit_code(lambda: _run(name)))


def _run(name: str) -> None:
    from pioreactor.bootstrap import build_runtime
    from pioreactor.cli.user_check import refuse_wrong_user
    from pioreactor.job_catalog import JOBS
    from pioreactor.jobs.restart_policy import run_argv
    from pioreactor.runtime import context
    from pioreactor.storage.paths import Paths

    refuse_wrong_user(Paths.from_environment(os.environ).dot_pioreactor)
    runtime = build_runtime(refuses_faults=not JOBS[name].is_service)
    context.install(runtime)
    for warning in runtime.settings.notices:
        sys.stderr.write(f"Warning: {warning}\n")
    run_argv.set((name,))
    job: type[BackgroundJob] = JOBS[name].load()
    job.run_from_options()


def import_msgspec() -> None:
    """Import msgspec without `typing_extensions`, which it imports if installed but does not need (0.7 MB)."""
    if "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        import msgspec  # noqa: F401
    finally:
        del sys.modules["typing_extensions"]
