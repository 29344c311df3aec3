"""Commands that skip the parser of the command line: jobs without options (1.5 MB each), and the list of jobs.

The list of jobs is asked for often, by people and scripts. It imports `sqlite3` and little else; whatever is unusual
is left to the command itself.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # `typing` is not imported for it
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from sqlite3 import Connection

    from pioreactor.jobs.job import BackgroundJob

LISTED = ("job_id", "job_name", "experiment", "job_source", "started_at", "ended_at", "pid")
"""What `pio jobs list` shows."""
_LISTS = (["jobs", "list"], ["jobs", "list", "all"], ["jobs", "list", "running"], ["jobs", "running"])
_VOLATILE_STORE = "cache/local_intermittent_pioreactor_metadata.sqlite"
"""As in `Paths`, which takes two starts of Python to import."""
_MOST_LISTED = 100


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


def listed_jobs(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str] | None:
    """Return the lines of `pio jobs list`; None if the line says something else, or the command itself must do it.

    So it is without records of this boot, when a job has ended without recording that, and for root where it is
    refused.
    """
    if list(arguments) not in _LISTS or not _may_look(environment):
        return None
    import sqlite3

    file = f"{_folder(environment, 'RUN_PIOREACTOR', '/run/pioreactor')}/{_VOLATILE_STORE}"
    try:
        with open(file, "rb"):  # noqa: PTH123  a URI would not name the file if it is missing
            connection = sqlite3.connect(file, timeout=1.0)
        try:
            return _listed(connection, is_running_only="running" in arguments)
        finally:
            connection.close()
    except (sqlite3.Error, OSError):
        return None


def _listed(connection: Connection, *, is_running_only: bool) -> list[str] | None:
    from pioreactor.cli.table_lines import table_lines
    from pioreactor.processes.liveness import boot_id, is_alive

    if connection.execute("SELECT boot_id FROM volatile_boot").fetchone() != (boot_id(),):
        return None
    living = connection.execute("SELECT pid, process_started_at FROM pio_job_metadata WHERE is_running = 1").fetchall()
    if not all(is_alive(pid, started_at) for pid, started_at in living):
        return None  # the command records the end
    found = connection.execute(
        f"SELECT {', '.join(LISTED)} FROM pio_job_metadata {'WHERE is_running = 1' if is_running_only else ''}"
        " ORDER BY started_at DESC, job_id DESC LIMIT ?",
        (_MOST_LISTED,),
    ).fetchall()
    if not found:
        return ["No jobs."]
    titles, *lines = table_lines([dict(zip(LISTED, row, strict=True)) for row in found], LISTED)
    return [f"\033[1m{titles}\033[0m" if sys.stdout.isatty() else titles, *lines]


def _may_look(environment: Mapping[str, str]) -> bool:
    """Return whether the command is allowed for sure: root may not use the data of another user."""
    if os.geteuid() != 0:
        return True
    try:
        return os.stat(_folder(environment, "DOT_PIOREACTOR", "/home/pioreactor/.pioreactor")).st_uid == 0  # noqa: PTH116
    except OSError:
        return False


def _folder(environment: Mapping[str, str], variable: str, default: str) -> str:
    return os.path.expanduser(environment.get(variable, "") or default)  # noqa: PTH111
